import { HEADERS } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { createBodyKey } from "@bauta/protocol/enclave";
import { describe, expect, it } from "vitest";
import { bautaOf, type ClientOptions, type Outcome } from "../index.ts";
import { at, CANARY, MODEL, NOW_MS, QUESTION, readAll, rejection, VISIBLE_MODEL } from "../scripted-server.test.ts";
import {
  chunk,
  createSealingEnclave,
  event,
  type Json,
  refuse,
  type SealedScript,
  type SealingEnclave,
  WHOLE,
} from "../testing/sealing-enclave.ts";

const TOOLS = [{ type: "function", function: { name: "look_up", parameters: { type: "object" } } }];

async function call(enclave: SealingEnclave, body: Json, path = "chat/completions", options: Partial<ClientOptions> = {}) {
  const client = enclave.client(options);
  const response = await client.fetch(`${client.baseURL}/${path}`, {
    method: "POST",
    body: JSON.stringify({ model: MODEL, messages: QUESTION, ...body }),
  });
  return { client, response };
}

async function asked(body: Json, script: SealedScript = {}, options: Partial<ClientOptions> = {}) {
  const enclave = await createSealingEnclave(script);
  return { enclave, ...(await call(enclave, body, "chat/completions", options)) };
}

const outcomeOf = (response: Response): Promise<Outcome> => bautaOf(response)!.outcome;

describe("requests sealed whole", () => {
  it.each([MODEL, VISIBLE_MODEL])("show nothing of the conversation on the way: %s", async (model) => {
    const { enclave, response } = await asked({ model, tools: TOOLS, user: CANARY, response_format: { type: "json_object" } });
    expect([response.status, response.headers.get("bauta-protection")]).toEqual([200, "sealed"]);
    expect(await response.json()).toEqual(WHOLE);
    expect(await outcomeOf(response)).toMatchObject({ status: "verified", receipt: { envelopes_sha256: null }, receiptKind: "bauta" });
    expect(Buffer.from(at(enclave.bodies, 0)).toString("latin1")).not.toContain(CANARY);
    const { request, headers } = at(enclave.calls, 0);
    expect(request).toEqual({ model, messages: QUESTION, tools: TOOLS, user: CANARY, response_format: { type: "json_object" } });
    expect(headers).toMatchObject({ [HEADERS.model]: model, "content-type": "application/octet-stream" });
    for (const name of [HEADERS.clientPublicKey, HEADERS.signingAlgorithm]) expect(headers).not.toHaveProperty(name);
    expect(JSON.stringify(headers)).not.toContain(CANARY);
  });

  it("are sealed under a key of their own each", async () => {
    const enclave = await createSealingEnclave();
    await call(enclave, {});
    await call(enclave, {});
    const keys = enclave.calls.map(({ headers }) => headers[HEADERS.encapsulatedKey]);
    expect(new Set(keys).size).toBe(2);
    expect(enclave.bodies[0]).not.toEqual(enclave.bodies[1]);
  });

  it("stream OpenAI's chunks as the enclave wrote them", async () => {
    const { response } = await asked({ stream: true });
    const text = await response.text();
    expect(text.split("\n\n").filter((block) => block !== "")).toEqual([
      ...[
        chunk({ role: "assistant" }),
        chunk({ reasoning_content: "hm" }),
        chunk({ content: "fo" }),
        chunk({ content: "ur" }),
        chunk({}, "stop"),
      ].map((one) => event(one).trimEnd()),
      ": bauta-outcome verified",
      "data: [DONE]",
    ]);
  });

  it("give embeddings", async () => {
    const embeddings = { object: "list", data: [{ object: "embedding", index: 0, embedding: [0.5] }], model: MODEL };
    const enclave = await createSealingEnclave({ answer: () => [JSON.stringify(embeddings)] });
    const { response } = await call(enclave, { messages: undefined, input: CANARY }, "embeddings");
    expect([response.headers.get("bauta-outcome"), await response.json()]).toEqual(["verified", embeddings]);
    expect(at(enclave.calls, 0)).toMatchObject({ path: "/embeddings", request: { input: CANARY } });
  });

  it("carry chat()'s conversation too, without leave for tee-*", async () => {
    const enclave = await createSealingEnclave();
    const chat = await enclave.client().chat({ model: VISIBLE_MODEL, messages: QUESTION });
    expect([chat.protection, chat.attestation.result.simulated]).toEqual(["sealed", true]);
    expect(await readAll(chat)).toMatchObject({ text: "four", reasoning: "hm", thrown: undefined, outcome: { status: "verified" } });
  });

  it("refuse what has no protection all the same", async () => {
    const { enclave, response } = await asked({ model: "open-model" });
    expect([response.status, enclave.seen]).toEqual([400, []]);
  });

  it("refuse a member bauta, which binds the request", async () => {
    const { enclave, response } = await asked({ bauta: {} });
    expect([response.status, await response.json()]).toMatchObject([400, { error: { param: "bauta" } }]);
    expect(enclave.bodies).toEqual([]);
  });

  it("tell which member an enclave refuses, and nothing that is more than a name", async () => {
    for (const [param, told] of [
      ["max_tokens", "max_tokens"],
      ["messages[0].content[1].image_url.url", "messages[0].content[1].image_url.url"],
      ["my secret is", null],
      ["x".repeat(200), null],
      [{ a: 1 }, null],
    ] as const) {
      const error = { message: "This field has a value of the wrong type or out of range", type: "x", code: "invalid_field", param };
      const { response } = await asked({ max_tokens: -1 }, { instead: () => Response.json({ error }, { status: 400 }) });
      const { error: said } = (await response.json()) as { error: { param: unknown; message: string } };
      expect([response.status, said.param]).toEqual([400, told]);
      if (told) expect(said.message).toContain(told);
    }
  });

  it("list models as sealed", async () => {
    const enclave = await createSealingEnclave({});
    const client = enclave.client({ fetch: () => Promise.resolve(Response.json({ data: [{ id: VISIBLE_MODEL }, { id: "open" }] })) });
    expect(await (await client.fetch(`${client.baseURL}/models`)).json()).toEqual({
      data: [
        { id: VISIBLE_MODEL, bauta: { protection: "sealed" } },
        { id: "open", bauta: { protection: "none" } },
      ],
    });
  });
});

describe("nothing falls back from a policy that says protocol 2", () => {
  it.each([
    ["lists only version 1", (statement: Json) => ({ ...statement, versions: ["1"], hpke_key_config: null })],
    ["offers no key", (statement: Json) => ({ ...statement, hpke_key_config: null })],
    ["is for another request", (statement: Json) => ({ ...statement, nonce: "00".repeat(32) })],
    ["is for another model", (statement: Json) => ({ ...statement, model: "e2ee-other" })],
    ["has expired", (statement: Json) => ({ ...statement, not_after: NOW_MS / 1000 - 1 })],
  ])("a keys statement that %s: nothing is sent", async (_name, keys) => {
    const { enclave, response } = await asked({}, { keys });
    expect([response.status, await response.json()]).toMatchObject([403, { error: { code: "attestation_refused" } }]);
    expect(enclave.bodies).toEqual([]);
  });

  it("a key that is none: nothing is sent", async () => {
    const { enclave, response } = await asked({}, { keys: (statement) => ({ ...statement, hpke_key_config: "0100" }) });
    expect([response.status, await response.json()]).toMatchObject([502, { error: { code: "invalid_key_config" } }]);
    expect(enclave.bodies).toEqual([]);
  });

  it.each([false, true])("a success without the response nonce is nobody's answer (stream: %s)", async (stream) => {
    const { response } = await asked({ stream }, { instead: () => Response.json({ choices: [{ message: { content: "INJECTED" } }] }) });
    expect(response.status).toBe(502);
    const text = await response.text();
    expect(text).not.toContain("INJECTED");
    expect(JSON.parse(text)).toMatchObject({ error: { code: "plaintext_received", param: HEADERS.responseNonce } });
  });
});

describe("what a relay does to an answer", () => {
  const flip = (frame: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => {
    const copy = frame.slice();
    copy[10] = copy[10]! ^ 1;
    return copy;
  };
  it.each<[string, SealedScript["relay"], string, string]>([
    ["forges a frame", (frames) => frames.with(2, flip(at(frames, 2))), "unverified", "hm"],
    ["repeats a frame", (frames) => [...frames.slice(0, 3), at(frames, 2), ...frames.slice(3)], "unverified", "fo"],
    ["drops a frame", (frames) => frames.toSpliced(2, 1), "unverified", "hm"],
    ["swaps two frames", (frames) => [...frames.slice(0, 2), at(frames, 3), at(frames, 2), at(frames, 4)], "unverified", "hm"],
    ["cuts it", (frames) => frames.slice(0, 4), "incomplete", "ur"],
    ["cuts within a frame", (frames) => [...frames.slice(0, 4), at(frames, 4).slice(0, 9)], "incomplete", "ur"],
    ["adds a frame of length zero", (frames) => [...frames, new Uint8Array(4)], "unverified", "ur"],
  ])("%s: the stream ends there with an error", async (_name, relay, status, shown) => {
    const { response } = await asked({ stream: true }, { relay: relay! });
    const text = await response.text();
    expect(text).toContain(shown);
    expect(text).not.toContain("data: [DONE]");
    expect(text.trimEnd().split("\n\n").at(-1)).toMatch(/^data: {"error":/);
    expect(await outcomeOf(response)).toMatchObject({ status });
  });

  it.each<[string, SealedScript, string]>([
    ["is cut", { relay: (frames) => [at(frames, 0).slice(0, -1)] }, "incomplete"],
    ["never came", { relay: () => [] }, "incomplete"],
    ["is not JSON", { answer: () => ["{"] }, "incomplete"],
    ["is an error", { answer: () => [JSON.stringify({ error: { message: "x" } })] }, "incomplete"],
    ["is forged", { relay: (frames) => [flip(at(frames, 0))] }, "unverified"],
    ["has a receipt for another request", { receipt: { client_nonce: "00".repeat(32) } }, "unverified"],
    ["has a receipt for other bytes", { receipt: { response_sha256: "00".repeat(32) } }, "unverified"],
    ["has a receipt with envelopes", { receipt: { envelopes_sha256: "00".repeat(32) } }, "unverified"],
  ])("a whole answer that %s is withheld", async (_name, script, status) => {
    const { response } = await asked({}, script);
    expect([response.status, response.headers.get("bauta-outcome")]).toEqual([502, status]);
    expect(await response.text()).not.toContain("four");
  });

  it("a whole answer that nothing proves is handed out where it is to be marked", async () => {
    const { response } = await asked({}, { receipt: { response_sha256: "00".repeat(32) } }, { unverified: "mark" });
    expect([response.headers.get("bauta-outcome"), await response.json()]).toEqual(["unverified", WHOLE]);
  });

  it("a whole answer comes in any pieces", async () => {
    const { response } = await asked({}, { relay: ([frame]) => Array.from(frame!, (byte) => Uint8Array.of(byte)) });
    expect([response.headers.get("bauta-outcome"), await response.json()]).toEqual(["verified", WHOLE]);
  });
});

describe("keys that are gone", () => {
  it("422: attests again and sends once more, sealed to the new key", async () => {
    const enclave = await createSealingEnclave();
    const client = enclave.client();
    await client.attest(MODEL);
    enclave.bodyKey = await createBodyKey(backend, 1);
    const chat = await client.chat({ model: MODEL, messages: QUESTION });
    expect((await readAll(chat)).outcome.status).toBe("verified");
    expect(enclave.seen).toEqual(["tee/attestation", "chat/completions", "tee/attestation", "chat/completions", "tee/signature"]);
    expect(enclave.calls.length).toBe(1);
  });

  it("421: the same, for the enclave's other key", async () => {
    const enclave = await createSealingEnclave();
    const client = enclave.client();
    await client.attest(MODEL);
    enclave.modelKey = backend.createKeyPair();
    expect((await readAll(await client.chat({ model: MODEL, messages: QUESTION }))).outcome.status).toBe("verified");
    expect(enclave.bodies.length).toBe(2);
  });

  it.each([421, 422])("%d twice: an error, nothing a third time", async (status) => {
    const { enclave, response } = await asked({}, { instead: () => Response.json({ type: "x" }, { status }) });
    expect([response.status, enclave.bodies.length]).toEqual([status, 2]);
  });

  it.each(["body_not_opened", "binding_mismatch", "body_replayed", "body_expired", "overloaded", "engine_failed", "internal"] as const)(
    "%s: not sent again",
    async (code) => {
      const { enclave, response } = await asked({}, { instead: () => refuse(code) });
      expect((await response.json()) as Json).toMatchObject({ error: { code } });
      expect(enclave.bodies.length).toBe(1);
    },
  );
});

describe("a thousand calls at once", () => {
  it(
    "attest once; and once more when the key changes meanwhile, without a call that fails or is answered twice",
    { timeout: 60_000 },
    async () => {
      const calls = 1_000;
      const enclave = await createSealingEnclave();
      const next = await createBodyKey(backend, 1);
      enclave.script.instead = ({ count }) => {
        if (count === 300) enclave.bodyKey = next;
        return undefined;
      };
      const client = enclave.client();
      const models = Array.from({ length: calls }, (_, i) => (i % 2 === 0 ? MODEL : VISIBLE_MODEL));
      const outcomes = await Promise.all(
        models.map(async (model) => {
          const body = JSON.stringify({ model, messages: QUESTION });
          const response = await client.fetch(`${client.baseURL}/chat/completions`, { method: "POST", body });
          return response.headers.get("bauta-outcome");
        }),
      );
      expect(outcomes).toEqual(models.map(() => "verified"));
      expect(enclave.calls.length).toBe(calls);
      expect(new Set(enclave.calls.map(({ headers }) => headers[HEADERS.encapsulatedKey])).size).toBe(calls);
      for (const { headers, request } of enclave.calls) expect(headers[HEADERS.model]).toBe(request["model"]);
      expect(enclave.seen.filter((path) => path === "tee/attestation").length).toBe(4);
    },
  );
});

describe("aborts of requests sealed whole", () => {
  it("reject with the reason, and give the answer up", async () => {
    const enclave = await createSealingEnclave();
    const client = enclave.client();
    const controller = new AbortController();
    const body = JSON.stringify({ model: MODEL, messages: QUESTION, stream: true });
    const response = await client.fetch(`${client.baseURL}/chat/completions`, { method: "POST", body, signal: controller.signal });
    const reader = response.body!.getReader();
    await reader.read();
    controller.abort(new Error("enough"));
    expect(await rejection(reader.read())).toBe(controller.signal.reason);
    expect(await outcomeOf(response)).toMatchObject({ status: "incomplete" });
  });
});
