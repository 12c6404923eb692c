import { bautaOf, type Client, type ClientOptions } from "@bauta/client";
import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ClientsStack, E2EE_MODEL, startClientsStack, TEE_MODEL } from "./clients-stack.ts";
import { ANSWER, createFeatureEngine, ENDLESS, type FeatureEngine } from "./feature-engine.ts";

const CANARY = "canary-9c1e";
const QUESTION = [{ role: "user" as const, content: `What is 2+2? ${CANARY}` }];
const TOOLS: OpenAI.ChatCompletionTool[] = [
  { type: "function", function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } } },
];
const IMAGE: OpenAI.ChatCompletionMessageParam[] = [
  {
    role: "user",
    content: [
      { type: "text", text: CANARY },
      { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } },
    ],
  },
];
const SCHEMA: OpenAI.ResponseFormatJSONSchema = {
  type: "json_schema",
  json_schema: { name: "city", schema: { type: "object", properties: { city: { type: "string" } } } },
};

let engine: FeatureEngine;
let stack: ClientsStack;
beforeAll(async () => {
  engine = createFeatureEngine();
  stack = await startClientsStack(engine);
});
afterAll(() => stack?.close());
beforeEach(() => {
  stack.sent.length = 0;
  engine.requests.length = 0;
});

/** The unmodified client, as its own documentation sets it up. */
function openai(bauta: Client, options: ConstructorParameters<typeof OpenAI>[0] = {}): OpenAI {
  return new OpenAI({ baseURL: bauta.baseURL, apiKey: "sk-not-the-gateways", fetch: bauta.fetch, maxRetries: 0, ...options });
}

async function failure(promise: PromiseLike<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  try {
    await promise;
  } catch (error) {
    return error as InstanceType<typeof OpenAI.APIError>;
  }
  throw new Error("expected a rejection");
}

function expectSealed(): void {
  expect(stack.sent.length).toBeGreaterThan(0);
  expect(Buffer.concat(stack.sent).toString("latin1")).not.toContain(CANARY);
}

/** Which calls an unmodified client makes by which version of the protocol, each of them against gateway and enclave. */
describe.each([
  ["v1", E2EE_MODEL],
  ["v2", E2EE_MODEL],
  ["v2", TEE_MODEL],
] as const)("openai over %s with %s", (version, model) => {
  const client = (options: Partial<ClientOptions> = {}) => stack[version](options);

  it("a completion", async () => {
    const create = openai(client()).chat.completions.create({ model, messages: QUESTION });
    const { data, response, request_id: requestId } = await create.withResponse();
    expect(data).toMatchObject({
      object: "chat.completion",
      choices: [{ index: 0, message: { role: "assistant", content: ANSWER, reasoning_content: "Sums." }, finish_reason: "stop" }],
      usage: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 },
    });
    expect(data.id).toMatch(/^chatcmpl-[0-9a-f]{32}$/);
    expect(requestId).toBe(data.id);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "bauta-protection": "sealed",
      "bauta-simulated": "true",
      "bauta-outcome": "verified",
    });
    const outcome = await bautaOf(response)?.outcome;
    expect(outcome).toMatchObject({ status: "verified", receiptKind: "bauta", requestId: data.id });
    expectSealed();
  });

  it("a stream, with usage", async () => {
    const stream = await openai(client()).chat.completions.create({
      model,
      messages: QUESTION,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe(ANSWER);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 8 } });
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe("stop");
    expectSealed();
  });

  it("the streaming helper's final completion", async () => {
    const runner = openai(client()).chat.completions.stream({ model, messages: QUESTION });
    expect(await runner.finalContent()).toBe(ANSWER);
  });

  it("an abort stops the engine", async () => {
    const messages = [{ role: "user" as const, content: ENDLESS }];
    const stream = await openai(client()).chat.completions.create({ model, messages, stream: true });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
    await engine.stopped();

    const controller = new AbortController();
    const begun = engine.begun();
    const whole = failure(openai(client()).chat.completions.create({ model, messages }, { signal: controller.signal }));
    await begun;
    controller.abort();
    expect(await whole).toBeInstanceOf(OpenAI.APIUserAbortError);
    await engine.stopped();
  });

  it("lists models, each with what protects it", async () => {
    const models = await openai(client()).models.list();
    expect(models.data).toMatchObject([
      { id: TEE_MODEL, bauta: { protection: version === "v2" ? "sealed" : "gateway-visible" } },
      { id: E2EE_MODEL, bauta: { protection: "sealed" } },
    ]);
    expect(await openai(client()).models.retrieve(E2EE_MODEL)).toMatchObject({ id: E2EE_MODEL, object: "model" });
  });

  it("errors: a parameter out of range, an unknown key, a model that is not there", async () => {
    const wrong = await failure(openai(client()).chat.completions.create({ model, messages: QUESTION, temperature: 99 }));
    expect(wrong).toBeInstanceOf(OpenAI.BadRequestError);
    expect(wrong).toMatchObject({ status: 400, code: "invalid_field" });
    const locked = await failure(openai(client({ apiKey: "sk-nobodys" })).chat.completions.create({ model, messages: QUESTION }));
    expect(locked).toMatchObject({ status: 401, code: "unauthorized" });
    const missing = await failure(openai(client()).chat.completions.create({ model: `${model}-none`, messages: QUESTION }));
    expect(missing).toMatchObject({ status: 404, code: "model_not_found" });
  });

  it("an enclave that the policy does not know: nothing is sent, nothing is tried again", async () => {
    const bauta = client({ policy: { version: 1, builds: [], ...(version === "v2" && { protocol: 2 }) } });
    const refused = await failure(openai(bauta, { maxRetries: 5 }).chat.completions.create({ model, messages: QUESTION }));
    expect(refused).toMatchObject({ status: 403, code: "attestation_refused", type: "tee_error" });
    expect(stack.sent).toEqual([]);
  });

  it("other calls are refused by name", async () => {
    const refused = await failure(openai(client()).images.generate({ model: "any", prompt: CANARY }));
    expect(refused).toMatchObject({ status: 400, code: "path_not_private" });
    expect(stack.sent).toEqual([]);
  });
});

describe("openai over v1: what cannot be sealed is refused by name", () => {
  it.each([
    ["tools", { messages: QUESTION, tools: TOOLS }, "tools"],
    ["images", { messages: IMAGE }, "messages[0].content"],
    ["a schema", { messages: QUESTION, response_format: SCHEMA }, "response_format"],
  ])("%s", async (_name, body, param) => {
    const refused = await failure(openai(stack.v1()).chat.completions.create({ model: E2EE_MODEL, ...body }));
    expect(refused).toMatchObject({ status: 400, param, type: "invalid_request_error" });
    expect(stack.sent).toEqual([]);
  });

  it("embeddings", async () => {
    const refused = await failure(openai(stack.v1()).embeddings.create({ model: E2EE_MODEL, input: CANARY }));
    expect(refused).toMatchObject({ status: 400, param: "model" });
  });

  it("a model that the gateway reads, unless it is allowed", async () => {
    const refused = await failure(openai(stack.v1()).chat.completions.create({ model: TEE_MODEL, messages: QUESTION }));
    expect(refused).toMatchObject({ status: 400, code: "gateway_visible" });
    expect(stack.sent).toEqual([]);
    const allowed = openai(stack.v1({ allowGatewayVisible: true })).chat.completions;
    const { data, response } = await allowed.create({ model: TEE_MODEL, messages: QUESTION }).withResponse();
    expect([data.choices[0]?.message.content, response.headers.get("bauta-outcome")]).toEqual([ANSWER, "verified"]);
    expect(response.headers.get("bauta-protection")).toBe("gateway-visible");
  });
});

describe.each([E2EE_MODEL, TEE_MODEL])("openai over v2 with %s", (model) => {
  it.each([false, true])("tools, and what they say (stream: %s)", async (stream) => {
    const { completions } = openai(stack.v2()).chat;
    const body = { model, messages: QUESTION, tools: TOOLS };
    const first = stream ? await completions.stream(body).finalChatCompletion() : await completions.create(body);
    const [choice] = first.choices;
    expect(choice).toMatchObject({
      message: { tool_calls: [{ id: "call_0", type: "function", function: { name: "weather", arguments: '{"city":"Venice"}' } }] },
      finish_reason: "tool_calls",
    });
    const messages = [...QUESTION, choice!.message, { role: "tool" as const, tool_call_id: "call_0", content: "sunny" }];
    const second = await completions.create({ model, messages, tools: TOOLS });
    expect(second.choices[0]?.message.content).toBe("The tool said sunny");
    expectSealed();
  });

  it("images", async () => {
    const { choices } = await openai(stack.v2()).chat.completions.create({ model, messages: IMAGE });
    expect(choices[0]?.message.content).toBe(`${CANARY}: an image of 34 characters`);
    expectSealed();
  });

  it("JSON by a schema", async () => {
    const { choices } = await openai(stack.v2()).chat.completions.create({ model, messages: QUESTION, response_format: SCHEMA });
    expect(JSON.parse(choices[0]?.message.content ?? "")).toEqual({ city: "Venice", bridges: 400 });
    expect(engine.requests[0]?.rich?.responseFormat).toMatchObject({ type: "json_schema", name: "city" });
  });

  it("embeddings", async () => {
    const { data, response } = await openai(stack.v2())
      .embeddings.create({ model, input: [CANARY, "x"] })
      .withResponse();
    expect(data.data.map(({ embedding }) => embedding)).toEqual([
      [CANARY.length, 0.5],
      [1, 0.5],
    ]);
    expect(response.headers.get("bauta-outcome")).toBe("verified");
    expectSealed();
  });
});
