import { toHex } from "@bauta/protocol";
import { type ConformanceCase, type Exchange, FORGED } from "./case.ts";
import { type Choice, editChunk, indexOfField, parseChunk, writeChunk } from "./relayed-answer.ts";
import { onStream } from "./stream-case.ts";
import { answerAsStranger, negate, sealAsStranger } from "./stranger.ts";

const ANYONE_CAN_SEAL = "anyone can seal to the key in the client's header, so version 1 tells only by the receipt";

/** Where in an envelope a bit is turned, in hex digits from its start (or, if negative, its end). */
const PARTS: Readonly<Record<string, number>> = { "sender-prefix": 1, "sender-key": 40, nonce: 140, ciphertext: 155, tag: -1 };

const inContent = (
  id: string,
  cases: readonly string[],
  expected: ConformanceCase["expected"],
  title: string,
  edit: (choice: Choice, exchange: Exchange) => void,
): ConformanceCase =>
  onStream(`chunk/${id}`, cases, expected, title, (blocks, exchange) =>
    editChunk(blocks, indexOfField(blocks, "content", 1), (_chunk, choice) => edit(choice, exchange)),
  );

/** Another member with text in it, beside a genuine envelope. */
const beside = (member: string, where: "delta" | "choice", value: unknown): ConformanceCase =>
  inContent(`add-${where}-${member.replaceAll("_", "-")}`, ["17b", "19"], "aborted", `adds ${member} with text to a ${where}`, (choice) => {
    if (where === "delta") choice.delta[member] = value;
    else choice[member] = value;
  });

/** Chunks that an enclave never sent. */
export const chunkAttacks: readonly ConformanceCase[] = [
  // Envelopes that were tampered with
  ...(["content", "reasoning_content"] as const).flatMap((field) =>
    Object.entries(PARTS).map(([part, at]) =>
      onStream(
        `chunk/bit-in-${part}-of-${field.replaceAll("_", "-")}`,
        ["16"],
        "aborted",
        `turns a bit in the ${part.replaceAll("-", " ")} of a ${field} envelope`,
        (blocks) =>
          editChunk(blocks, indexOfField(blocks, field), (_chunk, { delta }) => {
            delta[field] = flipDigit(String(delta[field]), at);
          }),
      ),
    ),
  ),
  inContent(
    "envelope-cut",
    ["16"],
    "aborted",
    "cuts an envelope's last byte",
    ({ delta }) => void (delta["content"] = String(delta["content"]).slice(0, -2)),
  ),
  inContent(
    "envelope-odd",
    ["16"],
    "aborted",
    "cuts an envelope's last hex digit",
    ({ delta }) => void (delta["content"] = String(delta["content"]).slice(0, -1)),
  ),
  inContent(
    "envelope-too-short",
    ["16"],
    "aborted",
    "sends hex that is too short for an envelope",
    ({ delta }) => void (delta["content"] = "00".repeat(92)),
  ),
  inContent(
    "envelope-upper-case",
    ["18"],
    "unverified",
    "writes an envelope's hex in capitals",
    ({ delta }) => void (delta["content"] = String(delta["content"]).toUpperCase()),
  ),
  onStream("chunk/swapped-field", ["18"], "unverified", "moves an envelope from content to reasoning_content", (blocks) =>
    editChunk(blocks, indexOfField(blocks, "content"), (_chunk, choice) => {
      choice.delta = { reasoning_content: choice.delta["content"] };
    }),
  ),

  // Plaintext where an envelope belongs
  inContent("plaintext-content", ["19"], "aborted", "puts plaintext into content", ({ delta }) => void (delta["content"] = FORGED)),
  inContent(
    "plaintext-reasoning",
    ["19"],
    "aborted",
    "puts plaintext into reasoning_content",
    (choice) => void (choice.delta = { reasoning_content: FORGED }),
  ),
  inContent(
    "plaintext-hex",
    ["19"],
    "aborted",
    "puts plaintext in hex into content",
    ({ delta }) => void (delta["content"] = Buffer.from(FORGED.repeat(10)).toString("hex")),
  ),
  inContent(
    "plaintext-parts",
    ["19"],
    "aborted",
    "puts plaintext into content as a list of parts",
    ({ delta }) => void (delta["content"] = [{ type: "text", text: FORGED }]),
  ),
  inContent(
    "plaintext-object",
    ["19"],
    "aborted",
    "puts plaintext into content as an object",
    ({ delta }) => void (delta["content"] = { text: FORGED }),
  ),
  onStream("chunk/plaintext-before-all", ["19"], "aborted", "begins with a chunk in plaintext", (blocks) => plaintextCopy(blocks, 0)),
  onStream("chunk/plaintext-after-all", ["19"], "aborted", "ends with a chunk in plaintext before the finish reason", (blocks) =>
    plaintextCopy(blocks, indexOfField(blocks, "content", 3) + 1),
  ),

  // Text in other places
  beside("tool_calls", "delta", [{ index: 0, id: "call_1", type: "function", function: { name: "send", arguments: FORGED } }]),
  beside("function_call", "delta", { name: "send", arguments: FORGED }),
  beside("refusal", "delta", FORGED),
  beside("audio", "delta", { transcript: FORGED }),
  beside("reasoning", "delta", FORGED),
  beside("text", "choice", FORGED),
  beside("message", "choice", { role: "assistant", content: FORGED }),
  beside("logprobs", "choice", { content: [{ token: FORGED, logprob: 0, bytes: null, top_logprobs: [] }] }),
  inContent(
    "finish-reason-with-text",
    ["19"],
    "aborted",
    "writes a sentence into finish_reason",
    (choice) => void (choice.finish_reason = FORGED),
  ),
  inContent("role-with-text", ["19"], "aborted", "writes a sentence into role", ({ delta }) => void (delta["role"] = FORGED)),
  inContent("other-index", ["19"], "aborted", "gives the choice another index", (choice) => void (choice.index = 1)),
  onStream("chunk/second-choice", ["19"], "aborted", "adds a second choice in plaintext", (blocks) =>
    editChunk(
      blocks,
      indexOfField(blocks, "content"),
      (chunk) => void chunk.choices?.push({ index: 1, delta: { content: FORGED }, finish_reason: null }),
    ),
  ),
  beside("token_ids", "delta", [70, 111, 114, 103, 101, 100]),
  onStream("chunk/event-without-choices", ["19"], "aborted", "adds an event whose text stands in no choice", (blocks) =>
    blocks.toSpliced(1, 0, writeChunk({ delta: { content: FORGED } })),
  ),
  onStream("chunk/sign-of-life", ["18"], "unverified", "adds an event without text", (blocks) =>
    blocks.toSpliced(1, 0, writeChunk({ type: "ping" })),
  ),
  onStream("chunk/newer-name-of-reasoning", ["18"], "unverified", "renames reasoning_content to reasoning", (blocks) =>
    editChunk(blocks, indexOfField(blocks, "reasoning_content"), (_chunk, choice) => {
      choice.delta = { reasoning: choice.delta["reasoning_content"] };
    }),
  ),
  onStream("chunk/top-level-member", ["18"], "unverified", "adds text at a chunk's top level", (blocks) =>
    editChunk(blocks, indexOfField(blocks, "content"), (chunk) => void (chunk["system_fingerprint"] = FORGED)),
  ),
  onStream("chunk/other-id", ["18"], "unverified", "renames the answer", (blocks) =>
    blocks.map((block) => {
      const chunk = parseChunk(block);
      return chunk ? writeChunk({ ...chunk, id: "chatcmpl-00000000000000000000000000000000" }) : block;
    }),
  ),
  onStream("chunk/usage-added", ["18"], "unverified", "adds token counts of its own", (blocks) =>
    editChunk(
      blocks,
      indexOfField(blocks, "content"),
      (chunk) => void (chunk["usage"] = { prompt_tokens: 1e6, completion_tokens: 1e6, total_tokens: 2e6 }),
    ),
  ),

  // Envelopes by somebody else
  inContent(
    "reflected",
    ["17a"],
    "aborted",
    "reflects the client's own envelope",
    ({ delta }, { envelopes }) => void (delta["content"] = envelopes[0]),
  ),
  reflected("reflected-as-model", "reflects the client's envelope under the model's key", ({ genuine }) => genuine.publicKey),
  reflected("reflected-as-negated-model", "reflects the client's envelope under the model key's other point", ({ genuine }) =>
    negate(genuine.publicKey),
  ),
  reflected("reflected-as-negated-client", "reflects the client's envelope under the client key's other point", ({ clientKey }) =>
    negate(clientKey),
  ),
  {
    ...onStream(
      "chunk/strangers-chunk",
      ["18"],
      "unverified",
      "injects a chunk that a stranger sealed to the client",
      async (blocks, exchange) => {
        const envelope = await sealAsStranger(exchange);
        const at = indexOfField(blocks, "content", 1);
        return blocks.toSpliced(
          at,
          0,
          ...editChunk([blocks[at] ?? ""], 0, (_chunk, choice) => void (choice.delta = { content: envelope })),
        );
      },
    ),
    forgedTextMayShow: ANYONE_CAN_SEAL,
  },
  {
    ...onStream(
      "chunk/strangers-answer",
      ["18"],
      "unverified",
      "has a stranger answer, and sign with a key of its own",
      async (blocks, exchange) => {
        const first = parseChunk(blocks[0] ?? "");
        const { blocks: own } = await answerAsStranger(exchange, {
          id: String(first?.["id"]),
          model: String(first?.["model"]),
          created: Number(first?.["created"]),
        });
        return own;
      },
    ),
    forgedTextMayShow: ANYONE_CAN_SEAL,
  },
  onStream("chunk/earlier-answer", ["18"], "aborted", "repeats the answer to an earlier question", (_blocks, { genuine }) =>
    genuine.earlier.answer.blocks.map(String),
  ),
];

function reflected(id: string, title: string, sender: (exchange: Exchange) => Uint8Array): ConformanceCase {
  return inContent(id, ["17a"], "aborted", title, ({ delta }, exchange) => {
    delta["content"] = toHex(sender(exchange)) + (exchange.envelopes[0] ?? "").slice(130);
  });
}

function flipDigit(hex: string, at: number): string {
  const index = at < 0 ? hex.length + at : at;
  return hex.slice(0, index) + (Number.parseInt(hex[index] ?? "0", 16) ^ 1).toString(16) + hex.slice(index + 1);
}

function plaintextCopy(blocks: readonly string[], at: number): string[] {
  const [copy = ""] = editChunk(
    [blocks[indexOfField(blocks, "content")] ?? ""],
    0,
    (_chunk, choice) => void (choice.delta = { content: FORGED }),
  );
  return blocks.toSpliced(at, 0, copy);
}
