import type { Receipt } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { describe, expect, it } from "vitest";
import {
  ask,
  askWith,
  at,
  beginStream,
  CANARY,
  DELTAS,
  FINISH,
  MODEL,
  NO_RECEIPT,
  QUESTION,
  readAll,
  replaceAt,
  reply,
  servedReceipt,
  startServer,
  strangersEvent,
  TEXT,
  VISIBLE_MODEL,
} from "./scripted-server.test.ts";

describe("receipts", () => {
  const withReceipt = (receipt: Partial<Receipt>) =>
    startServer({
      async chat(exchange) {
        exchange.stream(await exchange.events({ receipt }));
      },
    });
  const lies: [keyof Receipt, Partial<Receipt>][] = [
    ["request_id", { request_id: "chatcmpl-other" }],
    ["model", { model: "e2ee-other" }],
    ["client_nonce", { client_nonce: "00".repeat(32) }],
    ["client_nonce", { client_nonce: null }],
    ["request_sha256", { request_sha256: "00".repeat(32) }],
    ["response_sha256", { response_sha256: "00".repeat(32) }],
    ["envelopes_sha256", { envelopes_sha256: "00".repeat(32) }],
    ["envelopes_sha256", { envelopes_sha256: null }],
  ];
  it.each(lies)("signed, but with another %s (%j)", async (member, receipt) => {
    const { outcome, thrown } = await ask(await withReceipt(receipt));
    expect(thrown).toBeUndefined();
    expect(outcome).toMatchObject({ status: "unverified", reason: expect.stringContaining(member), receipt: undefined });
  });

  it("signed by another key", async () => {
    const signer = backend.createKeyPair();
    const server = await startServer({
      async chat(exchange) {
        exchange.stream(await exchange.events({ signer }));
      },
    });
    expect((await ask(server)).outcome).toMatchObject({ status: "unverified", reason: expect.stringContaining("attested key") });
  });

  it("of another request, honest in itself", async () => {
    const kept: string[] = [];
    const server = await startServer({
      async chat(exchange) {
        const events = await exchange.events();
        kept.push(at(events, NO_RECEIPT));
        exchange.stream(replaceAt(events, NO_RECEIPT, at(kept, 0)));
      },
    });
    expect((await ask(server)).outcome.status).toBe("verified");
    expect((await ask(server)).outcome).toMatchObject({ status: "unverified", reason: expect.stringContaining("request_id") });
  });

  it("a forged one is not replaced by the honest one that the server would serve", async () => {
    const { server, outcome } = await askWith((e) => replaceAt(e, NO_RECEIPT, `${at(e, NO_RECEIPT).trimEnd().slice(0, -4)}001b\n\n`));
    expect(outcome.status).toBe("unverified");
    expect(server.count("tee/signature")).toBe(0);
  });

  it("nothing behind [DONE] and its receipt is used", async () => {
    const { text, outcome } = await askWith(async (e, exchange) => [
      ...e,
      await strangersEvent(exchange),
      "data: garbage\n\n",
      at(e, FINISH),
    ]);
    expect([text, outcome.status]).toEqual([TEXT, "verified"]);
  });

  it.each([
    ["left out", (e: string[]) => e.slice(0, NO_RECEIPT)],
    ["garbled", (e: string[]) => replaceAt(e, NO_RECEIPT, ": bauta-receipt !! 0x00\n\n")],
  ])("%s inline: fetched and verified", async (_name, change) => {
    const { server, outcome, text } = await askWith(change);
    expect([text, outcome.status, outcome.reason]).toEqual([TEXT, "verified", undefined]);
    expect(outcome.receipt?.request_id).toBe(outcome.requestId);
    expect(outcome.receiptKind).toBe("bauta");
    expect(server.seen.at(-1)).toBe(`tee/signature?model=${MODEL}&request_id=${outcome.requestId}`);
  });

  it("held back while the connection stays open: fetched after the time limit", async () => {
    const server = await startServer({
      async chat(exchange) {
        beginStream(exchange).write((await exchange.events()).slice(0, NO_RECEIPT).join(""));
      },
    });
    const { outcome } = await ask(server, { timeouts: { receiptMs: 300 } });
    expect(outcome.status).toBe("verified");
    expect(server.count("tee/signature")).toBe(1);
  });

  it("an endless rest behind [DONE] is not read", async () => {
    const server = await startServer({
      async chat(exchange) {
        const response = beginStream(exchange);
        response.write((await exchange.events()).slice(0, NO_RECEIPT).join(""));
        const more = () => {
          while (!response.destroyed && response.write(`: ${"x".repeat(8192)}\n\n`));
        };
        response.on("drain", more);
        more();
      },
    });
    expect((await ask(server)).outcome.status).toBe("verified");
  });

  type Served = ReturnType<typeof servedReceipt>;
  const served: [string, string, (honest: Served) => unknown][] = [
    ["an empty document", "no text", () => ({})],
    ["null", "no text", () => null],
    ["a text that is not two digests", "two SHA-256", (r) => ({ ...r, text: "hello" })],
    ["a text with a foreign signature", "attested key", (r) => ({ ...r, signature: r.receipt_signature })],
    ["a signature of zeros", "attested key", (r) => ({ ...r, signature: `0x${"00".repeat(64)}1b` })],
    ["a forged receipt beside an honest text", "attested key", (r) => ({ ...r, receipt: { ...r.receipt, model: "e2ee-other" } })],
    ["a receipt without its signature", "receipt_signature", (r) => ({ ...r, receipt_signature: undefined })],
    ["a receipt with a member too many", "members", (r) => ({ ...r, receipt: { ...r.receipt, extra: 1 } })],
  ];
  it.each(served)("served: %s", async (_name, reason, change) => {
    const server = await startServer({
      async chat(exchange) {
        exchange.stream((await exchange.events()).slice(0, NO_RECEIPT));
      },
      signature: (_request, response) => reply(response, 200, change(servedReceipt(at([...server.receipts.values()], 0)))),
    });
    expect((await ask(server)).outcome).toMatchObject({ status: "unverified", reason: expect.stringContaining(reason) });
  });

  /** Cuts the comment behind `[DONE]`, and serves what `strip` leaves of the receipt. */
  async function startStripping(strip: (honest: Served) => unknown) {
    const server = await startServer({
      async chat(exchange) {
        exchange.stream((await exchange.events()).slice(0, NO_RECEIPT));
      },
      signature: (_request, response) => reply(response, 200, strip(servedReceipt(at([...server.receipts.values()].toReversed(), 0)))),
    });
    return server;
  }
  const stripped: [string, (honest: Served) => unknown][] = [
    ["taken out", ({ text, signature }) => ({ text, signature })],
    ["set to null", (r) => ({ ...r, receipt: null, receipt_signature: null })],
  ];

  it.each(stripped)("stripped to the documented text, %s: unverified, and the reason names the option", async (_how, strip) => {
    const { outcome, text } = await ask(await startStripping(strip));
    expect(text).toBe(TEXT);
    expect(outcome).toMatchObject({ status: "unverified", receipt: undefined, receiptKind: undefined });
    expect(outcome.reason).toMatch(/bauta\/receipt\/1.*receipts: "documented"/);
  });

  it.each(stripped)(
    'the documented text, %s, is enough where the caller says receipts: "documented", and the outcome says so',
    async (_how, strip) => {
      const { outcome } = await ask(await startStripping(strip), { receipts: "documented" });
      expect(outcome).toMatchObject({
        status: "verified",
        reason: undefined,
        receipt: undefined,
        receiptKind: "documented",
        finishReason: "stop",
      });
    },
  );

  it.each([
    ["its receipt", (r: Served) => ({ ...r, receipt: undefined })],
    ["its receipt's signature", (r: Served) => ({ ...r, receipt_signature: undefined })],
  ])('receipts: "documented" is no leave to take out only %s', async (_name, strip) => {
    const { outcome } = await ask(await startStripping(strip), { receipts: "documented" });
    expect(outcome).toMatchObject({ status: "unverified", receiptKind: undefined, reason: expect.stringContaining("receipt_signature") });
  });

  it('a bauta/receipt/1 that is there must hold under receipts: "documented" too', async () => {
    const server = await startServer();
    expect((await ask(server, { receipts: "documented" })).outcome).toMatchObject({ status: "verified", receiptKind: "bauta" });
    const forged = await withReceipt({ model: "e2ee-other" });
    const { outcome } = await ask(forged, { receipts: "documented" });
    expect(outcome).toMatchObject({ status: "unverified", reason: expect.stringContaining("model"), receiptKind: undefined });
    expect(forged.count("tee/signature")).toBe(0);
  });

  it('a documented text of other digests does not hold under receipts: "documented"', async () => {
    const server = await startServer({
      async chat(exchange) {
        exchange.stream((await exchange.events()).toSpliced(3, 1).slice(0, NO_RECEIPT - 1));
      },
      signature(_request, response) {
        const { text, signature } = servedReceipt(at([...server.receipts.values()], 0));
        reply(response, 200, { text, signature });
      },
    });
    expect((await ask(server, { receipts: "documented" })).outcome).toMatchObject({
      status: "unverified",
      reason: expect.stringContaining("another request or answer"),
    });
  });

  it.each(["bauta", "documented"] as const)("the documented text never proves a plain answer (receipts: %j)", async (receipts) => {
    const client = (await startStripping(({ text, signature }) => ({ text, signature }))).client({ receipts });
    const { outcome } = await readAll(await client.chat({ model: VISIBLE_MODEL, messages: QUESTION }, { allowGatewayVisible: true }));
    expect(outcome).toMatchObject({ status: "unverified", reason: expect.stringContaining("earlier, equal request") });
    // It would not help.
    expect(outcome.reason).not.toContain("receipts:");
  });

  it("repeats no prompt that a server puts into its refusal of a receipt", async () => {
    const server = await startServer({
      async chat(exchange) {
        exchange.stream((await exchange.events()).slice(0, NO_RECEIPT));
      },
      signature: (_request, response) => reply(response, 500, { error: { message: `no: ${CANARY}`, code: CANARY } }),
    });
    const { outcome } = await readAll(
      await server.client().chat({ model: VISIBLE_MODEL, messages: QUESTION }, { allowGatewayVisible: true }),
    );
    expect(outcome.status).toBe("unverified");
    expect(outcome.reason).not.toContain(CANARY);
  });

  it("withheld altogether: unverified, with the server's word as a hint", async () => {
    const server = await startServer({
      async chat(exchange) {
        exchange.stream((await exchange.events({ deltas: DELTAS })).slice(0, NO_RECEIPT));
      },
      signature: (_request, response) => reply(response, 404, { error: { message: "gone", code: "receipt_not_found" } }),
    });
    const { thrown, outcome } = await ask(server);
    expect(thrown).toBeUndefined();
    expect(outcome).toMatchObject({ status: "unverified", reason: expect.stringMatching(/404.*hint/) });
  });
});

describe("a relay that writes bodies anew", () => {
  /** As JSON libraries do: the same values, spaced otherwise. */
  const respaced = (events: string[]) =>
    events.map((event) =>
      event.startsWith("data: {") ? event.replace(/^data: (.*)/, (_, json: string) => `data: ${json.replaceAll(":", ": ")}`) : event,
    );

  it("answers: unverified, and says that the sealed text is what the enclave signed", async () => {
    const { text, outcome } = await askWith((events) => respaced(events));
    expect(text).toBe(TEXT);
    expect(outcome).toMatchObject({ status: "unverified", receipt: undefined, receiptKind: undefined });
    expect(outcome.reason).toMatch(/wrote the answer anew \(response_sha256 differs\).*envelopes_sha256 holds/);
  });

  it("the same of a receipt that was fetched", async () => {
    const { outcome } = await askWith((events) => respaced(events.slice(0, NO_RECEIPT)));
    expect(outcome).toMatchObject({ status: "unverified", reason: expect.stringContaining("envelopes_sha256 holds") });
  });

  it("requests: says that their parameters could be others", async () => {
    const server = await startServer({
      async chat(exchange) {
        exchange.stream(await exchange.events({ receipt: { request_sha256: "11".repeat(32) } }));
      },
    });
    const { outcome } = await ask(server);
    expect(outcome).toMatchObject({ status: "unverified", reason: expect.stringMatching(/wrote the request anew.*parameters/) });
  });

  it("takes no envelope out, and claims nothing for a receipt of another request", async () => {
    const dropped = await askWith((events) => respaced(events.toSpliced(3, 1)));
    expect(dropped.outcome.reason).not.toContain("anew");
    const other = await askWith(async (_events, exchange) =>
      respaced(await exchange.events({ receipt: { client_nonce: "00".repeat(32) } })),
    );
    expect(other.outcome.status).toBe("unverified");
    expect(other.outcome.reason).not.toContain("anew");
    const stranger = await askWith(async (_events, exchange) => respaced(await exchange.events({ signer: backend.createKeyPair() })));
    expect(stranger.outcome.reason).toContain("attested key");
    expect(stranger.outcome.reason).not.toContain("anew");
  });
});
