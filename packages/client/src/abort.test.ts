import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { beginStream, createGate, type Exchange, MODEL, QUESTION, readAll, rejection, reply, startServer } from "./scripted-server.test.ts";

const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);
process.on("unhandledRejection", note);
afterEach(async () => {
  // Node reports a rejection after the microtasks of its turn.
  await new Promise((resolve) => setImmediate(resolve));
  expect(unhandled).toEqual([]);
});

const STOP = new Error("the user pressed stop");
const ask = { model: MODEL, messages: QUESTION };

/** A server that sends two chunks and waits. */
async function startStalled() {
  const closed: Promise<unknown>[] = [];
  const server = await startServer({
    async chat(exchange) {
      closed.push(once(exchange.response, "close"));
      beginStream(exchange).write((await exchange.events()).slice(0, 3).join(""));
    },
  });
  return { server, closed };
}

describe("abort by the caller's signal", () => {
  it("before anything: nothing is asked", async () => {
    const server = await startServer();
    const signal = AbortSignal.abort(STOP);
    expect(await rejection(server.client().chat(ask, { signal }))).toBe(STOP);
    expect(await rejection(server.client().attest(MODEL, { signal }))).toBe(STOP);
    expect(await rejection(server.client().models({ signal }))).toBe(STOP);
    expect(server.seen).toEqual([]);
  });

  it("while attesting: nothing is sent", async () => {
    const gate = createGate();
    const server = await startServer({ attestation: () => gate.pass() });
    const controller = new AbortController();
    const chat = server.client().chat(ask, { signal: controller.signal });
    await gate.arrival();
    controller.abort(STOP);
    expect(await rejection(chat)).toBe(STOP);
    expect(server.count("chat")).toBe(0);
  });

  it("while waiting for the answer: the connection is closed", async () => {
    const gate = createGate();
    let exchange: Exchange | undefined;
    const server = await startServer({
      chat(one) {
        exchange = one;
        return gate.pass();
      },
    });
    const controller = new AbortController();
    const chat = server.client().chat(ask, { signal: controller.signal });
    await gate.arrival();
    const closed = once(exchange!.response, "close");
    controller.abort(STOP);
    expect(await rejection(chat)).toBe(STOP);
    await closed;
  });

  it("while an error's body arrives", async () => {
    const gate = createGate();
    const server = await startServer({
      chat: ({ response }) => {
        response.writeHead(500, { "content-type": "application/json" }).write("{");
        return gate.pass();
      },
    });
    const controller = new AbortController();
    const chat = server.client().chat(ask, { signal: controller.signal });
    await gate.arrival();
    controller.abort(STOP);
    expect(await rejection(chat)).toBe(STOP);
  });

  it("within the answer: the iteration throws the signal's reason, the outcome is incomplete", async () => {
    const { server, closed } = await startStalled();
    const controller = new AbortController();
    const chat = await server.client().chat(ask, { signal: controller.signal });
    const shown: string[] = [];
    const loop = (async () => {
      for await (const { content } of chat) {
        shown.push(content);
        if (content === "Two") queueMicrotask(() => controller.abort(STOP));
      }
    })();
    expect(await rejection(loop)).toBe(STOP);
    expect(shown.join("")).toBe("Two");
    expect(await chat.outcome).toMatchObject({ status: "incomplete", reason: expect.stringContaining("aborted") });
    await closed[0];
  });

  it("while nobody reads: the outcome resolves and the connection is closed at once", async () => {
    const { server, closed } = await startStalled();
    const controller = new AbortController();
    const chat = await server.client().chat(ask, { signal: controller.signal });
    controller.abort(STOP);
    expect(await chat.outcome).toMatchObject({ status: "incomplete" });
    await closed[0];
    expect((await readAll(chat)).thrown).toBe(STOP);
  });

  it("while the receipt is fetched: all was shown, nothing is verified", async () => {
    const gate = createGate();
    const server = await startServer({
      async chat(exchange) {
        exchange.stream((await exchange.events()).slice(0, 7));
      },
      signature: () => gate.pass(),
    });
    const controller = new AbortController();
    const chat = await server.client().chat(ask, { signal: controller.signal });
    const read = readAll(chat);
    await gate.arrival();
    controller.abort(STOP);
    const { thrown, outcome } = await read;
    expect(thrown).toBe(STOP);
    expect(outcome).toMatchObject({ status: "unverified", reason: expect.stringContaining("before its receipt") });
  });

  it("after the end changes nothing", async () => {
    const server = await startServer();
    const controller = new AbortController();
    const chat = await server.client().chat(ask, { signal: controller.signal });
    const { thrown, outcome } = await readAll(chat);
    controller.abort(STOP);
    expect([thrown, outcome.status]).toEqual([undefined, "verified"]);
    expect((await readAll(chat)).outcome).toBe(outcome);
  });
});

describe("leaving the iteration", () => {
  it("by break closes the connection; the outcome is incomplete", async () => {
    const { server, closed } = await startStalled();
    const chat = await server.client().chat(ask);
    for await (const _ of chat) break;
    expect(await chat.outcome).toMatchObject({ status: "incomplete", reason: expect.stringContaining("stopped reading") });
    await closed[0];
  });

  it("before its first step", async () => {
    const { server, closed } = await startStalled();
    const chat = await server.client().chat(ask);
    await chat[Symbol.asyncIterator]().return?.();
    expect((await chat.outcome).status).toBe("incomplete");
    await closed[0];
  });

  it("while a step waits", async () => {
    const { server, closed } = await startStalled();
    const chat = await server.client().chat(ask);
    const iterator = chat[Symbol.asyncIterator]();
    await iterator.next();
    await iterator.next();
    const pending = iterator.next();
    await iterator.return?.();
    expect(await pending).toMatchObject({ done: true });
    expect((await chat.outcome).status).toBe("incomplete");
    await closed[0];
  });

  it("steps that are not awaited come in order", async () => {
    const server = await startServer();
    const iterator = (await server.client().chat(ask))[Symbol.asyncIterator]();
    const steps = await Promise.all(Array.from({ length: 6 }, () => iterator.next()));
    expect(steps.map(({ done, value }) => (done ? "end" : value.reasoning + value.content))).toEqual([
      "think",
      "Two",
      " and ☂",
      " two",
      "end",
      "end",
    ]);
  });
});

describe("time limits", () => {
  it("for attestation and models", async () => {
    const gate = createGate();
    const server = await startServer({ attestation: () => gate.pass(), models: () => gate.pass() });
    const client = server.client({ timeouts: { answerMs: 50 } });
    expect(await rejection(client.attest(MODEL))).toMatchObject({ code: "timeout", action: "retry" });
    expect(await rejection(client.models())).toMatchObject({ code: "timeout" });
  });

  it("for a body that stops halfway", async () => {
    const server = await startServer({ models: (_request, response) => void response.writeHead(200).write("{") });
    expect(await rejection(server.client({ timeouts: { answerMs: 50 } }).models())).toMatchObject({ code: "timeout" });
  });

  it("for the head of an answer, and not for what follows it", async () => {
    const gate = createGate();
    const server = await startServer({ chat: () => gate.pass() });
    expect(await rejection(server.client({ timeouts: { headMs: 50 } }).chat(ask))).toMatchObject({ code: "timeout" });

    server.script.chat = async (exchange) => exchange.stream(await exchange.events());
    const chat = await server.client({ timeouts: { headMs: 200, idleMs: 200 } }).chat(ask);
    // A caller who takes longer than both limits to begin reading.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await readAll(chat)).outcome.status).toBe("verified");
  });

  it("for silence within an answer", async () => {
    const { server } = await startStalled();
    const { thrown, text, outcome } = await readAll(await server.client({ timeouts: { idleMs: 50 } }).chat(ask));
    expect([thrown, text]).toEqual([undefined, "Two"]);
    expect(outcome).toMatchObject({ status: "incomplete", reason: expect.stringContaining("50 ms") });
  });

  it("for a receipt that does not come: unverified", async () => {
    const gate = createGate();
    const server = await startServer({
      async chat(exchange) {
        exchange.stream((await exchange.events()).slice(0, 7));
      },
      signature: () => gate.pass(),
    });
    const { outcome } = await readAll(await server.client({ timeouts: { receiptMs: 50 } }).chat(ask));
    expect(outcome).toMatchObject({ status: "unverified", reason: expect.stringContaining("time limit") });
  });

  it("hold for a fetch that ignores its signal", async () => {
    const server = await startServer({ models: (_request, response) => reply(response, 200, { data: [] }) });
    const deaf = () => new Promise<Response>(() => undefined);
    expect(await rejection(server.client({ fetch: deaf, timeouts: { answerMs: 50 } }).models())).toMatchObject({ code: "timeout" });
    const silent = async () => new Response(new ReadableStream());
    expect(await rejection(server.client({ fetch: silent, timeouts: { answerMs: 50 } }).models())).toMatchObject({ code: "timeout" });
  });
});
