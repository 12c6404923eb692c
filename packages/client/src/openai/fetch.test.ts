import { HEADERS, WireError } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { describe, expect, it } from "vitest";
import { bautaOf, type Client, type ClientOptions } from "../index.ts";
import {
  API_KEY,
  at,
  beginStream,
  CANARY,
  createGate,
  eventJson,
  type Exchange,
  FINISH,
  honestAttestation,
  MODEL,
  NO_RECEIPT,
  queryOf,
  QUESTION,
  rejection,
  replaceAt,
  reply,
  type Script,
  type ScriptedServer,
  startServer,
  strangersEvent,
  TEXT,
  toEvent,
  VISIBLE_MODEL,
  withDelta,
} from "../scripted-server.test.ts";

type Json = Record<string, unknown>;

interface Asked {
  readonly server: ScriptedServer;
  readonly client: Client;
  readonly response: Response;
}

/** Calls as OpenAI's clients do: a string and an init. */
async function call(client: Client, body: unknown, init: RequestInit = {}): Promise<Response> {
  return client.fetch(`${client.baseURL}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: "Bearer sk-somebody-elses" },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...init,
  });
}

async function asked(body: Json, script: Script = {}, options: Partial<ClientOptions> = {}): Promise<Asked> {
  const server = await startServer(script);
  const client = server.client(options);
  return { server, client, response: await call(client, { model: MODEL, messages: QUESTION, ...body }) };
}

const changed = (change: (events: string[], exchange: Exchange) => string[] | Promise<string[]>): Script => ({
  async chat(exchange) {
    exchange.stream(await change(await exchange.events(), exchange));
  },
});
const rewritten = changed((events) => replaceAt(events, NO_RECEIPT, `${at(events, NO_RECEIPT).trimEnd().slice(0, -4)}001b\n\n`));
const cut = changed((events) => events.slice(0, FINISH));
const injected = changed((events) => replaceAt(events, 3, withDelta(at(events, 3), { content: "INJECTED" })));

/** The blocks of a stream: parsed data, `[DONE]`, or a comment's text. */
async function readEvents(response: Response): Promise<(Json | string)[]> {
  const text = await response.text();
  return text
    .split("\n\n")
    .filter((block) => block !== "")
    .map((block) => {
      if (block.startsWith(": ")) return block;
      const data = block.replace(/^data: /, "");
      return data === "[DONE]" ? data : (JSON.parse(data) as Json);
    });
}

const deltaOf = (event: Json | string | undefined) => (event as { choices: { delta: Json }[] }).choices[0]?.delta;

describe("fetch without a stream", () => {
  it("gives one chat.completion, sealed on the way and verified", async () => {
    const { server, response } = await asked({ temperature: 0.5 });
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "application/json",
      "bauta-protection": "sealed",
      "bauta-simulated": "true",
      "bauta-outcome": "verified",
    });
    const exchange = at(server.exchanges, 0);
    expect(await response.json()).toEqual({
      id: exchange.requestId,
      object: "chat.completion",
      created: 1,
      model: MODEL,
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: TEXT, reasoning_content: "think" },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
      usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
    });
    expect(exchange.messages).toEqual(QUESTION);
    expect(JSON.parse(exchange.body.toString())).toMatchObject({ stream: true, temperature: 0.5, stream_options: { include_usage: true } });
    expect(exchange.body.toString()).not.toContain(CANARY);
    expect(exchange.request.headers.authorization).toBe(`Bearer ${API_KEY}`);
    expect(response.headers.get("x-request-id")).toBe(exchange.requestId);
  });

  it("says what it knows of the answer through bautaOf and as a property", async () => {
    const { client, response } = await asked({});
    const marks = bautaOf(response);
    expect(marks).toMatchObject({ protection: "sealed", attestation: { model: MODEL, result: { ok: true, simulated: true } } });
    expect(await marks?.outcome).toMatchObject({ status: "verified", receipt: { finish_reason: "stop" } });
    expect((response as { bauta?: unknown }).bauta).toBe(marks);
    expect(bautaOf(await client.fetch(`${client.baseURL}/models`))).toBeUndefined();
  });

  it.each([
    ["a receipt that does not hold", rewritten, "answer_unverified", "unverified"],
    ["a stream that was cut", cut, "answer_incomplete", "incomplete"],
    ["plaintext in it", injected, "answer_unverified", "unverified"],
  ])("withholds an answer with %s, and tells an OpenAI client not to repeat it", async (_name, script, code, outcome) => {
    const { response } = await asked({}, script);
    expect(response.status).toBe(502);
    expect(Object.fromEntries(response.headers)).toMatchObject({ "bauta-outcome": outcome, "x-should-retry": "false" });
    expect(response.headers.get("bauta-reason")).toMatch(/^[\x20-\x7e]+$/);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ error: { code, type: "tee_error", param: null } });
    expect(text).not.toContain("Two");
    expect(text).not.toContain("INJECTED");
    expect(await bautaOf(response)?.outcome).toMatchObject({ status: outcome });
  });

  it.each([
    ["a receipt that does not hold", rewritten, "unverified", "stop"],
    ["a stream that was cut", cut, "incomplete", null],
  ])("hands out an answer with %s where it is to be marked", async (_name, script, outcome, finishReason) => {
    const { response } = await asked({}, script, { unverified: "mark" });
    expect([response.status, response.headers.get("bauta-outcome")]).toEqual([200, outcome]);
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: TEXT }, finish_reason: finishReason }] });
  });

  it("gives a cut answer that is to be marked no finish reason, which whoever cut it could have written", async () => {
    const { response } = await asked(
      {},
      changed((events) => [...events.slice(0, FINISH - 1), at(events, FINISH)]),
      { unverified: "mark" },
    );
    expect([response.status, response.headers.get("bauta-outcome")]).toEqual([200, "incomplete"]);
    expect(await response.json()).toMatchObject({ choices: [{ finish_reason: null }] });
  });

  it("never hands out an answer that broke the protocol's rules", async () => {
    const { response } = await asked({}, injected, { unverified: "mark" });
    expect(response.status).toBe(502);
    expect(await response.text()).not.toContain("INJECTED");
  });

  it("gives an empty answer as one", async () => {
    const { response } = await asked(
      {},
      {
        async chat(exchange) {
          exchange.stream(await exchange.events({ deltas: [] }));
        },
      },
    );
    expect(await response.json()).toMatchObject({ choices: [{ message: { role: "assistant", content: "" }, finish_reason: "stop" }] });
  });
});

describe("fetch with a stream", () => {
  it("writes OpenAI's chunks, and says the outcome before [DONE]", async () => {
    const { server, response } = await asked({ stream: true });
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(Object.fromEntries(response.headers)).toMatchObject({ "bauta-protection": "sealed", "bauta-simulated": "true" });
    const events = await readEvents(response);
    expect(events.splice(-2)).toEqual([": bauta-outcome verified", "[DONE]"]);
    const { requestId } = at(server.exchanges, 0);
    for (const event of events) expect(event).toMatchObject({ id: requestId, object: "chat.completion.chunk", created: 1, model: MODEL });
    expect(events.map(deltaOf)).toEqual([
      { role: "assistant", content: "" },
      { reasoning_content: "think" },
      { content: "Two" },
      { content: " and ☂" },
      { content: " two" },
      {},
    ]);
    expect(events.at(-1)).toMatchObject({ choices: [{ finish_reason: "stop" }] });
    expect(await bautaOf(response)?.outcome).toMatchObject({ status: "verified" });
  });

  it("tells usage when asked to", async () => {
    const { response } = await asked({ stream: true, stream_options: { include_usage: true } });
    expect((await readEvents(response)).at(-3)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
    });
  });

  it("gives text as it comes, before the answer has ended", async () => {
    const gate = createGate();
    const { response } = await asked(
      { stream: true },
      {
        async chat(exchange) {
          const events = await exchange.events();
          const stream = beginStream(exchange);
          stream.write(events.slice(0, 3).join(""));
          await gate.pass();
          stream.end(events.slice(3).join(""));
        },
      },
    );
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("Two")) text += (await reader.read()).value ?? "";
    gate.open();
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    expect(text.endsWith(": bauta-outcome verified\n\ndata: [DONE]\n\n")).toBe(true);
  });

  it.each([
    ["a receipt that does not hold", rewritten, "answer_unverified", ": bauta-outcome unverified"],
    ["no end", cut, "answer_incomplete", ": bauta-outcome incomplete"],
    ["plaintext in it", injected, "answer_unverified", ": bauta-outcome unverified"],
  ])("ends an answer with %s by an error and without [DONE]", async (_name, script, code, comment) => {
    const { response } = await asked({ stream: true }, script);
    const events = await readEvents(response);
    expect(events.at(-1)).toMatchObject({ error: { code, message: expect.stringMatching(/.+/) } });
    expect(events.at(-2)).toContain(comment);
    expect(events).not.toContain("[DONE]");
    expect(JSON.stringify(events)).not.toContain("INJECTED");
  });

  it("ends an unverified answer with [DONE] where it is to be marked, and a cut one with an error even so", async () => {
    const marked = await readEvents((await asked({ stream: true }, rewritten, { unverified: "mark" })).response);
    expect(marked.at(-1)).toBe("[DONE]");
    expect(marked.at(-2)).toMatch(/^: bauta-outcome unverified .*attested key/);
    const broken = await readEvents((await asked({ stream: true }, cut, { unverified: "mark" })).response);
    expect(broken.at(-1)).toMatchObject({ error: { code: "answer_incomplete" } });
  });

  it("shows a server's error within the stream as a hint", async () => {
    const error = { error: { code: "engine_failed", message: "anything at all" } };
    const { response } = await asked(
      { stream: true },
      changed((events) => [...events.slice(0, 3), toEvent(error)]),
    );
    const last = (await readEvents(response)).at(-1);
    expect(last).toMatchObject({ error: { code: "answer_incomplete", message: expect.stringContaining("engine failed") } });
  });

  it("takes nothing more from the server once the caller cancels", async () => {
    const { server, response } = await asked(
      { stream: true },
      {
        async chat(exchange) {
          beginStream(exchange).write((await exchange.events()).slice(0, 3).join(""));
        },
      },
    );
    const reader = response.body!.getReader();
    await reader.read();
    const closed = new Promise((resolve) => at(server.exchanges, 0).response.on("close", resolve));
    await reader.cancel();
    await closed;
    expect(await bautaOf(response)?.outcome).toMatchObject({ status: "incomplete" });
  });

  it("uses the header's id where the chunks have none, and its own clock", async () => {
    const { server, response } = await asked(
      { stream: true },
      changed((events) =>
        events.map((event) => (event.startsWith("data: {") ? toEvent({ ...eventJson(event), id: undefined, created: undefined }) : event)),
      ),
      { unverified: "mark" },
    );
    const [first] = await readEvents(response);
    expect(first).toMatchObject({ id: at(server.exchanges, 0).requestId, created: Date.UTC(2026, 0, 15, 12) / 1000 });
  });
});

describe("fetch refuses by name, and sends nothing", () => {
  const tools = [{ type: "function", function: { name: "look_up", parameters: {} } }];
  const image = [{ role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AA==" } }] }];
  it.each([
    ["tools", { tools }, "tools", "field_in_clear"],
    ["a tool's answer", { messages: [{ role: "tool", content: "x", tool_call_id: "1" }] }, "messages[0].tool_call_id", "field_in_clear"],
    ["images", { messages: image }, "messages[0].content", "content_not_text"],
    ["a schema", { response_format: { type: "json_schema", json_schema: {} } }, "response_format", "field_in_clear"],
    ["stop sequences", { stop: ["x"] }, "stop", "field_in_clear"],
    ["logprobs", { logprobs: true }, "logprobs", "field_in_clear"],
    ["sealing turned off", { venice_parameters: { enable_e2ee: false } }, "venice_parameters.enable_e2ee", "invalid_request"],
    ["stream as a text", { stream: "yes" }, "stream", "invalid_request"],
    ["a model without protection", { model: "open-model" }, "model", "model_not_private"],
    ["a model that the gateway reads", { model: VISIBLE_MODEL }, "model", "gateway_visible"],
    ["no model", { model: undefined }, "model", "invalid_request"],
    ["no messages", { messages: undefined }, "messages", "invalid_request"],
  ])("%s", async (_name, body, param, code) => {
    const { server, response } = await asked(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: { message: expect.stringMatching(/.+/), type: "invalid_request_error", code, param },
    });
    expect(server.exchanges).toEqual([]);
  });

  it("takes a text format, and members that are allowed by name", async () => {
    const { server, response } = await asked({ response_format: { type: "text" }, user: "me" }, {}, { allowInClear: ["user"] });
    expect(response.status).toBe(200);
    const sent = JSON.parse(at(server.exchanges, 0).body.toString()) as Json;
    expect(sent).toMatchObject({ user: "me" });
    expect(sent).not.toHaveProperty("response_format");
  });

  it.each(["{", "[]", "null", '"x"'])("%j as a body", async (body) => {
    const server = await startServer();
    const response = await call(server.client(), body);
    expect([response.status, await response.json()]).toMatchObject([400, { error: { code: "invalid_request", param: "body" } }]);
  });

  it.each([
    ["POST", "images/generations"],
    ["POST", "completions"],
    ["GET", "chat/completions"],
    ["POST", "models"],
    ["POST", "chat%2fcompletions"],
    ["GET", "tee/attestation"],
  ])("%s %s", async (method, path) => {
    const server = await startServer();
    const client = server.client();
    const response = await client.fetch(`${client.baseURL}/${path}`, { method });
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: { code: "path_not_private", type: "invalid_request_error" } },
    ]);
    expect(server.seen).toEqual([]);
  });

  it("addresses elsewhere, also those that only look like the base URL", async () => {
    const server = await startServer();
    const client = server.client({ passThrough: ["images/generations"] });
    for (const url of [
      "https://api.openai.com/v1/chat/completions",
      client.baseURL.replace("127.0.0.1", "127.0.0.2") + "/chat/completions",
      `${client.baseURL}-evil/chat/completions`,
      `${client.baseURL}/../v2/images/generations`,
      `${client.baseURL}/%2e%2e/images/generations`,
      client.baseURL,
    ]) {
      const response = await client.fetch(url, { method: "POST", body: "{}" });
      expect([response.status, await response.json()], url).toMatchObject([400, { error: { code: "path_not_private" } }]);
    }
    expect(server.seen).toEqual([]);
  });

  it("embeddings, which version 1 cannot seal", async () => {
    const server = await startServer();
    const client = server.client({ allowGatewayVisible: true, passThrough: ["embeddings"] });
    for (const model of [MODEL, VISIBLE_MODEL]) {
      const response = await client.fetch(`${client.baseURL}/embeddings`, { method: "POST", body: JSON.stringify({ model, input: "x" }) });
      expect([response.status, await response.json()]).toMatchObject([400, { error: { param: "model" } }]);
    }
    expect(server.seen).toEqual([]);
  });
});

describe("fetch with models that the gateway reads", () => {
  const options = { allowGatewayVisible: true };

  it("attests them, and says that they are visible", async () => {
    const { server, response } = await asked({ model: VISIBLE_MODEL }, {}, options);
    expect(Object.fromEntries(response.headers)).toMatchObject({ "bauta-protection": "gateway-visible", "bauta-outcome": "verified" });
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: TEXT, reasoning_content: "think" } }] });
    expect(server.count("tee/attestation")).toBe(1);
  });

  it("streams them as they come, without the usage that was not asked for", async () => {
    const { response } = await asked({ model: VISIBLE_MODEL, stream: true }, {}, options);
    const events = await readEvents(response);
    expect(events.map((event) => (typeof event === "string" ? event : (deltaOf(event)?.["content"] ?? "")))).toEqual([
      "",
      "",
      "Two",
      " and ☂",
      " two",
      "",
      ": bauta-outcome verified",
      "[DONE]",
    ]);
  });

  it("passes tools both ways, and puts their calls together", async () => {
    const tools = [{ type: "function", function: { name: "look_up", parameters: {} } }];
    const calls = [
      { tool_calls: [{ index: 0, id: "call_1", type: "function", function: { name: "look_up", arguments: "" } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"q":' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '"x"}' } }] },
    ];
    const script = changed((events) => [
      at(events, 0),
      ...calls.map((delta) => withDelta(at(events, 2), delta)),
      at(events, FINISH).replace('"stop"', '"tool_calls"'),
      ...events.slice(FINISH + 1),
    ]);
    const { server, response } = await asked({ model: VISIBLE_MODEL, tools }, script, { ...options, unverified: "mark" });
    expect(JSON.parse(at(server.exchanges, 0).body.toString())).toMatchObject({ tools });
    expect(await response.json()).toMatchObject({
      choices: [
        {
          message: {
            content: null,
            tool_calls: [{ id: "call_1", type: "function", function: { name: "look_up", arguments: '{"q":"x"}' } }],
          },
          finish_reason: "tool_calls",
        },
      ],
    });
    // The script changed what the enclave signed.
    expect(response.headers.get("bauta-outcome")).toBe("unverified");
  });

  it("notices text behind the finish reason", async () => {
    const script = changed((events) => [...events.slice(0, FINISH + 1), at(events, 3), ...events.slice(FINISH + 1)]);
    const { response } = await asked({ model: VISIBLE_MODEL }, script, { ...options, unverified: "mark" });
    expect([response.status, await response.json()]).toMatchObject([502, { error: { code: "answer_unverified" } }]);
  });
});

describe("fetch lets through what it is told to", () => {
  it("a path, as it is, under this client's key", async () => {
    const server = await startServer();
    const client = server.client({
      passThrough: ["/images/generations"],
      fetch: (url, init) => {
        expect(url).toBe(`${client.baseURL}/images/generations?size=1`);
        expect(init).toMatchObject({ method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${API_KEY}` } });
        expect(new TextDecoder().decode(init.body as Uint8Array)).toBe('{"prompt":"a cat"}');
        return Promise.resolve(new Response("an image", { status: 201, headers: { "content-type": "image/png", "set-cookie": "x=y" } }));
      },
    });
    const response = await client.fetch(new URL(`${client.baseURL}/images/generations?size=1`), {
      method: "POST",
      headers: { "content-type": "application/json", authorization: "Bearer other", cookie: "x=y" },
      body: '{"prompt":"a cat"}',
    });
    expect([response.status, await response.text()]).toEqual([201, "an image"]);
    expect(Object.fromEntries(response.headers)).toEqual({ "content-type": "image/png", "bauta-protection": "none" });
  });

  it.each([
    ["PUT", "chat/completions"],
    ["PATCH", "embeddings"],
    ["POST", "responses"],
    ["POST", "completions"],
  ])("but nothing for a model that its name protects: %s /%s", async (method, path) => {
    const server = await startServer();
    const client = server.client({
      passThrough: ["chat/completions", "embeddings", "responses", "completions"],
      allowGatewayVisible: true,
    });
    for (const model of [MODEL, VISIBLE_MODEL]) {
      const response = await client.fetch(`${client.baseURL}/${path}`, { method, body: JSON.stringify({ model, input: CANARY }) });
      expect([response.status, await response.json()]).toMatchObject([400, { error: { code: "path_not_private", param: "model" } }]);
    }
    expect(server.seen).toEqual([]);
  });

  describe("a body that may name such a model another way", () => {
    const form = (type: "form" | "file") => {
      const data = new FormData();
      if (type === "form") data.set("model", MODEL);
      else data.set("file", new Blob([`{"custom_id":"1","body":{"model":"${MODEL}"}}\n`]), "batch.jsonl");
      return data;
    };
    it.each<[string, BodyInit, string?]>([
      ["in a form", form("form")],
      ["in a file of requests", form("file")],
      ["in a form without files", new URLSearchParams({ model: MODEL })],
      ["in an array", `[{"model":"${MODEL}"}]`],
      ["with text behind", `{"model":"${MODEL}"} x`],
      ["in UTF-16", Buffer.from(`{"model":"${MODEL}"}`, "utf16le")],
      ["twice", `{"model":"${MODEL}","model":"open-model"}`],
      ["twice, escaped", `{"mo\\u0064el":"${MODEL}","model":"open-model"}`],
      ["in capitals", `{"Model":"${MODEL}"}`],
      ["in its own capitals", `{"model":"${MODEL.toUpperCase()}"}`],
      ["within", `{"session":{"model":"${MODEL}"}}`],
      ["in the query", "{}", `?model=${MODEL}`],
      ["as what is no text", Uint8Array.of(0xff, 0xfe)],
      ["in lines", `{"model":"open-model"}\n{"model":"${MODEL}"}`],
    ])("is not sent: %s", async (_how, body, query = "") => {
      const server = await startServer();
      const client = server.client({ passThrough: ["completions"] });
      const response = await client.fetch(`${client.baseURL}/completions${query}`, { method: "POST", body });
      expect([response.status, await response.json()]).toMatchObject([400, { error: { code: "path_not_private" } }]);
      expect(server.seen).toEqual([]);
    });

    it("is sent where it names none", async () => {
      const data = new FormData();
      data.set("file", new Blob([Uint8Array.of(0xff, 0xfb, 0)]), "speech.mp3");
      data.set("model", "whisper");
      for (const body of [data, '{"prompt":"e2ee-x is a model"}', '{"properties":{"model":{"type":"string"}}}']) {
        const server = await startServer();
        const client = server.client({ passThrough: ["audio/transcriptions"], fetch: () => Promise.resolve(new Response("ok")) });
        const response = await client.fetch(`${client.baseURL}/audio/transcriptions`, { method: "POST", body });
        expect(response.status).toBe(200);
      }
    });
  });

  it("chat with models that promise nothing, and no others", async () => {
    const server = await startServer({ chat: ({ response }) => reply(response, 200, { ok: true }) });
    const client = server.client({ passThrough: ["chat/completions"] });
    const body = { model: "open-model", messages: QUESTION };
    const response = await call(client, body);
    expect([response.headers.get("bauta-protection"), await response.json()]).toEqual(["none", { ok: true }]);
    expect(at(server.exchanges, 0).messages).toEqual(QUESTION);
    expect((await call(client, { ...body, model: VISIBLE_MODEL })).status).toBe(400);
    await call(client, { ...body, model: MODEL });
    expect([server.exchanges.length, at(server.exchanges, 1).messages]).toEqual([2, QUESTION]);
    expect(at(server.exchanges, 1).body.toString()).not.toContain(CANARY);
  });
});

describe("fetch lists models", () => {
  it("as the server does, each with what protects it", async () => {
    const server = await startServer();
    const client = server.client();
    const list = (await (await client.fetch(`${client.baseURL}/models`)).json()) as { object: string; data: Json[] };
    expect(list.object).toBe("list");
    expect(list.data.map(({ id, bauta }) => [id, bauta])).toEqual([
      [MODEL, { protection: "sealed" }],
      [VISIBLE_MODEL, { protection: "gateway-visible" }],
      ["open-model", { protection: "none" }],
    ]);
    expect(list.data[0]).toMatchObject({ object: "model", context_length: 9, model_spec: { name: "Scripted" } });
  });

  it("or one of them", async () => {
    const server = await startServer();
    const client = server.client();
    expect(await (await client.fetch(`${client.baseURL}/models/${MODEL}`)).json()).toMatchObject({
      id: MODEL,
      bauta: { protection: "sealed" },
    });
    const response = await client.fetch(`${client.baseURL}/models/none`);
    expect([response.status, await response.json()]).toMatchObject([400, { error: { param: "model" } }]);
  });
});

describe("errors of fetch", () => {
  it("an enclave that is not acceptable: 403, with the check, and nothing was sent", async () => {
    const { server, response } = await asked({}, { attestation: (honest) => ({ ...honest, intel_quote: "00".repeat(5000) }) });
    expect([response.status, response.headers.get("x-should-retry")]).toEqual([403, "false"]);
    expect(await response.json()).toMatchObject({
      error: { type: "tee_error", code: "attestation_refused", message: expect.stringContaining("tdx.parse") },
    });
    expect(server.exchanges).toEqual([]);
  });

  it("the server's own: its status, its code, its patience", async () => {
    const error = new WireError("overloaded");
    const { response } = await asked({}, { chat: ({ response: r }) => reply(r, error.status, error.toBody(), { "retry-after": "7" }) });
    expect([response.status, response.headers.get("retry-after"), response.headers.get("x-should-retry")]).toEqual([503, "7", null]);
    expect(await response.json()).toMatchObject({ error: { code: "overloaded", type: "server_error" } });
  });

  it("an answer that is no stream: 502", async () => {
    const { response } = await asked({}, { chat: ({ response: r }) => reply(r, 200, { choices: [{ message: { content: "INJECTED" } }] }) });
    expect([response.status, await response.json()]).toMatchObject([502, { error: { code: "malformed_answer", param: "content-type" } }]);
  });

  it("a network that fails before anything was sent rejects as fetch does", async () => {
    const server = await startServer();
    const client = server.client({
      // Without a connection from before, over which it could have gone out.
      fetch: (url, init) => fetch(url, { ...init, headers: { ...(init.headers as Record<string, string>), connection: "close" } }),
    });
    await client.attest(MODEL);
    await server.close();
    const error = await rejection(call(client, { model: MODEL, messages: QUESTION }));
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ message: "fetch failed", cause: { code: "network_failed" } });
  });

  it.each([
    ["breaks", ({ response }: Exchange) => void response.destroy()],
    ["redirects it", ({ response }: Exchange) => void response.writeHead(307, { location: "/elsewhere" }).end()],
  ])("a relay that %s once the request has arrived: 502, not to be repeated", async (_name, chat) => {
    const { server, response } = await asked({}, { chat });
    expect([response.status, response.headers.get("x-should-retry")]).toEqual([502, "false"]);
    expect(await response.json()).toMatchObject({ error: { code: "network_failed", param: null } });
    expect(server.exchanges).toHaveLength(1);
  });

  it("no answer in time: 504, not to be repeated", async () => {
    const { response } = await asked({}, { chat: () => undefined }, { timeouts: { headMs: 50 } });
    expect([response.status, response.headers.get("x-should-retry")]).toEqual([504, "false"]);
  });

  it("what is no address rejects as with fetch", async () => {
    const server = await startServer();
    expect(await rejection(server.client().fetch("/chat/completions"))).toBeInstanceOf(TypeError);
  });

  it.each(["before", "while attesting", "before the answer", "within a stream", "within the whole"])(
    "an abort %s rejects with its reason",
    async (when) => {
      const controller = new AbortController();
      const reason = new Error("enough");
      const abort = () => controller.abort(reason);
      if (when === "before") abort();
      const server = await startServer({
        attestation: (honest) => {
          if (when === "while attesting") abort();
          return honest;
        },
        async chat(exchange) {
          if (when === "before the answer") return abort();
          beginStream(exchange).write((await exchange.events()).slice(0, 3).join(""));
          if (when === "within the whole") abort();
        },
      });
      const stream = when === "within a stream";
      const response = call(server.client(), { model: MODEL, messages: QUESTION, stream }, { signal: controller.signal });
      if (!stream) return expect(await rejection(response)).toBe(reason);
      const reader = (await response).body!.getReader();
      await reader.read();
      abort();
      expect(
        await rejection(
          (async () => {
            while (!(await reader.read()).done);
          })(),
        ),
      ).toBe(reason);
      expect(await bautaOf(await response)?.outcome).toMatchObject({ status: "incomplete" });
    },
  );
});

describe("what fetch can be called with", () => {
  it("a Request, with its signal", async () => {
    const server = await startServer();
    const client = server.client();
    const init = { method: "POST", body: JSON.stringify({ model: MODEL, messages: QUESTION }) };
    expect((await client.fetch(new Request(`${client.baseURL}/chat/completions`, init))).status).toBe(200);
    const controller = new AbortController();
    controller.abort(new Error("enough"));
    const aborted = new Request(`${client.baseURL}/chat/completions`, { ...init, signal: controller.signal });
    expect(await rejection(client.fetch(aborted))).toBe(controller.signal.reason);
  });

  it("bodies as bytes and as streams, and a slash at the end", async () => {
    const server = await startServer();
    const client = server.client();
    const bytes = new TextEncoder().encode(JSON.stringify({ model: MODEL, messages: QUESTION }));
    for (const body of [bytes, new Blob([bytes]).stream(), new Blob([bytes])]) {
      const response = await client.fetch(`${client.baseURL}/chat/completions/`, { method: "POST", body, duplex: "half" } as RequestInit);
      expect(response.status).toBe(200);
    }
  });
});

describe("many calls at once", () => {
  it("attest once for each model, and never mix two models' keys", async () => {
    const keys = { [MODEL]: backend.createKeyPair(), "e2ee-other": backend.createKeyPair() };
    const server = await startServer({
      attestation: (_honest, request) => honestAttestation(queryOf(request), keys[queryOf(request).get("model") as keyof typeof keys]),
      chat: ({ response }) => reply(response, 400, {}),
    });
    const client = server.client();
    const models = Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? MODEL : "e2ee-other"));
    const responses = await Promise.all(models.map((model) => call(client, { model, messages: QUESTION })));
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([400]));
    expect(server.count("tee/attestation")).toBe(2);
    const used = server.exchanges.map(({ request, body }) => {
      const { model } = JSON.parse(body.toString()) as { model: keyof typeof keys };
      return request.headers[HEADERS.modelPublicKey] === Buffer.from(keys[model].publicKey).toString("hex");
    });
    expect(used).toEqual(models.map(() => true));
    expect(new Set(server.exchanges.map(({ request }) => request.headers[HEADERS.clientPublicKey])).size).toBe(200);
  });

  it("a key that is gone meanwhile: each that was refused attests and sends once more, none that was answered is sent again", async () => {
    const server = await startServer({
      async chat(exchange) {
        if (exchange.messages.length > 0) return exchange.stream(await exchange.events());
        const error = new WireError("unknown_model_key");
        reply(exchange.response, error.status, error.toBody());
      },
    });
    const client = server.client();
    await client.attest(MODEL);
    server.modelKey = backend.createKeyPair();
    const responses = await Promise.all(Array.from({ length: 50 }, () => call(client, { model: MODEL, messages: QUESTION })));
    expect(responses.map(({ headers }) => headers.get("bauta-outcome"))).toEqual(responses.map(() => "verified"));
    expect(server.exchanges.filter(({ messages }) => messages.length > 0).length).toBe(50);
    expect(server.count("tee/attestation")).toBe(2);
  });

  it("envelopes that somebody else sealed are never believed", async () => {
    const { response } = await asked(
      {},
      changed(async (events, exchange) => replaceAt(events, 3, await strangersEvent(exchange))),
    );
    expect([response.status, response.headers.get("bauta-outcome")]).toEqual([502, "unverified"]);
  });
});
