import { describe, expect, it } from "vitest";
import {
  ask,
  askWith,
  at,
  beginStream,
  CANARY,
  type Change,
  eventJson,
  FINISH,
  QUESTION,
  readAll,
  replaceAt,
  startServer,
  strangersEvent,
  TEXT,
  toEvent,
  VISIBLE_MODEL,
  withDelta,
} from "./scripted-server.test.ts";

const contentOf = (event: string): string => eventJson(event).choices[0]?.delta["content"] as string;

/** One bit of an envelope, counted from its start, turned over. */
function flipped(hex: string, byte: number): string {
  const at = byte < 0 ? hex.length + byte * 2 : byte * 2;
  return hex.slice(0, at) + (Number.parseInt(hex.slice(at, at + 2), 16) ^ 1).toString(16).padStart(2, "0") + hex.slice(at + 2);
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
