import type { Client } from "@bauta/client";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { packages } from "./ai-packages.ts";
import { type ClientsStack, E2EE_MODEL, startClientsStack, TEE_MODEL } from "./clients-stack.ts";
import { ANSWER, createFeatureEngine, ENDLESS, type FeatureEngine } from "./feature-engine.ts";

const { createOpenAICompatible, embedMany, generateObject, generateText, jsonSchema, stepCountIs, streamText, tool } = packages;

const CANARY = "canary-51d0";
const PROMPT = `What is 2+2? ${CANARY}`;

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

/** All that a provider for Vercel's AI SDK takes. */
const provider = (bauta: Client) =>
  createOpenAICompatible({
    name: "bauta",
    baseURL: bauta.baseURL,
    fetch: bauta.fetch,
    includeUsage: true,
    supportsStructuredOutputs: true,
  });

function expectSealed(): void {
  expect(stack.sent.length).toBeGreaterThan(0);
  expect(Buffer.concat(stack.sent).toString("latin1")).not.toContain(CANARY);
}

const weather = tool({
  description: "The weather of a city",
  inputSchema: jsonSchema<{ city: string }>({ type: "object", properties: { city: { type: "string" } }, required: ["city"] }),
  execute: ({ city }) => Promise.resolve(`sunny in ${city}`),
});

describe.each([
  ["v1", E2EE_MODEL],
  ["v2", E2EE_MODEL],
  ["v2", TEE_MODEL],
] as const)("the AI SDK over %s with %s", (version, name) => {
  const model = () => provider(stack[version]())(name);

  it("generateText, with reasoning, usage and what is known of the answer", async () => {
    const result = await generateText({ model: model(), system: "Be brief.", prompt: PROMPT, maxRetries: 0 });
    expect([result.text, result.reasoningText, result.finishReason]).toEqual([ANSWER, "Sums.", "stop"]);
    expect(result.usage).toMatchObject({ inputTokens: 5, outputTokens: 3, totalTokens: 8 });
    expect(result.response.headers).toMatchObject({ "bauta-outcome": "verified", "bauta-protection": "sealed", "bauta-simulated": "true" });
    expectSealed();
  });

  it("streamText", async () => {
    const result = streamText({ model: model(), prompt: PROMPT, maxRetries: 0 });
    let text = "";
    for await (const piece of result.textStream) text += piece;
    expect([text, await result.finishReason, (await result.usage).totalTokens]).toEqual([ANSWER, "stop", 8]);
    expectSealed();
  });

  it("an abort stops the engine", async () => {
    const controller = new AbortController();
    const result = streamText({ model: model(), prompt: ENDLESS, abortSignal: controller.signal, maxRetries: 0 });
    for await (const part of result.fullStream) {
      if (part.type === "text-delta") controller.abort();
    }
    await engine.stopped();
  });

  it("an enclave that the policy does not know is not tried again", async () => {
    const client = stack[version]({ policy: { version: 1, builds: [], ...(version === "v2" && { protocol: 2 }) } });
    await expect(generateText({ model: provider(client)(name), prompt: PROMPT })).rejects.toMatchObject({
      statusCode: 403,
      isRetryable: false,
      message: expect.stringContaining("nothing was sent"),
    });
    expect(stack.sent).toEqual([]);
  });
});

describe("the AI SDK over v1", () => {
  it("is told by name what cannot be sealed", async () => {
    const model = provider(stack.v1())(E2EE_MODEL);
    await expect(generateText({ model, prompt: PROMPT, tools: { weather } })).rejects.toMatchObject({
      statusCode: 400,
      message: expect.stringContaining("tools"),
    });
    await expect(generateObject({ model, prompt: PROMPT, schema: jsonSchema({ type: "object" }) })).rejects.toMatchObject({
      statusCode: 400,
      message: expect.stringContaining("response_format"),
    });
    expect(stack.sent).toEqual([]);
  });
});

describe.each([E2EE_MODEL, TEE_MODEL])("the AI SDK over v2 with %s", (name) => {
  const model = () => provider(stack.v2())(name);

  it("runs tools, and goes on with what they say", async () => {
    const result = await generateText({ model: model(), prompt: PROMPT, tools: { weather }, stopWhen: stepCountIs(2), maxRetries: 0 });
    expect(result.steps[0]?.toolCalls).toMatchObject([{ toolName: "weather", input: { city: "Venice" } }]);
    expect(result.text).toBe("The tool said sunny in Venice");
    expectSealed();
  });

  it("runs them in a stream", async () => {
    const result = streamText({ model: model(), prompt: PROMPT, tools: { weather }, stopWhen: stepCountIs(2), maxRetries: 0 });
    expect(await result.text).toBe("The tool said sunny in Venice");
  });

  it("gives objects by a schema", async () => {
    const schema = jsonSchema<{ city: string; bridges: number }>({
      type: "object",
      properties: { city: { type: "string" }, bridges: { type: "number" } },
      required: ["city", "bridges"],
    });
    const { object } = await generateObject({ model: model(), prompt: PROMPT, schema, maxRetries: 0 });
    expect(object).toEqual({ city: "Venice", bridges: 400 });
    expectSealed();
  });

  it("shows images", async () => {
    const image = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
    const messages = [
      {
        role: "user" as const,
        content: [
          { type: "text" as const, text: CANARY },
          { type: "image" as const, image },
        ],
      },
    ];
    const { text } = await generateText({ model: model(), messages, maxRetries: 0 });
    expect(text).toBe(`${CANARY}: an image of 34 characters`);
    expectSealed();
  });

  it("embeds", async () => {
    const { embeddings } = await embedMany({ model: provider(stack.v2()).embeddingModel(name), values: [CANARY, "x"], maxRetries: 0 });
    expect(embeddings).toEqual([
      [CANARY.length, 0.5],
      [1, 0.5],
    ]);
    expectSealed();
  });
});
