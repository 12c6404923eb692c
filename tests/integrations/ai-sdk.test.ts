import type { Client } from "@bauta/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packages } from "./ai-packages.ts";
import { type Stack, startStack } from "./stack.ts";
import { CANARY, TARGETS } from "./table.ts";

const { createOpenAICompatible, generateText, jsonSchema, stepCountIs, streamText, tool } = packages;

// What the AI SDK has beside the calls of the table.

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.close());

const provider = ({ baseURL, fetch }: Client) => createOpenAICompatible({ name: "bauta", baseURL, fetch });

describe.each(TARGETS)("the AI SDK over %s with %s", (version, model) => {
  it("does not try again what an enclave that the policy does not know has refused", async () => {
    const client = stack.client(version, { policy: { version: 1, builds: [], ...(version === "v2" && { protocol: 2 }) } });
    await expect(generateText({ model: provider(client)(model), prompt: CANARY })).rejects.toMatchObject({
      statusCode: 403,
      isRetryable: false,
      message: expect.stringContaining("nothing was sent"),
    });
    expect(stack.sent).toEqual([]);
  });

  it.skipIf(version === "v1")("runs tools in a stream", async () => {
    const weather = tool({
      inputSchema: jsonSchema<{ city: string }>({ type: "object", properties: { city: { type: "string" } }, required: ["city"] }),
      execute: ({ city }) => Promise.resolve(`sunny in ${city}`),
    });
    const stopWhen = stepCountIs(2);
    const result = streamText({
      model: provider(stack.client(version))(model),
      prompt: CANARY,
      tools: { weather },
      stopWhen,
      maxRetries: 0,
    });
    expect(await result.text).toBe("The tool said sunny in some city.");
    stack.sent.length = 0;
  });
});
