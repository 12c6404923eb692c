import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { ChatRequest } from "@bauta/protocol";
import { afterEach, describe, expect, it } from "vitest";
import { type Engine, type EngineEvent, EngineSetupError } from "./engine.ts";
import { createOpenAiEngine, type OpenAiEngineOptions } from "./openai-engine.ts";

const REQUEST: ChatRequest = {
  model: "tee-demo",
  messages: [
    { role: "developer", content: "be brief" },
    { role: "user", content: "secret question" },
  ],
  sampling: { maxTokens: 9, temperature: 0.5, stop: ["x"] },
  stream: true,
  includeUsage: false,
  omitReasoning: false,
};
const never = new AbortController().signal;
const open: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

/** A server that answers each request with `handle`, and an engine in front of it. */
async function start(
  handle: (request: IncomingMessage, response: ServerResponse, body: string) => void,
  options: Partial<OpenAiEngineOptions> = {},
): Promise<{ engine: Engine; server: Server }> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => handle(request, response, Buffer.concat(parts).toString()));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const engine = createOpenAiEngine({
    baseUrl: `http://127.0.0.1:${port}/v1/`,
    upstreamModel: "served-name",
    contextTokens: 100,
    ...options,
  });
  open.push({ close: async () => (server.closeAllConnections(), new Promise((resolve) => server.close(resolve))) }, engine);
  return { engine, server };
}

const chunk = (delta: object, finish: string | null = null, more: object = {}): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }], ...more })}\n\n`;

const stream = (response: ServerResponse): ServerResponse =>
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });

async function collect(events: AsyncIterable<EngineEvent>): Promise<EngineEvent[]> {
  const all: EngineEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe("openai engine", () => {
  it("asks for a stream under the engine's own model name and reads it", async () => {
    const seen: { url?: string | undefined; authorization?: string | undefined; body?: unknown } = {};
    const { engine } = await start(
      (request, response, body) => {
        Object.assign(seen, { url: request.url, authorization: request.headers.authorization, body: JSON.parse(body) as unknown });
        stream(response);
        response.write(chunk({ role: "assistant", content: "" }));
        response.write(chunk({ reasoning_content: "hm", content: "Hel" }));
        response.write(": keep-alive\n\n");
        response.write(chunk({ reasoning: "m" }));
        response.write(chunk({ content: "lo" }));
        response.write(chunk({}, "stop"));
        response.write(`data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 99 } })}\n\n`);
        response.end("data: [DONE]\n\n");
      },
      { apiKey: "engine-key" },
    );
    const events = await collect(engine.generate(REQUEST, never));
    expect(events).toEqual([
      { type: "delta", reasoning: "hm", content: "Hel" },
      { type: "delta", reasoning: "m" },
      { type: "delta", content: "lo" },
      { type: "finish", reason: "stop", usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 } },
    ]);
    expect(seen).toEqual({
      url: "/v1/chat/completions",
      authorization: "Bearer engine-key",
      body: {
        model: "served-name",
        messages: [
          { role: "system", content: "be brief" },
          { role: "user", content: "secret question" },
        ],
        stream: true,
        stream_options: { include_usage: true },
        max_tokens: 9,
        temperature: 0.5,
        stop: ["x"],
      },
    });
  });

  it("reads a stream split at every byte, with surrogate halves apart, and says zeros for usage it was not told", async () => {
    const text = `${chunk({ content: "é中🙂" })}data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\r\n\r\ndata: {"choices":[{"delta":{"content":"\\ude00"},"finish_reason":"length"}]}\n\ndata: [DONE]\n\n`;
    const { engine } = await start((_, response) => {
      stream(response).flushHeaders();
      response.socket?.setNoDelay(true);
      void (async () => {
        for (const byte of Buffer.from(text)) await new Promise((resolve) => response.write(Buffer.of(byte), resolve));
        response.end();
      })();
    });
    expect(await collect(engine.generate(REQUEST, never))).toEqual([
      { type: "delta", content: "é中🙂" },
      { type: "delta", content: "😀" },
      { type: "finish", reason: "length", usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 } },
    ]);
  });

  it.each([
    ["not found", 404, {}, "no such model: secret question", { code: "failed", status: 404 }],
    ["server error", 500, {}, "trace: secret question", { code: "failed", status: 500 }],
    ["busy", 503, { "retry-after": "4" }, "", { code: "overloaded", retryAfterSeconds: 4 }],
    ["rate limit without a number", 429, { "retry-after": "soon" }, "", { code: "overloaded", retryAfterSeconds: 2 }],
    [
      "too long",
      400,
      {},
      '{"error":{"message":"This model\'s maximum context length is 100 tokens: secret question"}}',
      { code: "context-length" },
    ],
    ["other bad request", 400, {}, "secret question", { code: "failed", status: 400 }],
    ["redirect", 302, { location: "http://127.0.0.1:1/" }, "", { code: "failed", status: 302 }],
    ["200 that is no stream", 200, { "content-type": "application/json" }, "{}", { code: "failed" }],
    ["compressed", 200, { "content-type": "text/event-stream", "content-encoding": "gzip" }, "x", { code: "failed" }],
  ])("turns an answer that is none into an error of ours: %s", async (_, status, headers, body, expected) => {
    const { engine } = await start((_request, response) => response.writeHead(status, headers).end(body));
    const error: unknown = await collect(engine.generate(REQUEST, never)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: "EngineError", ...expected });
    expect(JSON.stringify(error) + String((error as Error).stack) + String((error as Error).cause)).not.toContain("secret question");
  });

  it.each([
    ["cut before the end", chunk({ content: "Hel" })],
    ["cut inside an event", `${chunk({ content: "Hel" }, "stop")}data: {"cho`],
    ["[DONE] without a finish reason", `${chunk({ content: "Hel" })}data: [DONE]\n\n`],
    ["error in the stream", `data: {"error":{"message":"secret question"}}\n\n`],
    ["no JSON", "data: secret question\n\n"],
    ["aborted by the engine", chunk({}, "abort")],
    ["not UTF-8", Buffer.concat([Buffer.from("data: "), Buffer.of(0xff), Buffer.from("\n\n")])],
  ])("fails on a stream that is not an answer: %s", async (_, body) => {
    const { engine } = await start((_request, response) => void stream(response).end(body));
    const error: unknown = await collect(engine.generate(REQUEST, never)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: "EngineError", code: "failed" });
    expect(String((error as Error).stack)).not.toContain("secret question");
  });

  it("fails when the connection breaks mid-stream, and reports a server that is not there", async () => {
    const { engine, server } = await start((_, response) => {
      stream(response).write(chunk({ content: "Hel" }));
      setImmediate(() => response.destroy());
    });
    await expect(collect(engine.generate(REQUEST, never))).rejects.toMatchObject({ code: "failed" });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(collect(engine.generate(REQUEST, never))).rejects.toMatchObject({ code: "unreachable" });
  });

  it("caps an event that never ends", async () => {
    const { engine } = await start((_, response) => {
      stream(response).write("data: ");
      const line = Buffer.alloc(256 * 1024, "a");
      const write = (): void => {
        while (!response.destroyed && response.write(line));
        if (!response.destroyed) response.once("drain", write);
      };
      write();
    });
    await expect(collect(engine.generate(REQUEST, never))).rejects.toMatchObject({ code: "failed" });
  });

  it.each(["abort", "return"] as const)("closes the engine's connection within a second of %s", async (how) => {
    let closed: () => void = () => {};
    const gone = new Promise<void>((resolve) => (closed = resolve));
    const { engine } = await start((_, response) => {
      stream(response).write(chunk({ content: "Hel" }));
      response.on("close", () => closed());
    });
    const controller = new AbortController();
    const iterator = engine.generate(REQUEST, controller.signal)[Symbol.asyncIterator]();
    await iterator.next();
    const pending = iterator.next();
    const startedMs = performance.now();
    if (how === "abort") controller.abort();
    else void iterator.return?.();
    await expect(pending).rejects.toMatchObject({ code: "aborted" });
    await gone;
    expect(performance.now() - startedMs).toBeLessThan(1000);
  });

  it("closes the engine's connection when the client goes before the first token", async () => {
    let arrived: () => void = () => {};
    const asked = new Promise<void>((resolve) => (arrived = resolve));
    let closed: () => void = () => {};
    const gone = new Promise<void>((resolve) => (closed = resolve));
    const { engine } = await start((_, response) => {
      response.on("close", () => closed());
      arrived();
    });
    const controller = new AbortController();
    const pending = collect(engine.generate(REQUEST, controller.signal));
    await asked;
    controller.abort();
    await expect(pending).rejects.toMatchObject({ code: "aborted" });
    await gone;
  });

  it("stops reading when nobody pulls: the engine's socket fills up and waits", async () => {
    let written = 0;
    let full: () => void = () => {};
    const blocked = new Promise<void>((resolve) => (full = resolve));
    const piece = chunk({ content: "x".repeat(64 * 1024) });
    const { engine } = await start((_, response) => {
      stream(response);
      const write = (): void => {
        for (;;) {
          if (written > 200 * 1024 * 1024) return;
          written += piece.length;
          if (!response.write(piece)) break;
        }
        const before = written;
        // A consumer that does not pull leaves the server without a drain event.
        const timer = setTimeout(() => full(), 500);
        response.once("drain", () => (clearTimeout(timer), write()));
        if (before > 100 * 1024 * 1024) full();
      };
      write();
    });
    const iterator = engine.generate(REQUEST, never)[Symbol.asyncIterator]();
    await iterator.next();
    await blocked;
    expect(written).toBeLessThan(32 * 1024 * 1024);
    await iterator.return?.();
  });

  it("queues beyond its connections and refuses beyond its queue", async () => {
    const responses: ServerResponse[] = [];
    const waiting = new Map<number, () => void>();
    const { engine } = await start(
      (_, response) => {
        stream(response).write(chunk({ content: "a" }));
        responses.push(response);
        waiting.get(responses.length)?.();
      },
      { maxConcurrent: 1, maxWaiting: 1 },
    );
    const first = engine.generate(REQUEST, never)[Symbol.asyncIterator]();
    await first.next();
    const second = collect(engine.generate(REQUEST, never));
    await expect(collect(engine.generate(REQUEST, never))).rejects.toMatchObject({ code: "overloaded", retryAfterSeconds: 2 });
    expect(responses).toHaveLength(1);
    const secondArrived = new Promise<void>((resolve) => waiting.set(2, resolve));
    responses[0]?.end(`${chunk({}, "stop")}data: [DONE]\n\n`);
    while (!(await first.next()).done);
    await secondArrived;
    responses[1]?.end(`${chunk({}, "stop")}data: [DONE]\n\n`);
    expect(await second).toHaveLength(2);
  });

  it("stops open answers when it closes and refuses new ones", async () => {
    const { engine } = await start((_, response) => void stream(response).write(chunk({ content: "a" })));
    const iterator = engine.generate(REQUEST, never)[Symbol.asyncIterator]();
    await iterator.next();
    const pending = iterator.next();
    const stopped = expect(pending).rejects.toMatchObject({ code: "aborted" });
    await engine.close();
    await stopped;
    await expect(collect(engine.generate(REQUEST, never))).rejects.toMatchObject({ code: "unreachable" });
  });

  it.each(["ftp://engine/v1", "engine:8000", "http://user:pass@engine/v1", "http://engine/v1?key=1"])(
    "refuses the base URL %s",
    (baseUrl) => {
      expect(() => createOpenAiEngine({ baseUrl, upstreamModel: "m", contextTokens: 1 })).toThrow(EngineSetupError);
    },
  );
});
