import { LIMITS, WIRE_ERRORS, type WireErrorCode } from "@bauta/protocol";
import { describe, expect, it } from "vitest";
import { EngineError, type EngineErrorCode, type EngineEvent } from "./engine/engine.ts";
import { createIndependentClient, readStream, sealText } from "./testing/independent-client.ts";
import { gate, type RunningEnclave, sayHello, scriptedEngine, sealedHeaders, startEnclave } from "./testing/running-enclave.ts";
import { toWireError } from "./wire-errors.ts";

const plain = { model: "tee-demo", messages: [{ role: "user", content: "hi" }] };
const NONCE = "ab".repeat(32);

async function expectError(response: Response, code: WireErrorCode, param: string | null = null): Promise<void> {
  const { status, message, type } = WIRE_ERRORS[code];
  expect({ status: response.status, body: await response.json() }).toEqual({ status, body: { error: { message, type, code, param } } });
  expect(response.headers.get("cache-control")).toBe("no-transform, no-store");
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
}

/** A sealed request that would be answered, for each case to break in one place. */
async function sealed(
  change: (parts: { body: Record<string, unknown>; headers: Record<string, string>; envelope: string; modelKey: string }) => void,
  options = {},
) {
  const enclave = await startEnclave(scriptedEngine(sayHello), options);
  const envelope = sealText("hi", enclave.modelKeyHex);
  const parts = {
    envelope,
    modelKey: enclave.modelKeyHex,
    body: { model: "e2ee-demo", messages: [{ role: "user", content: envelope }], stream: true } as Record<string, unknown>,
    headers: sealedHeaders(enclave.modelKeyHex, createIndependentClient().publicKeyHex),
  };
  change(parts);
  return enclave.post(parts.body, parts.headers);
}

describe("errors of a sealed request", () => {
  it("answers the unbroken request", async () => {
    const response = await sealed(() => {});
    expect(response.status).toBe(200);
    await response.text();
  });

  const CLIENT = "x-venice-tee-client-pub-key";
  const MODEL = "x-venice-tee-model-pub-key";
  const ALGORITHM = "x-venice-tee-signing-algo";
  type Change = Parameters<typeof sealed>[0];
  const cases: [string, Change, WireErrorCode, string | null][] = [
    ["no headers", (p) => (p.headers = {}), "headers_required", null],
    ["a header missing", (p) => delete p.headers[ALGORITHM], "headers_incomplete", null],
    ["another algorithm", (p) => (p.headers[ALGORITHM] = "ed25519"), "signing_algorithm", ALGORITHM],
    ["a short client key", (p) => (p.headers[CLIENT] = "04ab"), "invalid_public_key", CLIENT],
    ["a client key off the curve", (p) => (p.headers[CLIENT] = `04${"11".repeat(64)}`), "invalid_public_key", CLIENT],
    ["a hybrid client key", (p) => (p.headers[CLIENT] = `06${p.modelKey.slice(2)}`), "invalid_public_key", CLIENT],
    ["a client key of 128 digits", (p) => (p.headers[CLIENT] = p.modelKey.slice(2)), "invalid_public_key", CLIENT],
    ["a model key that is none", (p) => (p.headers[MODEL] = "zz"), "invalid_public_key", MODEL],
    ["another enclave's key", (p) => (p.headers[MODEL] = createIndependentClient().publicKeyHex), "unknown_model_key", MODEL],
    ["no stream", (p) => (p.body["stream"] = false), "streaming_required", "stream"],
    ["stream left out", (p) => delete p.body["stream"], "streaming_required", "stream"],
    [
      "plaintext",
      (p) =>
        (p.body["messages"] = [
          { role: "user", content: p.envelope },
          { role: "system", content: "hi" },
        ]),
      "field_not_hex",
      "messages[1].content",
    ],
    [
      "an odd number of digits",
      (p) => (p.body["messages"] = [{ role: "user", content: p.envelope.slice(1) }]),
      "field_not_hex",
      "messages[0].content",
    ],
    [
      "a flipped tag",
      (p) => (p.body["messages"] = [{ role: "user", content: p.envelope.slice(0, -1) + (p.envelope.endsWith("0") ? "1" : "0") }]),
      "field_not_opened",
      "messages[0].content",
    ],
    [
      "an envelope for another key",
      (p) => (p.body["messages"] = [{ role: "user", content: sealText("hi", createIndependentClient().publicKeyHex) }]),
      "field_not_opened",
      "messages[0].content",
    ],
    [
      "an array as content",
      (p) => (p.body["messages"] = [{ role: "user", content: [{ type: "text", text: p.envelope }] }]),
      "content_parts",
      "messages[0].content",
    ],
    ["tools", (p) => (p.body["tools"] = [{ type: "function" }]), "tools_unsupported", "tools"],
    ["two choices", (p) => (p.body["n"] = 2), "multiple_choices", "n"],
    ["web search", (p) => (p.body["venice_parameters"] = { enable_web_search: "on" }), "web_search", "venice_parameters.enable_web_search"],
    ["logprobs", (p) => (p.body["logprobs"] = true), "not_sealable", "logprobs"],
    ["echo", (p) => (p.body["echo"] = true), "not_sealable", "echo"],
    ["a chat template", (p) => (p.body["chat_template"] = "{{x}}"), "not_sealable", "chat_template"],
    ["an unknown model before everything else", (p) => ((p.headers = {}), (p.body["model"] = "e2ee-other")), "model_not_found", "model"],
    ["a bad client nonce", (p) => (p.headers["bauta-nonce"] = "abcd"), "invalid_client_nonce", "bauta-nonce"],
  ];
  it.each(cases)("%s", async (_, change, code, param) => {
    await expectError(await sealed(change), code, param);
  });

  it("refuses plaintext in every role when strict", async () => {
    const change: Change = (p) =>
      (p.body["messages"] = [
        { role: "assistant", content: "four" },
        { role: "user", content: p.envelope },
      ]);
    const lenient = await sealed(change);
    expect(lenient.status).toBe(200);
    await lenient.text();
    await expectError(await sealed(change, { strict: true }), "field_not_hex", "messages[0].content");
  });

  describe("when strict, by the sender of each envelope", () => {
    const [client, other] = [createIndependentClient(), createIndependentClient()];
    const askAs =
      (sender: typeof client, header: typeof client): Change =>
      (p) => {
        p.headers[CLIENT] = header.publicKeyHex;
        p.body["messages"] = [{ role: "user", content: sender.seal("hi", p.modelKey) }];
      };

    it("takes what the key of the client-key header sealed", async () => {
      const response = await sealed(askAs(client, client), { strict: true });
      expect(response.status).toBe(200);
      await response.text();
    });

    it("refuses a swapped header, which would have the answer sealed to somebody else", async () => {
      await expectError(await sealed(askAs(client, other), { strict: true }), "field_not_opened", "messages[0].content");
    });

    it("refuses a copied envelope among the client's own", async () => {
      const change: Change = (p) => {
        askAs(client, client)(p);
        (p.body["messages"] as object[]).push({ role: "assistant", content: other.seal("copied", p.modelKey) });
      };
      await expectError(await sealed(change, { strict: true }), "field_not_opened", "messages[1].content");
    });

    it("and only then: the published protocol lets a client seal under another key", async () => {
      const response = await sealed(askAs(client, other));
      expect(response.status).toBe(200);
      await response.text();
    });
  });
});

describe("errors of any request", () => {
  const json = { "content-type": "application/json" };
  it.each<[string, BodyInit, Record<string, string>, WireErrorCode, string | null]>([
    ["no JSON", "{", json, "invalid_json", null],
    ["an empty body", "", json, "invalid_json", null],
    ["JSON that is no object", "[1]", json, "invalid_json", null],
    ["JSON that is not UTF-8", new Uint8Array([0x22, 0xff, 0x22]), json, "invalid_json", null],
    ["100,000 nested lists", "[".repeat(100_000), json, "invalid_json", null],
    ["another media type", "a=b", { "content-type": "application/x-www-form-urlencoded" }, "unsupported_media_type", "content-type"],
    ["another character set", "{}", { "content-type": "application/json; charset=utf-16" }, "unsupported_media_type", "content-type"],
    ["a compressed body", "{}", { ...json, "content-encoding": "gzip" }, "content_encoding", "content-encoding"],
    ["no model", "{}", json, "missing_field", "model"],
    ["a model that is no name", '{"model":["tee-demo"]}', json, "invalid_field", "model"],
    ["a model named like an object's member", '{"model":"__proto__"}', json, "model_not_found", "model"],
    ["no messages", '{"model":"tee-demo"}', json, "missing_field", "messages"],
    ["an immense max_tokens", JSON.stringify({ ...plain, max_tokens: 1e9 }), json, "invalid_field", "max_tokens"],
    [
      "an image",
      JSON.stringify({ ...plain, messages: [{ role: "user", content: [{ type: "image_url" }] }] }),
      json,
      "content_parts",
      "messages[0].content[0]",
    ],
    [
      "sealing headers on a plain model",
      JSON.stringify(plain),
      { ...json, "x-venice-tee-signing-algo": "ecdsa" },
      "headers_unexpected",
      null,
    ],
  ])("%s", async (_, body, headers, code, param) => {
    const engine = scriptedEngine(sayHello);
    const { url, post } = await startEnclave(engine);
    await expectError(await fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body }), code, param);
    expect(engine.requests).toEqual([]);
    expect((await post(plain)).status).toBe(200);
  });

  it("takes its media type with a character set, in any case", async () => {
    const { url } = await startEnclave(scriptedEngine(sayHello));
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": 'Application/JSON; charset="UTF-8"' },
      body: JSON.stringify(plain),
    });
    expect(response.status).toBe(200);
    await response.text();
  });

  it.each(["with its length", "in chunks"])("refuses a body that is too large, sent %s, and goes on serving", async (how) => {
    const { url, post } = await startEnclave(scriptedEngine(sayHello));
    const size = LIMITS.requestBodyBytes + 6 * 1024 * 1024;
    const body = how === "in chunks" ? new Blob([Buffer.alloc(size, 0x20)]).stream() : Buffer.alloc(size, 0x20);
    const init = { method: "POST", headers: json, body, duplex: "half" } as RequestInit;
    const response = await fetch(`${url}/v1/chat/completions`, init);
    await expectError(response, "too_large");
    expect((await post(plain)).status).toBe(200);
  });

  it.each<[string, string, WireErrorCode, string | null]>([
    ["GET", "/nothing", "not_found", null],
    ["GET", "/v1/chat/completions", "method_not_allowed", null],
    ["DELETE", "/v1/tee/attestation", "method_not_allowed", null],
    ["GET", "/v1/tee/attestation", "missing_field", "model"],
    ["GET", "/v1/tee/attestation?model=tee-none&nonce=ab", "model_not_found", "model"],
    ["GET", "/v1/tee/attestation?model=tee-demo", "missing_field", "nonce"],
    ["GET", "/v1/tee/attestation?model=tee-demo&nonce=a&nonce=b", "invalid_field", "nonce"],
    ["GET", "/v1/tee/attestation?model=tee-demo&nonce=a%20b", "invalid_nonce", "nonce"],
    ["GET", `/v1/tee/attestation?model=e2ee-demo&nonce=${NONCE.slice(32)}`, "invalid_nonce", "nonce"],
    ["GET", `/v1/tee/attestation?model=e2ee-demo&nonce=${NONCE.slice(1)}g`, "invalid_nonce", "nonce"],
    ["GET", "/v1/tee/signature?model=tee-demo", "missing_field", "request_id"],
    ["GET", "/v1/tee/signature?model=tee-demo&request_id=chatcmpl-none", "receipt_not_found", "request_id"],
    ["GET", "/%ZZ", "not_found", null],
  ])("%s %s", async (method, path, code, param) => {
    const { url } = await startEnclave(scriptedEngine(sayHello));
    const response = await fetch(url + path, { method });
    if (code === "method_not_allowed") expect(response.headers.get("allow")).toBe(path.includes("chat") ? "POST" : "GET, HEAD");
    await expectError(response, code, param);
  });

  it("says 500 and no more when the platform cannot quote", async () => {
    const { testPlatform } = await import("./testing/running-enclave.ts");
    const { url } = await startEnclave(scriptedEngine(sayHello), {
      platform: { ...testPlatform, quote: () => Promise.reject(new Error("driver says: secret")) },
    });
    await expectError(await fetch(`${url}/v1/tee/attestation?model=tee-demo&nonce=${NONCE}`), "internal");
  });

  it.each([
    ["FST_ERR_CTP_INVALID_CONTENT_LENGTH", "malformed_request"],
    ["FST_ERR_BAD_URL", "not_found"],
    ["FST_ERR_CTP_BODY_TOO_LARGE", "too_large"],
    ["FST_ERR_CTP_INVALID_MEDIA_TYPE", "unsupported_media_type"],
  ])("knows the framework's %s", (code, expected) => {
    expect(toWireError(Object.assign(new Error("text"), { code }))).toMatchObject({ code: expected, param: null });
  });
});

describe("errors of the engine", () => {
  const cases: [EngineErrorCode, WireErrorCode, string | null][] = [
    ["unreachable", "engine_failed", null],
    ["failed", "engine_failed", null],
    ["overloaded", "overloaded", null],
    ["context-length", "context_length", "messages"],
    ["conversation", "invalid_field", "messages"],
  ];
  const failing = (code: EngineErrorCode) =>
    scriptedEngine(async function* () {
      yield* [];
      await Promise.reject(new EngineError(code, code === "overloaded" ? { retryAfterSeconds: 9 } : {}));
    });

  it.each(cases)("%s before anything was said: a status of its own", async (code, wireCode, param) => {
    const { post } = await startEnclave(failing(code));
    for (const stream of [false, true]) {
      const response = await post({ ...plain, stream });
      expect(response.headers.get("retry-after")).toBe(code === "overloaded" ? "9" : null);
      await expectError(response, wireCode, param);
    }
  });

  it("hides an error that is not the engine interface's own", async () => {
    const { post } = await startEnclave(
      scriptedEngine(async function* () {
        yield* [];
        await Promise.reject(new Error("prompt was: hi"));
      }),
    );
    await expectError(await post({ ...plain, stream: true }), "internal");
  });

  it.each(["tee-demo", "e2ee-demo"])("mid-stream on %s: an error event, no [DONE], no receipt", async (model) => {
    const running: RunningEnclave = await startEnclave(
      scriptedEngine(async function* (): AsyncGenerator<EngineEvent, void, undefined> {
        yield { type: "delta", content: "Hel" };
        await Promise.reject(new Error("the engine's own words"));
      }),
    );
    const isSealed = model.startsWith("e2ee");
    const content = isSealed ? sealText("hi", running.modelKeyHex) : "hi";
    const headers = isSealed ? sealedHeaders(running.modelKeyHex, createIndependentClient().publicKeyHex) : {};
    const response = await running.post({ model, messages: [{ role: "user", content }], stream: true }, headers);
    const bytes = new Uint8Array(await response.arrayBuffer());
    const stream = readStream(bytes);
    expect(stream.chunks).toHaveLength(2);
    expect(stream.error).toEqual({ message: WIRE_ERRORS.internal.message, type: "server_error", code: "internal", param: null });
    expect(stream.done).toBe(false);
    expect(Buffer.from(bytes).toString()).not.toMatch(/bauta-receipt|own words/);
    const requestId = response.headers.get("bauta-request-id") as string;
    await expectError(
      await fetch(`${running.url}/v1/tee/signature?model=${model}&request_id=${requestId}`),
      "receipt_not_found",
      "request_id",
    );
  });

  it("an answer that ends without a finish is a failure", async () => {
    const { post } = await startEnclave(
      scriptedEngine(async function* (): AsyncGenerator<EngineEvent, void, undefined> {
        yield await Promise.resolve<EngineEvent>({ type: "delta", content: "Hel" });
      }),
    );
    const stream = readStream(new Uint8Array(await (await post({ ...plain, stream: true })).arrayBuffer()));
    expect([stream.error?.code, stream.done]).toEqual(["engine_failed", false]);
    await expectError(await post(plain), "engine_failed");
  });

  it("begins the answer while the engine thinks, and then says in an event what went wrong", async () => {
    const { promise, resolve } = gate();
    const { post } = await startEnclave(
      scriptedEngine(async function* () {
        yield* [];
        await promise;
        throw new EngineError("context-length");
      }),
    );
    const response = await post({ ...plain, stream: true });
    expect(response.status).toBe(200);
    resolve();
    const stream = readStream(new Uint8Array(await response.arrayBuffer()));
    expect(stream.chunks.map(({ choices }) => choices[0]?.delta)).toEqual([{ role: "assistant" }]);
    expect([stream.error?.code, stream.done]).toEqual(["context_length", false]);
  });
});
