import OpenAI from "openai";
import { describe, expect, it } from "vitest";
import { EngineError } from "./engine/engine.ts";
import { createOpenAiEngine } from "./engine/openai-engine.ts";
import { createEhbpClient } from "./testing/ehbp-client.ts";
import { sha256Hex } from "./testing/independent-client.ts";
import { startOpenAiServer } from "./testing/openai-server.ts";
import { gate, NOW_MS, type RunningEnclave, sayHello, scriptedEngine, startEnclave, untilAborted } from "./testing/running-enclave.ts";

const MODEL = "e2ee-demo";

async function start(features: object = { embeddings: true }) {
  const server = await startOpenAiServer();
  const running = await startEnclave(
    createOpenAiEngine({ baseUrl: server.baseUrl, upstreamModel: "upstream", contextTokens: 100, features }),
  );
  return { ...running, asked: server.asked };
}

async function post({ url }: RunningEnclave, body: unknown, signal?: AbortSignal) {
  const sealed = await (await createEhbpClient({ url })).seal(body);
  const response = await fetch(`${url}/v1/embeddings`, {
    method: "POST",
    headers: { "ehbp-encapsulated-key": sealed.encapsulatedKey, "bauta-model": MODEL },
    body: sealed.bytes,
    ...(signal && { signal }),
  });
  return { sealed, response };
}

describe("embeddings", () => {
  it("are computed for a sealed request, sealed and signed", async () => {
    const running = await start();
    const bauta = { method: "POST", path: "/embeddings", model: MODEL, t: NOW_MS / 1000 };
    const { sealed, response } = await post(running, { model: MODEL, input: ["a", "bcd"], dimensions: 3, bauta });
    expect(response.status).toBe(200);
    const requestId = response.headers.get("bauta-request-id");
    expect(requestId).toMatch(/^embd-[0-9a-f]{32}$/);
    const bytes = new Uint8Array(await response.arrayBuffer());
    const opened = await sealed.open(bytes, response.headers.get("ehbp-response-nonce") as string);
    expect(JSON.parse(Buffer.from(opened).toString())).toEqual({
      object: "list",
      data: [
        { object: "embedding", index: 0, embedding: [1, 0.5, 0.5] },
        { object: "embedding", index: 1, embedding: [3, 0.5, 0.5] },
      ],
      model: MODEL,
      usage: { prompt_tokens: 9, total_tokens: 9 },
    });
    expect(running.asked).toEqual([
      { path: "/v1/embeddings", body: { model: "upstream", input: ["a", "bcd"], encoding_format: "float", dimensions: 3 } },
    ]);
    const kept = (await (await fetch(`${running.url}/v1/tee/signature?model=${MODEL}&request_id=${requestId}`)).json()) as {
      receipt: object;
    };
    expect(kept.receipt).toMatchObject({
      model: MODEL,
      request_sha256: sha256Hex(sealed.bytes),
      response_sha256: sha256Hex(bytes),
      envelopes_sha256: null,
      finish_reason: "stop",
      usage: { prompt_tokens: 9, completion_tokens: 0, total_tokens: 9 },
    });
  });

  it("come to the unmodified openai package, which asks for them in base64", async () => {
    const { url } = await start();
    const { transport } = await createEhbpClient({ url });
    const openai = new OpenAI({
      baseURL: `${url}/v1`,
      apiKey: "none",
      defaultHeaders: { "bauta-model": MODEL },
      fetch: (target, init) => transport.request(target as string, init),
    });
    const { data } = await openai.embeddings.create({ model: MODEL, input: ["four", "fifth"] });
    expect(data.map(({ embedding }) => embedding)).toEqual([
      [4, 0.5],
      [5, 0.5],
    ]);
  });

  it.each([
    ["tokens", { input: [1, 2] }, "unsupported_field", "input"],
    ["lists of tokens", { input: [[1, 2]] }, "unsupported_field", "input"],
    ["nothing", { input: [] }, "invalid_field", "input"],
    ["an empty text", { input: ["a", ""] }, "invalid_field", "input"],
    ["no input", {}, "missing_field", "input"],
    ["more than are taken at once", { input: Array.from({ length: 2049 }, () => "x") }, "invalid_field", "input"],
    ["another encoding", { input: "a", encoding_format: "hex" }, "invalid_field", "encoding_format"],
    ["no dimensions", { input: "a", dimensions: 0 }, "invalid_field", "dimensions"],
    [
      "a chat's binding",
      { input: "a", bauta: { method: "POST", path: "/chat/completions", model: MODEL, t: NOW_MS / 1000 } },
      "binding_mismatch",
      "bauta.path",
    ],
  ])("are refused for %s", async (_, more, code, param) => {
    const running = await start();
    const { response } = await post(running, { model: MODEL, ...more });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code, param } });
    expect(running.asked).toHaveLength(0);
  });

  it("are refused by name where the engine has none", async () => {
    for (const running of [await start({}), await startEnclave(scriptedEngine(sayHello))]) {
      const { response } = await post(running, { model: MODEL, input: "a" });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: { code: "unsupported_field", param: "model" } });
    }
  });

  it("are refused in clear, and in version 1's headers, with what to do", async () => {
    const { url, modelKeyHex, asked } = await start();
    const v1 = {
      "x-venice-tee-client-pub-key": modelKeyHex,
      "x-venice-tee-model-pub-key": modelKeyHex,
      "x-venice-tee-signing-algo": "ecdsa",
    };
    for (const model of ["tee-demo", MODEL]) {
      for (const headers of [{}, v1]) {
        const response = await fetch(`${url}/v1/embeddings`, {
          method: "POST",
          headers: { "content-type": "application/json", ...headers },
          body: JSON.stringify({ model, input: "a" }),
        });
        expect(response.status).toBe(400);
        const { error } = (await response.json()) as { error: { code: string; message: string } };
        expect(error.code).toBe("sealed_body_required");
        expect(error.message).toContain("hpke_key_config");
      }
    }
    expect(asked).toHaveLength(0);
  });

  it("stop with the client, and give no receipt when they fail", async () => {
    const began = gate();
    const stopped = gate();
    const waiting = await startEnclave({
      ...scriptedEngine(sayHello),
      async embed(_, signal) {
        began.resolve();
        await untilAborted(signal).finally(stopped.resolve);
        throw new EngineError("aborted");
      },
    });
    const controller = new AbortController();
    const sent = post(waiting, { model: MODEL, input: "a" }, controller.signal);
    await began.promise;
    controller.abort();
    await expect(sent).rejects.toThrow();
    await stopped.promise;

    const failing = await startEnclave({ ...scriptedEngine(sayHello), embed: () => Promise.reject(new EngineError("unreachable")) });
    const { response } = await post(failing, { model: MODEL, input: "a" });
    expect(response.status).toBe(502);
    expect(response.headers.get("bauta-request-id")).toBeNull();
    expect(await response.json()).toMatchObject({ error: { code: "engine_failed" } });
    const full = await startEnclave({ ...scriptedEngine(sayHello), embed: () => Promise.reject(new EngineError("context-length")) });
    const tooLong = await post(full, { model: MODEL, input: "a" });
    expect(await tooLong.response.json()).toMatchObject({ error: { code: "context_length", param: "input" } });
  });
});

describe("the list of models", () => {
  it("says what an engine can do beyond text", async () => {
    const { url } = await start({ embeddings: true, tools: true });
    const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: { features?: object }[] };
    expect(data.map(({ features }) => features)).toEqual([
      { embeddings: true, tools: true },
      { embeddings: true, tools: true },
    ]);
  });
});
