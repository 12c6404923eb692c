import { parseRichRequest } from "@bauta/protocol/enclave";
import { describe, expect, it, onTestFinished } from "vitest";
import { beginStream, chunk, startOpenAiServer } from "../testing/openai-server.ts";
import { type Engine, EngineError, type EngineEvent } from "./engine.ts";
import { createOpenAiEngine } from "./openai-engine.ts";

const never = new AbortController().signal;
const messages = [{ role: "user", content: "hi" }];
const withTools = parseRichRequest({ model: "m", messages, tools: [{ type: "function", function: { name: "time" } }] });
const plain = parseRichRequest({ model: "m", messages });
const USAGE = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };

async function start(handle?: Parameters<typeof startOpenAiServer>[0]): Promise<Engine> {
  const { baseUrl } = await startOpenAiServer(handle);
  const features = { tools: true, logprobs: true, embeddings: true };
  const engine = createOpenAiEngine({ baseUrl, upstreamModel: "upstream", contextTokens: 100, features });
  onTestFinished(() => engine.close());
  return engine;
}

async function collect(events: AsyncIterable<EngineEvent>): Promise<EngineEvent[]> {
  const all: EngineEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

/** An engine whose server streams these pieces. */
const streams = (...pieces: readonly string[]) =>
  start((_request, response) => void beginStream(response).end(`${pieces.join("")}data: [DONE]\n\n`));

describe("tool calls from an engine", () => {
  it("are passed on piece by piece, numbered where the engine does not number them", async () => {
    const engine = await streams(
      chunk({ content: "", tool_calls: [{ index: 1, id: "b", type: "function", function: { name: "time", arguments: "{" } }] }),
      chunk({ tool_calls: [{ index: 1, function: { arguments: "}" }, extra: true }] }),
      chunk({ tool_calls: [{ id: "a", function: { name: "time", arguments: "{}" } }] }, "tool_calls"),
    );
    expect(await collect(engine.generate(withTools, never))).toEqual([
      { type: "delta", toolCalls: [{ index: 1, id: "b", name: "time", arguments: "{" }] },
      { type: "delta", toolCalls: [{ index: 1, arguments: "}" }] },
      { type: "delta", toolCalls: [{ index: 0, id: "a", name: "time", arguments: "{}" }] },
      { type: "finish", reason: "tool_calls", usage: USAGE },
    ]);
  });

  it("that the engine numbers alike are told apart", async () => {
    const call = (id: string, city: string) => [
      { index: 0, id, type: "function", function: { name: "time", arguments: `{"city":"${city}"}` } },
    ];
    const engine = await streams(chunk({ tool_calls: call("a", "A") }), chunk({ tool_calls: call("b", "B") }), chunk({}, "tool_calls"));
    expect((await collect(engine.generate(withTools, never))).slice(0, 2)).toEqual([
      { type: "delta", toolCalls: [{ index: 0, id: "a", name: "time", arguments: '{"city":"A"}' }] },
      { type: "delta", toolCalls: [{ index: 1, id: "b", name: "time", arguments: '{"city":"B"}' }] },
    ]);
  });

  it("have an id, also where the engine gives none", async () => {
    const engine = await streams(chunk({ tool_calls: [{ index: 0, function: { name: "time", arguments: "{}" } }] }, "tool_calls"));
    const [delta] = await collect(engine.generate(withTools, never));
    expect(delta).toMatchObject({ toolCalls: [{ index: 0, id: expect.stringMatching(/^call_[0-9a-f-]{36}$/) as string, name: "time" }] });
  });

  it("that nobody asked for make it no answer, and log probabilities are left aside", async () => {
    const stray = [{ index: 0, id: "a", function: { name: "x", arguments: "" } }];
    for (const end of ["stop", "tool_calls"]) {
      const engine = await streams(chunk({ content: "hi", tool_calls: stray }), chunk({}, end));
      await expect(collect(engine.generate(plain, never))).rejects.toMatchObject({ code: "failed" });
    }
    const engine = await streams(
      chunk({ content: "hi" }, null, { logprobs: { content: [{ token: "hi", logprob: -1 }] } }),
      chunk({}, "stop"),
    );
    expect(await collect(engine.generate(plain, never))).toEqual([
      { type: "delta", content: "hi" },
      { type: "finish", reason: "stop", usage: USAGE },
    ]);
  });

  it.each([
    ["no call", [chunk({ content: "hi" })]],
    ["a call without a name", [chunk({ tool_calls: [{ index: 0, id: "a" }] })]],
    ["arguments that are an object", [chunk({ tool_calls: [{ index: 0, id: "a", function: { name: "time", arguments: {} } }] })]],
    [
      "two calls of one id",
      [chunk({ tool_calls: [0, 1].map((index) => ({ index, id: "a", function: { name: "time", arguments: "{}" } })) })],
    ],
    ["calls in the older form", [chunk({ function_call: { name: "time", arguments: "{}" } })]],
    ["calls that are no list", [chunk({ tool_calls: { 0: { id: "a" } } })]],
  ])("fail with %s", async (_, pieces) => {
    const engine = await streams(...pieces, chunk({}, "tool_calls"));
    await expect(collect(engine.generate(withTools, never))).rejects.toMatchObject({ code: "failed" });
  });

  it.each([
    ["an index that is none", [{ index: -1 }]],
    ["an index beyond all calls", [{ index: 128 }]],
    ["no object", ["call"]],
    ["too many", Array.from({ length: 129 }, () => ({}))],
  ])("fail with %s", async (_, calls) => {
    const engine = await streams(chunk({ tool_calls: calls }), chunk({}, "tool_calls"));
    await expect(collect(engine.generate(withTools, never))).rejects.toMatchObject({ code: "failed" });
  });
});

describe("text from an engine", () => {
  const event = (value: unknown) => `data: ${typeof value === "string" ? value : JSON.stringify(value)}\n\n`;
  it.each([
    [
      "a list of text parts",
      [
        chunk({
          content: [
            { type: "text", text: "h" },
            { type: "text", text: "i" },
          ],
        }),
      ],
      { content: "hi" },
    ],
    ["a refusal", [chunk({ refusal: "hi" })], { content: "hi" }],
    ["reasoning under two names", [chunk({ reasoning: "hi", reasoning_content: "hi" })], { reasoning: "hi" }],
    ["an empty finish reason meanwhile", [chunk({ content: "hi" }, "")], { content: "hi" }],
    ["a token's number where it stopped", [chunk({ content: "hi" }, null, { matched_stop: 151645 })], { content: "hi" }],
    ["signs of life", [event({}), event(" "), event({ choices: [] }), chunk({ content: "hi" })], { content: "hi" }],
  ])("is read: %s", async (_, pieces, delta) => {
    const engine = await streams(...pieces, chunk({}, "stop"));
    expect((await collect(engine.generate(plain, never)))[0]).toEqual({ type: "delta", ...delta });
  });

  it.each([
    ["a form that is none", [chunk({ content: { text: "hi" } })]],
    ["a part that is no text", [chunk({ content: [{ type: "image_url", image_url: "x" }] })]],
    ["two reasonings", [chunk({ reasoning: "a", reasoning_content: "b" })]],
    ["a member that nobody reads", [chunk({ thoughts: "hi" })]],
    ["a message", [event({ choices: [{ index: 0, message: { role: "assistant", content: "hi" } }] })]],
    ["the older call's text", [event({ choices: [{ index: 0, text: "hi" }] })]],
    ["another choice", [event({ choices: [{ index: 1, delta: { content: "hi" } }] })]],
    ["two choices", [event({ choices: [0, 1].map((index) => ({ index, delta: { content: "hi" } })) })]],
    ["an error in words", [event({ error: "failed" })]],
    ["an error as the event's name", [`event: error\n${event({ message: "failed" })}`]],
    ["an error as the event itself", [event({ object: "error", message: "failed" })]],
  ])("fails in %s", async (_, pieces) => {
    const engine = await streams(...pieces, chunk({}, "stop"));
    await expect(collect(engine.generate(plain, never))).rejects.toMatchObject({ code: "failed" });
  });

  it("fails without an end", async () => {
    for (const reason of [null, ""]) {
      const engine = await streams(chunk({ content: "hi" }, reason));
      await expect(collect(engine.generate(plain, never))).rejects.toMatchObject({ code: "failed" });
    }
  });
});

describe("log probabilities from an engine", () => {
  const asked = parseRichRequest({ model: "m", messages, logprobs: true });

  it("are read member by member", async () => {
    const content = [{ token: "é", logprob: -0.5, bytes: [195, 169], rank: 1, top_logprobs: [{ token: "e", logprob: -1, bytes: [999] }] }];
    const engine = await streams(chunk({ content: "é" }, null, { logprobs: { content } }), chunk({}, "stop", { logprobs: null }));
    expect((await collect(engine.generate(asked, never)))[0]).toEqual({
      type: "delta",
      content: "é",
      logprobs: [{ token: "é", logprob: -0.5, bytes: [195, 169], top: [{ token: "e", logprob: -1, bytes: null }] }],
    });
  });

  it.each([
    ["a token that is none", [{ token: 1, logprob: -1 }]],
    ["no probability", [{ token: "a", logprob: "low" }]],
    ["too many alternatives", [{ token: "a", logprob: -1, top_logprobs: Array.from({ length: 21 }, () => ({ token: "b", logprob: -1 })) }]],
  ])("fail with %s", async (_, content) => {
    const engine = await streams(chunk({ content: "a" }, null, { logprobs: { content } }), chunk({}, "stop"));
    await expect(collect(engine.generate(asked, never))).rejects.toMatchObject({ code: "failed" });
  });
});

describe("embeddings from an engine", () => {
  const answers = (status: number, body: string) =>
    start((_request, response) => void response.writeHead(status, { "content-type": "application/json" }).end(body));
  const ask = async (engine: Engine, dimensions?: number) =>
    engine.embed?.({ input: ["a", "bcd"], ...(dimensions !== undefined && { dimensions }) }, never);
  const entry = (embedding: unknown, index?: unknown) => ({ object: "embedding", embedding, ...(index !== undefined && { index }) });
  const list = (...data: readonly object[]) => JSON.stringify({ data });

  it("are put into the inputs' order", async () => {
    expect(await ask(await start(), 3)).toEqual({
      vectors: [
        [1, 0.5, 0.5],
        [3, 0.5, 0.5],
      ],
      usage: { prompt_tokens: 9, completion_tokens: 0, total_tokens: 9 },
    });
    const unnumbered = await answers(200, list(entry([1]), entry([2])));
    expect(await ask(unnumbered)).toEqual({ vectors: [[1], [2]], usage: USAGE });
  });

  it.each([
    ["no JSON", 200, "canary"],
    ["too few", 200, list(entry([1], 0))],
    ["one twice", 200, list(entry([1], 0), entry([2], 0))],
    ["an index beyond", 200, list(entry([1], 0), entry([2], 2))],
    ["different lengths", 200, list(entry([1], 0), entry([2, 3], 1))],
    ["no numbers", 200, list(entry(["canary"], 0), entry([2], 1))],
    ["base64 that was not asked for", 200, list(entry("AACAPw==", 0), entry("AACAPw==", 1))],
    ["an empty vector", 200, list(entry([], 0), entry([], 1))],
    ["an error", 500, "canary"],
  ])("fail with %s, in our own words", async (_, status, body) => {
    const error: unknown = await ask(await answers(status, body)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(EngineError);
    expect(error).toMatchObject({ code: "failed" });
    expect(String((error as Error).stack)).not.toContain("canary");
  });

  it("fail with other dimensions than were asked for", async () => {
    await expect(ask(await answers(200, list(entry([1], 0), entry([2], 1))), 2)).rejects.toMatchObject({ code: "failed" });
  });

  it("say what became of the engine: busy, too long, gone, stopped", async () => {
    await expect(ask(await answers(503, ""))).rejects.toMatchObject({ code: "overloaded" });
    await expect(ask(await answers(400, "maximum context length is 10 tokens"))).rejects.toMatchObject({ code: "context-length" });
    const gone = await start((_request, response) => void response.destroy());
    await expect(ask(gone)).rejects.toMatchObject({ code: "unreachable" });
    const controller = new AbortController();
    const silent = await start(() => controller.abort());
    await expect(silent.embed?.({ input: ["a"] }, controller.signal)).rejects.toMatchObject({ code: "aborted" });
  });

  it("are offered only where the operator says that there are any", async () => {
    const { baseUrl } = await startOpenAiServer();
    const engine = createOpenAiEngine({ baseUrl, upstreamModel: "m", contextTokens: 1, features: { tools: true } });
    onTestFinished(() => engine.close());
    expect(engine.embed).toBeUndefined();
    expect(engine.features).toEqual({ tools: true });
  });
});
