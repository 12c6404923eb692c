import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { bautaOf, createClient } from "@bauta/client";
import { findText } from "@bauta/conformance";
import type { Engine, EngineEvent } from "@bauta/enclave";
import { HEADERS, utf8 } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { sealBody } from "@bauta/protocol/client";
import OpenAI from "openai";
import { describe, expect, it, onTestFinished } from "vitest";
import { startGatewayProcess } from "../attacks/gateway-process.ts";
import { recorded, startStack } from "../attacks/private-stack.ts";
import { connectOutsideClient, MODELS, startSealedStack } from "./sealed-stack.ts";

const PROMPT = `prompt-canary-${randomBytes(12).toString("hex")}`;
const ANSWER = `answer-canary-${randomBytes(12).toString("hex")}`;
const USAGE = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
const messages = [{ role: "user" as const, content: PROMPT }];

/** Answers with a canary, or a call of the first tool, and waits in the middle for what it is given. */
function createEngine(name: string, halfway: Promise<void> = Promise.resolve()): Engine & { asked: number } {
  const engine: Engine & { asked: number } = {
    name,
    contextTokens: 4096,
    features: { tools: true, images: true, schemas: true, embeddings: true },
    asked: 0,
    async *generate(request): AsyncGenerator<EngineEvent> {
      engine.asked++;
      const [tool] = request.rich?.tools ?? [];
      yield tool
        ? { type: "delta", toolCalls: [{ index: 0, id: "call_1", name: tool.name, arguments: "{}" }] }
        : { type: "delta", content: ANSWER };
      await halfway;
      if (!tool) yield { type: "delta", content: "." };
      yield { type: "finish", reason: tool ? "tool_calls" : "stop", usage: USAGE };
    },
    embed: ({ input }) => Promise.resolve({ vectors: input.map(({ length }) => [length, 0.5]), usage: USAGE }),
    close: () => Promise.resolve(),
  };
  return engine;
}

interface Kept {
  readonly signing_address: string;
  readonly receipt: { readonly request_id: string; readonly model: string; readonly usage: object };
}

describe("an outside client of EHBP, through the gateway", () => {
  it.each(MODELS)("of %s gets streams, whole answers and embeddings, with receipts that outlast the enclave", async (model) => {
    const { baseUrl, apiKey, enclaves, fetch: call } = await startSealedStack([createEngine("one")]);
    const client = await connectOutsideClient(baseUrl, apiKey, model);
    const ids: string[] = [];
    const send = async (path: string, body: object) => {
      const response = await client.send(path, { model, ...body });
      expect(response.status).toBe(200);
      ids.push(response.headers.get(HEADERS.requestId) ?? "");
      return response.text();
    };
    const streamed = await send("/chat/completions", { messages, stream: true });
    expect(streamed).toContain(`"content":"${ANSWER}"`);
    expect(streamed).toContain("data: [DONE]\n\n");
    const whole = JSON.parse(await send("/chat/completions", { messages })) as OpenAI.ChatCompletion;
    expect([whole.choices[0]?.message.content, whole.usage]).toEqual([`${ANSWER}.`, USAGE]);
    const list = JSON.parse(await send("/embeddings", { input: ["a", PROMPT] })) as OpenAI.CreateEmbeddingResponse;
    expect(list.data.map(({ embedding }) => embedding)).toEqual([
      [1, 0.5],
      [PROMPT.length, 0.5],
    ]);

    // The gateway asked for the last receipt when its answer had ended.
    const kept = async (id: string) => (await call(`/tee/signature?model=${model}&request_id=${id}`)).status;
    await expect.poll(() => kept(ids[2] ?? "")).toBe(200);
    await enclaves[0]?.enclave.close();
    for (const id of ids) {
      const answer = (await (await call(`/tee/signature?model=${model}&request_id=${id}`)).json()) as Kept;
      expect(answer.signing_address).toBe(enclaves[0]?.enclave.address);
      expect(answer.receipt).toMatchObject({ request_id: id, model, usage: USAGE });
    }
  });

  it("reaches the one of two replicas that it attested, and no other", async () => {
    const engines = [createEngine("one"), createEngine("two")] as const;
    const { baseUrl, apiKey, enclaves } = await startSealedStack(engines);
    for (const model of MODELS) {
      const clients = await Promise.all(Array.from({ length: 8 }, () => connectOutsideClient(baseUrl, apiKey, model)));
      expect(new Set(clients.map(({ modelKey }) => modelKey)).size).toBe(2);
      for (const client of clients) {
        const before = engines.map(({ asked }) => asked);
        const bodies = await Promise.all(
          [true, false].map(async (stream) => (await client.send("/chat/completions", { model, messages, stream })).text()),
        );
        for (const body of bodies) expect(body).toContain(ANSWER);
        const gained = engines.map(({ asked }, i) => asked - (before[i] ?? 0));
        expect(gained).toEqual(enclaves.map(({ modelKey }) => (modelKey === client.modelKey ? 2 : 0)));
      }
      // Sent to the other one it opens for nobody, and the package knows why.
      const [first, second] = [clients[0], clients.find(({ modelKey }) => modelKey !== clients[0]?.modelKey)];
      const astray = first?.send("/chat/completions", { model, messages }, { [HEADERS.modelPublicKey]: second?.modelKey ?? "" });
      await expect(astray).rejects.toMatchObject({ name: "KeyConfigMismatchError" });
    }
  });

  it("that hangs up at [DONE] has its receipt all the same", async () => {
    const { baseUrl, apiKey, fetch: call } = await startSealedStack([createEngine("one")]);
    const [model] = MODELS;
    const client = await connectOutsideClient(baseUrl, apiKey, model);
    for (let i = 0; i < 10; i++) {
      const response = await client.send("/chat/completions", { model, messages, stream: true });
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      let shown = "";
      while (!shown.includes("[DONE]")) shown += Buffer.from((await reader.read()).value ?? []).toString();
      await reader.cancel();
      const id = response.headers.get(HEADERS.requestId);
      const status = async () => (await call(`/tee/signature?model=${model}&request_id=${id}`)).status;
      await expect.poll(status).toBe(200);
    }
  });
});

describe("our client under a policy of version 2, through the gateway", () => {
  it.each(MODELS)("makes the unmodified openai package's calls of %s, verified", async (model) => {
    const { baseUrl, apiKey, policy, trustRoots } = await startSealedStack([createEngine("one"), createEngine("two")]);
    const bauta = createClient({ baseURL: baseUrl, apiKey, policy: { ...policy, protocol: 2 }, trustRoots });
    const outcomes: Promise<{ readonly status: string }>[] = [];
    const openai = new OpenAI({
      baseURL: bauta.baseURL,
      apiKey,
      maxRetries: 0,
      fetch: async (...args) => {
        const response = await bauta.fetch(...args);
        const { outcome } = bautaOf(response) ?? {};
        if (outcome) outcomes.push(outcome);
        return response;
      },
    });
    const tools = [{ type: "function" as const, function: { name: "time", parameters: { type: "object", properties: {} } } }];
    const { choices } = await openai.chat.completions.create({ model, messages, tools });
    expect(choices[0]?.message.tool_calls).toMatchObject([{ id: "call_1", function: { name: "time" } }]);
    let shown = "";
    for await (const chunk of await openai.chat.completions.create({ model, messages, stream: true }))
      shown += chunk.choices[0]?.delta.content ?? "";
    expect(shown).toBe(`${ANSWER}.`);
    const { data } = await openai.embeddings.create({ model, input: "abc", encoding_format: "float" });
    expect(data[0]?.embedding).toEqual([3, 0.5]);
    expect((await Promise.all(outcomes)).map(({ status }) => status)).toEqual(["verified", "verified", "verified"]);

    const { data: models } = (await (await bauta.fetch(`${bauta.baseURL}/models`)).json()) as { data: Record<string, unknown>[] };
    expect(models.find(({ id }) => id === model)).toMatchObject({
      type: "text",
      model_spec: { capabilities: { supportsFunctionCalling: true, supportsVision: true, supportsResponseSchema: true } },
    });
  });
});

describe("what is wrong with a sealed request", () => {
  it.each(MODELS)("of %s is said by code and field, never in the caller's words, and as the enclave itself says it", async (model) => {
    const engines = [createEngine("one"), createEngine("two")];
    const { baseUrl, apiKey, enclaves } = await startSealedStack(engines);
    const [one, two] = await connectToBoth(baseUrl, apiKey, model);
    const { url = "" } = enclaves.find(({ modelKey }) => modelKey === one.modelKey) ?? {};
    const t = Math.floor(Date.now() / 1000);
    const bauta = { method: "POST", path: "/chat/completions", model, t };
    const sealText = async (plain: string, keyConfig = one.keyConfig) => {
      const { encapsulatedKey, body } = await sealBody({ backend, keyConfig, plaintext: utf8(plain) });
      return { body, headers: { [HEADERS.encapsulatedKey]: encapsulatedKey } as Record<string, string> };
    };
    const seal = (change: object = {}, keyConfig = one.keyConfig) =>
      sealText(JSON.stringify({ model, messages, bauta, ...change }), keyConfig);
    const sealWith = async (headers: Record<string, string>) => {
      const sealed = await seal();
      return { ...sealed, headers: { ...sealed.headers, ...headers } };
    };
    interface Sent {
      readonly body: Uint8Array<ArrayBuffer> | string;
      readonly headers: Record<string, string>;
    }
    const post = async (base: string, { body, headers }: Sent, path = "/chat/completions") => {
      const common = { authorization: `Bearer ${apiKey}`, [HEADERS.model]: model, [HEADERS.modelPublicKey]: one.modelKey };
      const response = await fetch(base + path, { method: "POST", headers: { ...common, ...headers }, body });
      const said = [response.status, response.headers.get("content-type"), await response.text()] as const;
      expect(findText(Buffer.from(JSON.stringify([...response.headers, ...said])), PROMPT)).toBeUndefined();
      return said;
    };
    const mistakes: [string, string | null, Sent, string?][] = [
      ["binding_mismatch", "bauta.path", await seal({ bauta: { ...bauta, path: `/${PROMPT}` } })],
      ["binding_mismatch", "model", await seal({ model: PROMPT })],
      ["body_expired", null, await seal({ bauta: { ...bauta, t: t - 3_600 } })],
      ["key_config", null, await seal({}, two.keyConfig)],
      ["body_not_opened", null, await sealWith({ [HEADERS.encapsulatedKey]: PROMPT })],
      ["body_not_opened", null, { ...(await seal()), body: JSON.stringify({ model, messages }) }],
      ["invalid_json", null, await sealText(PROMPT)],
      ["invalid_client_nonce", "bauta-nonce", await sealWith({ [HEADERS.nonce]: PROMPT })],
      ["headers_mixed", HEADERS.clientPublicKey, await sealWith({ [HEADERS.clientPublicKey]: PROMPT })],
      [
        "sealed_body_required",
        HEADERS.encapsulatedKey,
        { body: JSON.stringify({ model, input: PROMPT }), headers: { "content-type": "application/json" } },
        "/embeddings",
      ],
      ["unsupported_field", "logprobs", await seal({ logprobs: true })],
    ];
    for (const [code, param, sent, path] of mistakes) {
      const said = await post(baseUrl, sent, path);
      expect((JSON.parse(said[2]) as { error: unknown }).error).toMatchObject({ code, param });
      // What was opened there once is told as a replay now.
      if (code !== "unsupported_field") expect(await post(`${url}/v1`, sent, path)).toEqual(said);
    }
    const sealed = await seal();
    expect((await post(baseUrl, sealed))[0]).toBe(200);
    expect((await post(baseUrl, sealed))[2]).toContain('"code":"body_replayed"');
    expect(engines.reduce((sum, { asked }) => sum + asked, 0)).toBe(1);
  });
});

/** A client of each of two enclaves. */
async function connectToBoth(baseUrl: string, apiKey: string, model: string) {
  const one = await connectOutsideClient(baseUrl, apiKey, model);
  for (;;) {
    const two = await connectOutsideClient(baseUrl, apiKey, model);
    if (two.modelKey !== one.modelKey) return [one, two] as const;
  }
}

describe("a gateway that would like to know", () => {
  it("may send a sealed body again: it is refused by the enclave, and never reaches the engine", async () => {
    const engine = createEngine("one");
    const stack = await startStack({ engine });
    onTestFinished(() => stack.close());
    for (const [i, model] of MODELS.entries()) {
      const client = await connectOutsideClient(stack.baseUrl, stack.apiKey, model);
      stack.inner.up.length = 0;
      await (await client.send("/chat/completions", { model, messages })).text();
      expect(engine.asked).toBe(i + 1);
      const sent = Buffer.concat(stack.inner.up).toString("latin1");
      const at = sent.indexOf("POST /v1/chat/completions");
      const length = Number(/content-length: (\d+)/i.exec(sent.slice(at))?.[1]);
      const request = sent.slice(at, sent.indexOf("\r\n\r\n", at) + 4 + length).replace(/connection: keep-alive/i, "connection: close");
      const socket = connect(Number(new URL(stack.enclaveUrl).port), "127.0.0.1");
      socket.write(request, "latin1");
      const answer = await text(socket);
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).toContain('"code":"body_replayed"');
      expect(engine.asked).toBe(i + 1);
    }
  });

  it("finds no word of it on either wire, nor in a log at trace level", async () => {
    const stack = await startStack({ engine: createEngine("one") });
    onTestFinished(() => stack.close());
    for (const model of MODELS) {
      const client = await connectOutsideClient(stack.baseUrl, stack.apiKey, model);
      for (const stream of [true, false])
        expect(await (await client.send("/chat/completions", { model, messages, stream })).text()).toContain(ANSWER);
      expect((await client.send("/embeddings", { model, input: PROMPT })).status).toBe(200);
      // And what the enclave refuses, with the canary in the wrong places.
      const refused = await client.send("/chat/completions", { model, messages: [{ role: PROMPT, content: PROMPT }] }).catch(String);
      expect(refused).toBeDefined();
    }
    const seen = { wires: Buffer.concat([recorded(stack.outer), recorded(stack.inner)]), logs: Buffer.from(stack.logs.join("\n")) };
    expect(findText(seen.wires, "ehbp-encapsulated-key")).toBeDefined();
    expect(findText(seen.logs, "/api/v1/embeddings")).toBeDefined();
    for (const [where, bytes] of Object.entries(seen)) {
      for (const canary of [PROMPT, ANSWER]) expect([where, findText(bytes, canary)]).toEqual([where, undefined]);
    }
  });

  it.each(MODELS)("has nothing of it in its memory, while the answer is under way: %s", { timeout: 60_000 }, async (model) => {
    let goOn: () => void = () => {};
    const engine = createEngine("one", new Promise((resolve) => (goOn = resolve)));
    const gateway = await startGatewayProcess(engine, MODELS);
    try {
      const client = await connectOutsideClient(gateway.baseUrl, gateway.apiKey, model);
      const response = await client.send("/chat/completions", { model, messages, stream: true });
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      let shown = "";
      while (!shown.includes(ANSWER)) shown += Buffer.from((await reader.read()).value ?? []).toString();
      const snapshot = await gateway.takeHeapSnapshot();
      // What the gateway does hold is found, so the search would find more.
      expect(findText(snapshot, model)).toBeDefined();
      for (const canary of [PROMPT, ANSWER]) expect(findText(snapshot, canary)).toBeUndefined();
      goOn();
      for (let read = await reader.read(); !read.done; read = await reader.read()) shown += Buffer.from(read.value).toString();
      expect(shown).toContain("[DONE]");
      for (const canary of [PROMPT, ANSWER]) expect(findText(Buffer.from(gateway.log()), canary)).toBeUndefined();
    } finally {
      goOn();
      await gateway.close();
    }
  });
});
