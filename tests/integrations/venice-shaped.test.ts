import { bautaOf, type ClientOptions } from "@bauta/client";
import OpenAI from "openai";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { noPython } from "../support/python.ts";
import { openaiJavascript } from "./openai-javascript.ts";
import { startOpenaiPython } from "./openai-python.ts";
import { E2EE_MODEL, type Stack, startStack } from "./stack.ts";
import { startVeniceShaped, type VeniceShaped } from "./venice-shaped.ts";

const CANARY = "canary-77aa";
const messages = [{ role: "user" as const, content: CANARY }];
const params = { venice_parameters: { enable_e2ee: true, include_venice_system_prompt: false } };

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.close());

describe.each(["base64", "hex"] as const)("a server as Venice's is, with quotes in %s", (quote) => {
  let server: VeniceShaped;
  let options: Partial<ClientOptions>;
  beforeEach(async () => {
    await stack.outcomes();
    server = await startVeniceShaped(stack.client("v1").baseURL, { quote });
    options = {
      baseURL: server.baseUrl,
      receipts: "documented",
      collateral: { fetch: () => Promise.resolve(stack.collateral), close: () => undefined },
    };
  });
  afterEach(() => server.close());

  it("is attested at the third try, and answers the openai package, verified by its documented receipt", async () => {
    server.failFirst(2);
    const client = stack.client("v1", options);
    const openai = new OpenAI({ baseURL: client.baseURL, apiKey: "x", fetch: client.fetch, maxRetries: 0 });
    const { data, response } = await openai.chat.completions.create({ model: E2EE_MODEL, messages, ...params }).withResponse();
    expect(data.choices[0]?.message).toMatchObject({ content: `You said ${CANARY}.`, reasoning_content: "Hm." });
    expect(data.usage?.total_tokens).toBe(8);
    expect(await bautaOf(response)?.outcome).toMatchObject({ status: "verified", receiptKind: "documented", requestId: data.id });
    expect(server.attestations()).toBe(3);

    const { data: stream, response: streamed } = await openai.chat.completions
      .create({ model: E2EE_MODEL, messages, stream: true, ...params })
      .withResponse();
    let text = "";
    for await (const { choices } of stream) text += choices[0]?.delta.content ?? "";
    expect(text).toBe(`You said ${CANARY}.`);
    expect(await bautaOf(streamed)?.outcome).toMatchObject({ status: "verified", receiptKind: "documented" });
    expect(server.attestations()).toBe(3);
    for (const chat of server.chats) {
      expect(chat).toMatchObject(params);
      expect(JSON.stringify(chat)).not.toContain(CANARY);
    }
  });

  it("its errors come through in OpenAI's shape, each as a hint", async () => {
    const endpoint = await stack.endpoint("fetch", "v1", options);
    const see = (body: object, more = {}) => openaiJavascript.ask({ ...endpoint, ...more }, { kind: "whole", body: { messages, ...body } });
    expect(await see({ model: "e2ee-none" })).toMatchObject({ error: { status: 404 } });
    expect(await see({ model: E2EE_MODEL, temperature: 99 })).toMatchObject({ error: { status: 400 } });
    const locked = await stack.endpoint("fetch", "v1", { ...options, apiKey: "sk-nobodys" });
    expect(await see({ model: E2EE_MODEL }, locked)).toMatchObject({ error: { status: 401 } });
  });

  it.skipIf(noPython)("answers the openai package for Python through the proxy, streaming and not", async () => {
    const endpoint = await stack.endpoint("proxy", "v1", options);
    const python = startOpenaiPython();
    try {
      for (const [kind, more] of [
        ["whole", {}],
        ["stream", { stream: true }],
      ] as const) {
        const seen = await python.ask(endpoint, { kind, body: { model: E2EE_MODEL, messages, ...more } });
        expect(seen).toMatchObject({ text: `You said ${CANARY}.`, reasoning: "Hm.", finish: "stop" });
      }
      expect(await stack.outcomes()).toEqual(["verified", "verified"]);
    } finally {
      await python.close?.();
    }
  });

  it("an answer that says less than was asked for is not handed out", async () => {
    const { receipts: _receipts, ...strict } = options;
    const endpoint = await stack.endpoint("fetch", "v1", strict);
    const seen = await openaiJavascript.ask(endpoint, { kind: "whole", body: { model: E2EE_MODEL, messages } });
    expect(seen).toEqual({ error: { status: 502, code: "answer_unverified", param: null } });
  });
});
