import { HEADERS, type Receipt } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { createSealedWriter } from "@bauta/protocol/enclave";
import { describe, expect, it } from "vitest";
import {
  ask,
  at,
  beginStream,
  CANARY,
  DELTAS,
  eventJson,
  type Exchange,
  MODEL,
  QUESTION,
  readAll,
  reply,
  servedReceipt,
  startServer,
  TEXT,
  toEvent,
  VISIBLE_MODEL,
  withDelta,
} from "./scripted-server.test.ts";

// The events of an honest answer: 0 role, 1 reasoning, 2–4 content, 5 finish, 6 [DONE], 7 receipt.
type Change = (events: string[], exchange: Exchange) => string[] | Promise<string[]>;

const NO_RECEIPT = 7;
const FINISH = 5;

/** Answers with a changed stream; the receipt that the enclave would serve stays honest. */
async function askWith(change: Change) {
  const server = await startServer({
    async chat(exchange) {
      exchange.stream(await change(await exchange.events(), exchange));
    },
  });
  return { server, ...(await ask(server)) };
}

function replaceAt(events: string[], i: number, ...replacement: string[]): string[] {
  return events.toSpliced(i, 1, ...replacement);
}

const contentOf = (event: string): string => eventJson(event).choices[0]?.delta["content"] as string;

/** One bit of an envelope, counted from its start, turned over. */
function flipped(hex: string, byte: number): string {
  const at = byte < 0 ? hex.length + byte * 2 : byte * 2;
  return hex.slice(0, at) + (Number.parseInt(hex.slice(at, at + 2), 16) ^ 1).toString(16).padStart(2, "0") + hex.slice(at + 2);
}

/** An envelope that somebody other than the enclave sealed to the client. */
async function strangersEvent({ request }: Exchange): Promise<string> {
  const clientKey = Buffer.from(request.headers[HEADERS.clientPublicKey] as string, "hex");
  const writer = await createSealedWriter(backend, clientKey, { id: "chatcmpl-x", model: MODEL, created: 1 });
  return Buffer.from(await writer.delta({ content: "INJECTED" })).toString();
}

describe("what breaks the rules of a sealed stream: the iteration throws and nothing is verified", () => {
  const cases: [string, string, Change][] = [
    [
      "a flipped bit in the ciphertext",
      "envelope_not_opened",
      (e) => replaceAt(e, 2, withDelta(at(e, 2), { content: flipped(contentOf(at(e, 2)), 80) })),
    ],
    [
      "a flipped bit in the tag",
      "envelope_not_opened",
      (e) => replaceAt(e, 2, withDelta(at(e, 2), { content: flipped(contentOf(at(e, 2)), -1) })),
    ],
    [
      "a flipped bit in the nonce",
      "envelope_not_opened",
      (e) => replaceAt(e, 2, withDelta(at(e, 2), { content: flipped(contentOf(at(e, 2)), 66) })),
    ],
    [
      "a flipped bit in the sender's key",
      "envelope_not_opened",
      (e) => replaceAt(e, 2, withDelta(at(e, 2), { content: flipped(contentOf(at(e, 2)), 40) })),
    ],
    [
      "an envelope cut short",
      "plaintext_received",
      (e) => replaceAt(e, 2, withDelta(at(e, 2), { content: contentOf(at(e, 2)).slice(0, 180) })),
    ],
    ["plaintext content", "plaintext_received", (e) => e.toSpliced(2, 0, withDelta(at(e, 2), { content: "INJECTED" }))],
    ["plaintext reasoning", "plaintext_received", (e) => e.toSpliced(2, 0, withDelta(at(e, 2), { reasoning_content: "INJECTED" }))],
    [
      "the request's own envelope, reflected",
      "envelope_reflected",
      (e, { body }) =>
        e.toSpliced(
          2,
          0,
          withDelta(at(e, 2), { content: (JSON.parse(body.toString()) as { messages: { content: string }[] }).messages[1]?.content }),
        ),
    ],
    [
      "logprobs",
      "unexpected_member",
      (e) =>
        replaceAt(
          e,
          2,
          toEvent({ ...eventJson(at(e, 2)), choices: [{ ...eventJson(at(e, 2)).choices[0], logprobs: { content: [{ token: "x" }] } }] }),
        ),
    ],
    ["a tool call", "unexpected_member", (e) => e.toSpliced(2, 0, withDelta(at(e, 2), { tool_calls: [{ function: { name: "rm" } }] }))],
    ["a refusal in clear", "unexpected_member", (e) => e.toSpliced(2, 0, withDelta(at(e, 2), { refusal: "no" }))],
    [
      "a second choice",
      "malformed_answer",
      (e) =>
        e.toSpliced(2, 0, toEvent({ ...eventJson(at(e, 2)), choices: [eventJson(at(e, 2)).choices[0], eventJson(at(e, 2)).choices[0]] })),
    ],
    [
      "text behind the finish reason",
      "malformed_answer",
      async (e, exchange) => e.toSpliced(FINISH + 1, 0, await strangersEvent(exchange)),
    ],
    ["something that is not JSON", "malformed_answer", (e) => e.toSpliced(2, 0, "data: hello\n\n")],
    ["a line without an end", "malformed_answer", (e) => [...e.slice(0, 2), `data: ${"x".repeat(1024 * 1024 + 1)}`]],
  ];
  it.each(cases)("%s: %s", async (_name, code, change) => {
    const { server, text, thrown, outcome } = await askWith(change);
    expect(thrown).toMatchObject({ name: "RefusalError", code });
    expect(outcome).toMatchObject({ status: "unverified", receipt: undefined });
    expect(outcome.reason).toBe((thrown as Error).message);
    expect(text).not.toContain("INJECTED");
    expect(server.count("tee/signature")).toBe(0);
  });

  it("aborts the request at that point", async () => {
    let hungUp: Promise<unknown> | undefined;
    const server = await startServer({
      async chat(exchange) {
        const events = await exchange.events();
        hungUp = new Promise((resolve) => exchange.response.on("close", resolve));
        beginStream(exchange).write(events.toSpliced(2, 0, withDelta(at(events, 2), { content: "INJECTED" })).join(""));
      },
    });
    expect((await ask(server)).outcome.status).toBe("unverified");
    await hungUp;
    expect(server.exchanges[0]?.response.writableFinished).toBe(false);
  });
});

describe("what only the receipt can show: the iteration ends, nothing is verified", () => {
  const cases: [string, Change][] = [
    ["a dropped chunk", (e) => e.toSpliced(3, 1)],
    ["a repeated chunk", (e) => e.toSpliced(3, 0, at(e, 3))],
    ["reordered chunks", (e) => [...e.slice(0, 2), at(e, 3), at(e, 2), ...e.slice(4)]],
    ["a stranger's chunk", async (e, exchange) => e.toSpliced(3, 0, await strangersEvent(exchange))],
    ["content moved to reasoning", (e) => replaceAt(e, 2, withDelta(at(e, 2), { reasoning_content: contentOf(at(e, 2)) }))],
    ["an added comment", (e) => e.toSpliced(2, 0, ": hello\n\n")],
    ["a changed finish reason", (e) => replaceAt(e, FINISH, at(e, FINISH).replace('"stop"', '"length"'))],
  ];
  it.each(cases)("%s", async (_name, change) => {
    const { thrown, outcome } = await askWith(change);
    expect(thrown).toBeUndefined();
    expect(outcome).toMatchObject({ status: "unverified", receipt: undefined, reason: expect.stringContaining("response_sha256") });
  });
});

describe("what ends early is incomplete, whatever receipt it shows", () => {
  const cases: [string, string, Change][] = [
    ["cut after a chunk", "before [DONE]", (e) => e.slice(0, 3)],
    ["cut within a chunk", "before [DONE]", (e) => [...e.slice(0, 3), at(e, 3).slice(0, 90)]],
    ["nothing at all", "before [DONE]", () => []],
    ["no [DONE], receipt shown", "before [DONE]", (e) => e.toSpliced(6, 1)],
    ["no finish reason, receipt shown", "finish reason", (e) => e.toSpliced(FINISH, 1)],
    ["an early [DONE], receipt shown", "finish reason", (e) => [...e.slice(0, 3), at(e, 6), at(e, 7)]],
    [
      "an error event, receipt shown",
      "engine failed",
      (e) => e.toSpliced(3, 0, toEvent({ error: { message: "x", type: "y", code: "engine_failed", param: null } })),
    ],
  ];
  it.each(cases)("%s", async (_name, reason, change) => {
    const { thrown, outcome, text } = await askWith(change);
    expect(thrown).toBeUndefined();
    expect(TEXT).toContain(text);
    expect(outcome).toMatchObject({ status: "incomplete", reason: expect.stringContaining(reason), receipt: undefined });
  });

  it("a broken connection", async () => {
    const server = await startServer({
      async chat(exchange) {
        const events = await exchange.events();
        beginStream(exchange).write(events.slice(0, 3).join(""), () => exchange.response.destroy());
      },
    });
    const { thrown, text, outcome } = await ask(server);
    expect([thrown, text]).toEqual([undefined, "Two"]);
    expect(outcome).toMatchObject({ status: "incomplete", reason: expect.stringContaining("connection broke") });
  });

  it("repeats no more of an error event than may be shown", async () => {
    const message = `bad\r\n\u001b[2J${"x".repeat(100)} do not trust`;
    const sealed = await askWith((e) => e.toSpliced(3, 0, toEvent({ error: { message, code: "odd" } })));
    expect(sealed.outcome.reason).toMatch(/bad \[2Jx+ do not trust.*hint/);
    const server = await startServer({
      chat: (exchange) => exchange.stream([toEvent({ error: { message: `no: ${CANARY}`, code: CANARY } })]),
    });
    const { outcome } = await readAll(
      await server.client().chat({ model: VISIBLE_MODEL, messages: QUESTION }, { allowGatewayVisible: true }),
    );
    expect(outcome.status).toBe("incomplete");
    expect(outcome.reason).not.toContain(CANARY);
  });
});

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

  it("the documented text alone proves a sealed answer, whose request is never repeated, and not a plain one", async () => {
    const server = await startServer({
      async chat(exchange) {
        exchange.stream((await exchange.events()).slice(0, NO_RECEIPT));
      },
      signature(_request, response) {
        const { text, signature } = servedReceipt(at([...server.receipts.values()].toReversed(), 0));
        reply(response, 200, { text, signature });
      },
    });
    expect((await ask(server)).outcome).toMatchObject({ status: "verified", receipt: undefined, finishReason: "stop" });
    const plain = await readAll(await server.client().chat({ model: VISIBLE_MODEL, messages: QUESTION }, { allowGatewayVisible: true }));
    expect(plain.outcome).toMatchObject({ status: "unverified", reason: expect.stringContaining("earlier, equal request") });
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
