import { bautaOf, type Client, type ClientOptions } from "@bauta/client";
import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ENDLESS } from "./speaking-engine.ts";
import { E2EE_MODEL, type Stack, startStack, TEE_MODEL } from "./stack.ts";
import { CANARY, TARGETS } from "./table.ts";

// What the openai package has beside the calls of the table.

const messages = [{ role: "user" as const, content: CANARY }];
const ANSWER = `You said ${CANARY}.`;
const TOOLS: OpenAI.ChatCompletionTool[] = [
  { type: "function", function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } } },
];

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.close());
beforeEach(() => {
  stack.sent.length = 0;
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

describe.each(TARGETS)("openai over %s with %s", (version, model) => {
  const client = (options: Partial<ClientOptions> = {}) => stack.client(version, options);

  it("tells all that is known of an answer", async () => {
    const { data, response } = await openai(client()).chat.completions.create({ model, messages }).withResponse();
    expect(data.id).toMatch(/^chatcmpl-[0-9a-f]{32}$/);
    expect(response.headers.get("x-request-id")).toBe(data.id);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "bauta-protection": "sealed",
      "bauta-simulated": "true",
      "bauta-outcome": "verified",
    });
    expect(await bautaOf(response)?.outcome).toMatchObject({ status: "verified", receiptKind: "bauta", requestId: data.id });
  });

  it("streams chunks of one answer, and the helper puts them together", async () => {
    const { completions } = openai(client()).chat;
    const ids = new Set<string>();
    const chunks = await completions.create({ model, messages, stream: true, stream_options: { include_usage: true } });
    for await (const { id } of chunks) ids.add(id);
    expect(ids.size).toBe(1);
    expect(await completions.stream({ model, messages }).finalContent()).toBe(ANSWER);
  });

  it("an abort before the whole answer stops the engine", async () => {
    const controller = new AbortController();
    const question = [{ role: "user" as const, content: ENDLESS }];
    const whole = failure(openai(client()).chat.completions.create({ model, messages: question }, { signal: controller.signal }));
    await stack.engine.begun();
    controller.abort();
    expect(await whole).toBeInstanceOf(OpenAI.APIUserAbortError);
    await stack.engine.stopped();
  });

  it("lists models, each with what protects it", async () => {
    const models = await openai(client()).models.list();
    expect(models.data).toMatchObject([
      { id: TEE_MODEL, bauta: { protection: version === "v2" ? "sealed" : "gateway-visible" } },
      { id: E2EE_MODEL, bauta: { protection: "sealed" } },
    ]);
    expect(await openai(client()).models.retrieve(E2EE_MODEL)).toMatchObject({ id: E2EE_MODEL, object: "model" });
  });

  it("an enclave that the policy does not know: nothing is sent, nothing is tried again", async () => {
    const bauta = client({ policy: { version: 1, builds: [], ...(version === "v2" && { protocol: 2 }) } });
    const refused = await failure(openai(bauta, { maxRetries: 5 }).chat.completions.create({ model, messages }));
    expect(refused).toMatchObject({ status: 403, code: "attestation_refused", type: "tee_error" });
    expect(stack.sent).toEqual([]);
  });

  it("other calls are refused by name", async () => {
    const refused = await failure(openai(client()).images.generate({ model: "any", prompt: CANARY }));
    expect(refused).toMatchObject({ status: 400, code: "path_not_private" });
    expect(stack.sent).toEqual([]);
  });
});

it("a model that the gateway reads is refused over v1, unless it is allowed", async () => {
  const refused = await failure(openai(stack.client("v1")).chat.completions.create({ model: TEE_MODEL, messages }));
  expect(refused).toMatchObject({ status: 400, code: "gateway_visible" });
  expect(stack.sent).toEqual([]);
  const allowed = openai(stack.client("v1", { allowGatewayVisible: true })).chat.completions;
  const { data, response } = await allowed.create({ model: TEE_MODEL, messages }).withResponse();
  expect([data.choices[0]?.message.content, response.headers.get("bauta-outcome")]).toEqual([ANSWER, "verified"]);
  expect(response.headers.get("bauta-protection")).toBe("gateway-visible");
});

it.each([E2EE_MODEL, TEE_MODEL])("tools are called in a stream, over v2 with %s", async (model) => {
  const { completions } = openai(stack.client("v2")).chat;
  const { choices } = await completions.stream({ model, messages, tools: TOOLS }).finalChatCompletion();
  expect(choices[0]).toMatchObject({
    message: { tool_calls: [{ id: "call_0", type: "function", function: { name: "weather", arguments: '{"city":"some city"}' } }] },
    finish_reason: "tool_calls",
  });
});
