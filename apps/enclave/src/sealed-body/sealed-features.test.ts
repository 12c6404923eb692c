import OpenAI from "openai";
import { describe, expect, it } from "vitest";
import { createOpenAiEngine } from "../engine/openai-engine.ts";
import { createEhbpClient } from "../testing/ehbp-client.ts";
import { startOpenAiServer } from "../testing/openai-server.ts";
import { sayHello, scriptedEngine, startEnclave } from "../testing/running-enclave.ts";
import { ask, kept, post } from "../testing/sealed-chat.ts";

describe("the openai package over an outside client of EHBP", () => {
  const FEATURES = { tools: true, images: true, schemas: true, logprobs: true } as const;
  const PIXEL = "data:image/png;base64,iVBORw0KGgo=";
  const tools: OpenAI.ChatCompletionFunctionTool[] = [
    {
      type: "function",
      function: {
        name: "weather",
        description: "of a city",
        strict: true,
        parameters: { type: "object", properties: { city: { type: "string" } } },
      },
    },
    { type: "function", function: { name: "time" } },
  ];

  /** A server that says what it was asked, the enclave before it, and the unmodified package before that. */
  async function start(features: object = FEATURES) {
    const server = await startOpenAiServer();
    const engine = createOpenAiEngine({ baseUrl: server.baseUrl, upstreamModel: "upstream", contextTokens: 100, features });
    const enclave = await startEnclave(engine);
    const { transport } = await createEhbpClient(enclave);
    const openai = new OpenAI({
      baseURL: `${enclave.url}/v1`,
      apiKey: "none",
      maxRetries: 0,
      defaultHeaders: { "bauta-model": "e2ee-demo" },
      fetch: (url, init) => transport.request(url as string, init),
    });
    return { openai, asked: server.asked, enclave };
  }

  const chat = { model: "e2ee-demo", messages: [{ role: "user" as const, content: "hi" }] };

  it("calls tools in a stream, every piece of them", async () => {
    const { openai, asked } = await start();
    const stream = openai.chat.completions.stream({
      ...chat,
      tools,
      tool_choice: { type: "function", function: { name: "time" } },
      parallel_tool_calls: true,
    });
    const message = await stream.finalMessage();
    expect(message.tool_calls).toMatchObject([
      { id: "call_0", type: "function", function: { name: "weather", arguments: '{"city":"weather"}' } },
      { id: expect.stringMatching(/^call_[0-9a-f-]{36}$/) as string, function: { name: "time", arguments: '{"city":"time"}' } },
    ]);
    expect((await stream.finalChatCompletion()).choices[0]?.finish_reason).toBe("tool_calls");
    expect(asked[0]?.body).toMatchObject({
      tools,
      tool_choice: { type: "function", function: { name: "time" } },
      parallel_tool_calls: true,
      messages: [{ role: "user", content: "hi" }],
    });
  });

  it("calls tools without a stream, and takes their results back", async () => {
    const { openai, asked, enclave } = await start();
    const { data, response } = await openai.chat.completions.create({ ...chat, tools }).withResponse();
    const [choice] = data.choices;
    expect(choice).toMatchObject({ finish_reason: "tool_calls", message: { content: null } });
    expect(choice?.message.tool_calls).toHaveLength(2);
    const { body } = await kept(enclave.url, "e2ee-demo", response.headers.get("bauta-request-id"));
    expect(body.receipt).toMatchObject({
      finish_reason: "tool_calls",
      usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
    });

    const messages = [...chat.messages, choice!.message, { role: "tool" as const, tool_call_id: "call_0", content: "rain" }];
    const second = await openai.chat.completions.create({ ...chat, messages, tools });
    expect(second.choices[0]?.message.content).toBe("call_0 said rain");
    expect(asked[1]?.body.messages).toEqual([
      { role: "user", content: "hi" },
      { role: "assistant", content: null, tool_calls: choice?.message.tool_calls },
      { role: "tool", tool_call_id: "call_0", content: "rain" },
    ]);
  });

  it.each([true, false])("shows images, streamed: %s", async (stream) => {
    const { openai, asked } = await start();
    const content = [
      { type: "text" as const, text: "what is this?" },
      { type: "image_url" as const, image_url: { url: PIXEL, detail: "low" as const } },
    ];
    const messages = [{ role: "user" as const, content }];
    let said: string | null | undefined = "";
    if (stream) {
      for await (const { choices } of await openai.chat.completions.create({ ...chat, messages, stream }))
        said += choices[0]?.delta.content ?? "";
    } else said = (await openai.chat.completions.create({ ...chat, messages })).choices[0]?.message.content;
    expect(said).toBe(`image/png of ${PIXEL.length} characters`);
    expect(asked[0]?.body.messages).toEqual(messages);
  });

  it("answers by a schema, and as any JSON", async () => {
    const { openai, asked } = await start();
    const json_schema = { name: "city", strict: true, schema: { type: "object", properties: { name: { type: "string" } } } };
    const answer = await openai.chat.completions.create({ ...chat, response_format: { type: "json_schema", json_schema } });
    expect(answer.choices[0]?.message.content).toBe('{"format":"city"}');
    expect(asked[0]?.body.response_format).toEqual({ type: "json_schema", json_schema });
    const any = await openai.chat.completions.create({ ...chat, response_format: { type: "json_object" } });
    expect(any.choices[0]?.message.content).toBe('{"format":"json_object"}');
  });

  it.each([true, false])("gives log probabilities and nothing that the engine adds, streamed: %s", async (stream) => {
    const { openai, asked } = await start();
    let logprobs: unknown;
    if (stream) {
      for await (const { choices } of await openai.chat.completions.create({ ...chat, stream, logprobs: true, top_logprobs: 2 }))
        logprobs ??= choices[0]?.logprobs;
    } else logprobs = (await openai.chat.completions.create({ ...chat, logprobs: true, top_logprobs: 2 })).choices[0]?.logprobs;
    const token = { token: "yes", logprob: -0.25, bytes: [121, 101, 115] };
    expect(logprobs).toEqual({
      content: [{ ...token, top_logprobs: [token, { token: "\ufffd", logprob: -2, bytes: null }] }],
      refusal: null,
    });
    expect(asked[0]?.body).toMatchObject({ logprobs: true, top_logprobs: 2 });
  });

  it.each([
    ["tools", { tools }, "tools_unsupported", "tools"],
    ["a tool's result", { messages: [{ role: "tool", tool_call_id: "x", content: "" }] }, "tools_unsupported", "messages[0].tool_call_id"],
    [
      "images",
      { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: PIXEL } }] }] },
      "unsupported_field",
      "messages[0].content[0]",
    ],
    ["schemas", { response_format: { type: "json_object" } }, "unsupported_field", "response_format"],
    ["log probabilities", { logprobs: true }, "unsupported_field", "logprobs"],
  ])("is told by name what the engine does not have: %s", async (_, more, code, param) => {
    const { enclave, asked } = await start({});
    const client = await createEhbpClient(enclave);
    const response = await post(enclave.url, await client.seal({ ...chat, ...more }), "e2ee-demo");
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code, param } });
    expect(asked).toHaveLength(0);
  });

  it("is told the same by an engine that says nothing of features, as llama.cpp's does not", async () => {
    const { url } = await startEnclave(scriptedEngine(sayHello));
    const client = await createEhbpClient({ url });
    const response = await post(url, await client.seal(ask({ tools })), "e2ee-demo");
    expect(await response.json()).toMatchObject({ error: { code: "tools_unsupported", param: "tools" } });
  });
});
