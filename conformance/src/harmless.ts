import { withoutComment } from "./attack-receipt.ts";
import { untilReattested } from "./attack-request.ts";
import { type ConformanceCase, FORGED, type Misbehaviour } from "./case.ts";
import { sealAsStranger } from "./stranger.ts";
import { editChunk, indexOfField, type JsonObject, type RelayedAnswer, writeChunk } from "./relayed-answer.ts";

const harmless = (id: string, cases: readonly string[], title: string, misbehaviour: Misbehaviour): ConformanceCase => ({
  id: `harmless/${id}`,
  cases,
  title,
  expected: "verified",
  misbehaviour,
});

const pieces = (answer: RelayedAnswer, bytes: number): RelayedAnswer => {
  const all = Buffer.from(answer.blocks.join(""));
  return { ...answer, blocks: Array.from({ length: Math.ceil(all.length / bytes) }, (_, i) => all.subarray(i * bytes, (i + 1) * bytes)) };
};

/** What a client must take: a suite whose every answer is refused would prove nothing. */
export const harmlessCases: readonly ConformanceCase[] = [
  harmless("honest", [], "behaves", {}),
  { ...harmless("gpus", ["11"], "behaves, and has GPUs", {}), gpus: {} },
  harmless("hex-quote", [], "serves the quote in hex", {
    attest: (genuine) => ({ ...genuine, intel_quote: Buffer.from(String(genuine["intel_quote"]), "base64").toString("hex") }),
  }),
  harmless("event-log-stripped", ["12"], "takes away those digests that follow from names and payloads", {
    attest: (genuine) => ({
      ...genuine,
      event_log: (genuine["event_log"] as readonly JsonObject[]).map((event) => (event["imr"] === 3 ? { ...event, digest: "" } : event)),
    }),
  }),
  harmless("not-verified", [], "says verified: false, which decides nothing either", {
    attest: (genuine) => ({ ...genuine, verified: false }),
  }),
  harmless("no-keys-statement", ["17c"], "leaves the keys statement out, which this policy does not require", {
    attest: ({ keys: _keys, keys_signature: _signature, ...rest }) => rest,
  }),
  harmless("collateral-eight-days-old", ["9"], "serves collateral of eight days ago that is still valid", {
    attest: (genuine, _asked, { genuine: { platform } }) => ({
      ...genuine,
      endorsements: platform.issueCollateral(Date.now() - 8 * 86_400_000),
    }),
  }),
  harmless("byte-by-byte", ["26"], "splits the answer at every byte", { answer: (answer) => pieces(answer, 1) }),
  harmless("in-thirds", ["26"], "splits the answer within envelopes and characters", { answer: (answer) => pieces(answer, 97) }),
  harmless("at-once", ["26"], "sends the answer in one piece", { answer: (answer) => pieces(answer, 1 << 20) }),
  harmless("receipt-only-served", ["17c"], "leaves the receipt out of the stream and serves it", {
    answer: (answer) => ({ ...answer, blocks: withoutComment(answer.blocks) }),
  }),
  harmless("receipt-only-in-stream", ["17c"], "sends the receipt in the stream and serves none", { signature: () => undefined }),
  harmless("text-after-done", ["30"], "sends text in plaintext behind [DONE]", { answer: (answer) => afterDone(answer, FORGED) }),
  harmless("sealed-text-after-done", ["30"], "has a stranger seal text behind [DONE]", {
    answer: async (answer, exchange) => afterDone(answer, await sealAsStranger(exchange)),
  }),
  harmless("stale-key", ["22"], "says that nobody holds the model key, until the client attests anew", {
    request: untilReattested,
  }),
];

function afterDone(answer: RelayedAnswer, content: string): RelayedAnswer {
  const blocks = answer.blocks.map(String);
  const [block = ""] = editChunk(
    [blocks[indexOfField(blocks, "content")] ?? writeChunk({})],
    0,
    (_chunk, choice) => void (choice.delta = { content }),
  );
  const comment = blocks.at(-1) ?? "";
  return { ...answer, blocks: [...blocks.slice(0, -1), block, comment] };
}
