import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { HEADERS, KEY_CONFIG_PROBLEM, toHex, u32be } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { createSimulator } from "@bauta/simulator";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { assertFrames } from "./sealed-body.ts";
import { answerJson, errorReply, ScriptedEnclave, streamHeaders } from "./testing/scripted-enclave.ts";
import { postChat, readAll, readText, startTestGateway, type TestGateway } from "./testing/test-gateway.ts";

const MODEL = "e2ee-test";
const CALLS = ["/api/v1/chat/completions", "/v1/chat/completions", "/api/v1/embeddings", "/v1/embeddings"];
const ENCAPSULATED_KEY = "ab".repeat(32);
const RESPONSE_NONCE = "cd".repeat(32);
const simulator = createSimulator({ nowMs: Date.now() });
const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const part of running.splice(0).toReversed()) await part.close();
});

async function start(count = 1, overrides: Parameters<typeof startTestGateway>[2] = {}) {
  const enclaves: ScriptedEnclave[] = [];
  for (let i = 0; i < count; i++) {
    const enclave = await ScriptedEnclave.start(simulator);
    running.push({ close: () => enclave.kill() });
    enclaves.push(enclave);
  }
  const origins = enclaves.map(({ origin }) => origin);
  const target = await startTestGateway(simulator, { "tee-test": origins, [MODEL]: origins }, overrides);
  running.push({ close: () => target.gateway.close() });
  await target.gateway.firstVerification();
  return { enclave: enclaves[0] as ScriptedEnclave, enclaves, target };
}

/** Bytes that could be sealed: nothing but the frames' lengths can be read. */
function frames(...sizes: number[]): Buffer {
  return Buffer.concat(sizes.flatMap((size) => [u32be(size), randomBytes(size)]));
}

const sealedHeaders = (modelKey: string, model = MODEL): OutgoingHttpHeaders => ({
  "content-type": "application/octet-stream",
  "ehbp-encapsulated-key": ENCAPSULATED_KEY,
  "bauta-model": model,
  "x-venice-tee-model-pub-key": modelKey,
});

async function refusalOf(target: TestGateway, body: Buffer | string, headers: OutgoingHttpHeaders, path = CALLS[0]) {
  const answer = await postChat(target, body, headers, path);
  const { error } = JSON.parse(await readText(answer)) as { error: { code: string; param: string | null } };
  return [answer.statusCode, error.code, error.param];
}

/** Without the headers of this name. */
function omit(headers: OutgoingHttpHeaders, name: string): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name));
}

describe("frames", () => {
  it("are told by their lengths", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 16, max: 300 })), { maxLength: 8 }), (sizes) => {
        expect(() => assertFrames(frames(...sizes))).not.toThrow();
      }),
    );
  });

  it("are not what is cut short, runs on, or could hold no tag", () => {
    const whole = frames(40, 20);
    for (const length of [1, 3, 4, 43, 45, whole.length - 1]) expect(() => assertFrames(whole.subarray(0, length))).toThrow("sealed body");
    expect(() => assertFrames(Buffer.concat([whole, Buffer.of(0)]))).toThrow("sealed body");
    expect(() => assertFrames(frames(15))).toThrow("sealed body");
  });

  it("are no JSON of any size that is taken", () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom("", " ", "\t", "\r\n"), (text, space) => {
        expect(() => assertFrames(Buffer.from(`${space}{"a":${text}}`))).toThrow("sealed body");
      }),
    );
  });
});

describe("a sealed body", () => {
  it.each(CALLS)("goes to %s as it came, and its answer comes back as it was", async (path) => {
    const { enclave, target } = await start();
    for (const type of ["application/octet-stream", "application/json", "text/plain; charset=x"]) {
      const request = frames(3000, 0, 50_000);
      const answered = randomBytes(150_000);
      enclave.chat = (_seen, response) => {
        response.writeHead(200, {
          ...streamHeaders("chatcmpl-9"),
          "ehbp-response-nonce": RESPONSE_NONCE,
          "set-cookie": "a=b",
          "ehbp-other": "1",
        });
        for (let at = 0; at < answered.length; at += 7_000) response.write(answered.subarray(at, at + 7_000));
        response.end();
      };
      const headers = {
        ...sealedHeaders(enclave.key),
        "content-type": type,
        "bauta-nonce": "ef".repeat(32),
        "user-agent": "someone",
        "x-forwarded-for": "10.0.0.1",
        cookie: "a=b",
      };
      const answer = await postChat(target, request, headers, path);
      const got = await readAll(answer);
      expect([answer.statusCode, got.equals(answered)]).toEqual([200, true]);
      expect(Object.keys(answer.headers).toSorted()).toEqual([
        "bauta-request-id",
        "cache-control",
        "connection",
        "content-type",
        "date",
        "ehbp-response-nonce",
        "transfer-encoding",
      ]);
      expect(answer.headers["ehbp-response-nonce"]).toBe(RESPONSE_NONCE);
      const seen = enclave.requests.at(-1);
      expect([seen?.path, seen?.body.equals(request)]).toEqual([path.replace("/api", ""), true]);
      expect(seen?.headers["content-type"]).toBe(type);
      expect(Object.keys(seen?.headers ?? {}).toSorted()).toEqual([
        "bauta-model",
        "bauta-nonce",
        "connection",
        "content-length",
        "content-type",
        "ehbp-encapsulated-key",
        "host",
        "x-venice-tee-model-pub-key",
      ]);
    }
  });

  it("goes on without a type where it came without one", async () => {
    const { enclave, target } = await start();
    const headers = omit(sealedHeaders(enclave.key), "content-type") as Record<string, string>;
    const body = new Uint8Array(frames(99));
    expect((await target.fetch("/v1/embeddings", { method: "POST", headers, body })).status).toBe(200);
    expect(enclave.requests[0]?.body.equals(body)).toBe(true);
    expect(enclave.requests[0]?.headers).not.toHaveProperty("content-type");
  });

  it("goes to the one replica that holds its key, of a tee- model, too; when that is gone, nowhere: its sender is to attest another", async () => {
    const { enclaves, target } = await start(2);
    for (const model of [MODEL, "tee-test"]) {
      for (const [i, enclave] of enclaves.entries()) {
        const before = enclaves.map(({ requests }) => requests.length);
        // With and without its prefixes, as model keys come.
        for (const key of [enclave.key, enclave.key.slice(2), `0x${enclave.key}`])
          expect((await postChat(target, frames(99), sealedHeaders(key, model))).statusCode).toBe(200);
        expect(enclaves.map(({ requests }, n) => requests.length - (before[n] ?? 0))).toEqual(i === 0 ? [3, 0] : [0, 3]);
      }
    }
    const [first, second] = enclaves as [ScriptedEnclave, ScriptedEnclave];
    await first.kill();
    for (const model of [MODEL, "tee-test"]) {
      const headers = sealedHeaders(first.key, model);
      expect(await refusalOf(target, frames(99), headers)).toEqual([421, "unknown_model_key", HEADERS.modelPublicKey]);
      expect((await postChat(target, frames(99), sealedHeaders(second.key, model))).statusCode).toBe(200);
    }
    expect(second.requests).toHaveLength(8);
  });

  it("of a tee- model needs no connection that has proven itself: the key protects it", async () => {
    const { enclave, target } = await start();
    await readAll(await postChat(target, frames(99), sealedHeaders(enclave.key, "tee-test")));
    expect(enclave.requests.map(({ socket }) => enclave.attested.has(socket))).toEqual([false]);
    await readAll(await postChat(target, '{"model":"tee-test"}'));
    expect(enclave.requests.map(({ socket }) => enclave.attested.has(socket))).toEqual([false, true]);
  });

  it("gets the enclave's error byte for byte, a problem as a problem", async () => {
    const { enclave, target } = await start();
    const text = ` {"type":"${KEY_CONFIG_PROBLEM.type}"}\n`;
    enclave.chat = (_seen, response) => {
      response.writeHead(422, { "content-type": KEY_CONFIG_PROBLEM.mediaType, "retry-after": "7" });
      response.end(text);
    };
    const answer = await postChat(target, frames(99), sealedHeaders(enclave.key));
    const { "content-type": type, "retry-after": retry } = answer.headers;
    expect([answer.statusCode, type, retry, await readText(answer)]).toEqual([422, "application/problem+json", "7", text]);
  });

  it("is refused before it is read where its headers say too little, too much or nothing known", async () => {
    const { enclave, target } = await start(1, { limits: { bodyBytes: 1_000 } });
    const good = sealedHeaders(enclave.key);
    const refused = (headers: OutgoingHttpHeaders, path?: string) => refusalOf(target, frames(99), headers, path);
    const otherKey = toHex(backend.createKeyPair().publicKey);
    for (const path of CALLS) {
      expect(await refused(omit(good, "bauta-model"), path)).toEqual([400, "missing_field", "bauta-model"]);
      expect(await refused({ ...good, "bauta-model": "" }, path)).toEqual([400, "missing_field", "bauta-model"]);
      expect(await refused({ ...good, "bauta-model": "e2ee-none" }, path)).toEqual([404, "model_not_found", "bauta-model"]);
      expect(await refused({ ...good, "bauta-model": "__proto__" }, path)).toEqual([404, "model_not_found", "bauta-model"]);
      expect(await refused({ ...good, "bauta-model": [MODEL, MODEL] }, path)).toEqual([404, "model_not_found", "bauta-model"]);
      expect(await refused(omit(good, "x-venice-tee-model-pub-key"), path)).toEqual([400, "missing_field", "x-venice-tee-model-pub-key"]);
      expect(await refused({ ...good, "x-venice-tee-model-pub-key": "04aa" }, path)).toEqual([
        400,
        "invalid_public_key",
        "x-venice-tee-model-pub-key",
      ]);
      expect(await refused({ ...good, "x-venice-tee-model-pub-key": otherKey }, path)).toEqual([
        421,
        "unknown_model_key",
        "x-venice-tee-model-pub-key",
      ]);
      for (const name of ["x-venice-tee-client-pub-key", "x-venice-tee-signing-algo"])
        expect(await refused({ ...good, [name]: "ecdsa" }, path)).toEqual([400, "headers_mixed", name]);
      expect(await refused({ ...good, "content-encoding": "gzip" }, path)).toEqual([415, "content_encoding", null]);
      expect(await refused({ ...good, authorization: "Bearer nobody" }, path)).toEqual([401, "unauthorized", null]);
      expect(await refusalOf(target, frames(2_000), good, path)).toEqual([413, "too_large", null]);
    }
    expect(enclave.requests).toHaveLength(0);
  });

  it("to a key that its enclave lost is told so by the enclave, and from then on by the gateway", async () => {
    const { enclave, target } = await start();
    const gone = sealedHeaders(enclave.key);
    const { status, body } = errorReply("unknown_model_key");
    enclave.restart();
    enclave.chat = (_seen, response) => answerJson(response, status, body);
    // The gateway looks again at most so often.
    await expect
      .poll(
        async () => {
          const before = enclave.requests.length;
          const [code, refusal] = await refusalOf(target, frames(99), gone);
          return [code, refusal, enclave.requests.length - before];
        },
        { timeout: 10_000, interval: 300 },
      )
      .toEqual([421, "unknown_model_key", 0]);
    enclave.chat = (_seen, response) => answerJson(response, 200, {});
    expect((await postChat(target, frames(99), sealedHeaders(enclave.key))).statusCode).toBe(200);
  });

  it("that is none goes no further: somebody forgot to seal it", async () => {
    const { enclave, target } = await start();
    for (const model of [MODEL, "tee-test"]) {
      const plain = JSON.stringify({ model, messages: [{ role: "user", content: "a secret of the caller's" }] });
      for (const type of ["application/json", "application/octet-stream"])
        expect(await refusalOf(target, plain, { ...sealedHeaders(enclave.key, model), "content-type": type })).toEqual([
          400,
          "body_not_opened",
          null,
        ]);
    }
    expect(enclave.requests).toHaveLength(0);
    expect(target.logs.join()).not.toContain("a secret");
  });

  it("is of version 2 by one header alone: without it, the others change nothing", async () => {
    const { enclave, target } = await start();
    const headers = omit(sealedHeaders(enclave.key), "ehbp-encapsulated-key");
    expect(await refusalOf(target, frames(99), headers)).toEqual([415, "unsupported_media_type", null]);
    expect(await refusalOf(target, frames(99), { ...headers, "content-type": "application/json" })).toEqual([400, "invalid_json", null]);
    await readAll(await postChat(target, '{"model":"tee-test"}', { "bauta-model": MODEL }));
    expect(enclave.requests[0]?.headers).not.toHaveProperty("bauta-model");
    for (const path of CALLS.slice(2)) {
      for (const type of ["application/json", "text/plain"])
        expect(await refusalOf(target, '{"model":"tee-test","input":"a"}', { "content-type": type }, path)).toEqual([
          400,
          "sealed_body_required",
          "ehbp-encapsulated-key",
        ]);
    }
    expect((await target.fetch("/v1/embeddings")).headers.get("allow")).toBe("POST");
    expect(enclave.requests).toHaveLength(1);
  });

  it("holds a place while it is answered, whichever call it is", async () => {
    const { enclave, target } = await start(1, { limits: { concurrentRequests: 1 } });
    const open = new Promise<ServerResponse>((settle) => {
      enclave.chat = (_seen, response) => {
        response.writeHead(200, streamHeaders());
        response.flushHeaders();
        settle(response);
      };
    });
    const first = await postChat(target, frames(99), sealedHeaders(enclave.key), CALLS[2]);
    expect(first.statusCode).toBe(200);
    expect((await refusalOf(target, frames(99), sealedHeaders(enclave.key)))[1]).toBe("overloaded");
    (await open).end();
    await readAll(first);
  });
});

describe("a sealed stream", () => {
  it("is handed on frame by frame, and stops when its reader leaves", async () => {
    const { enclave, target } = await start();
    const open = new Promise<ServerResponse>((settle) => {
      enclave.chat = (_seen, response) => {
        response.writeHead(200, { ...streamHeaders(), "ehbp-response-nonce": RESPONSE_NONCE });
        response.flushHeaders();
        settle(response);
      };
    });
    const answer = await postChat(target, frames(99), sealedHeaders(enclave.key, "tee-test"));
    expect(answer.headers["ehbp-response-nonce"]).toBe(RESPONSE_NONCE);
    const response = await open;
    for (let i = 0; i < 3; i++) {
      const frame = frames(272);
      response.write(frame);
      const [chunk] = (await once(answer, "data")) as [Buffer];
      expect(chunk.equals(frame)).toBe(true);
    }
    const closed = once(response, "close");
    answer.destroy();
    await closed;
    expect(response.writableFinished).toBe(false);
  });

  it("has its receipt kept once it ended, asked for by the id in its header", async () => {
    const { enclave, target } = await start();
    const { origin } = enclave;
    let asked = 0;
    enclave.chat = (seen, response) => {
      response.writeHead(200, streamHeaders(seen.path === "/v1/embeddings" ? "embd-1" : "chatcmpl-1"));
      response.end(frames(272));
    };
    enclave.signature = (query) => {
      asked++;
      return { status: 200, body: { text: "aa:bb", request_id: query.get("request_id"), model: query.get("model") } };
    };
    for (const path of CALLS.slice(1, 3)) await readAll(await postChat(target, frames(99), sealedHeaders(enclave.key), path));
    await expect.poll(() => asked).toBe(2);
    await enclave.kill();
    for (const id of ["chatcmpl-1", "embd-1"]) {
      const read = (key: string) => target.fetch(`/v1/tee/signature?model=${MODEL}&request_id=${id}`, { key });
      expect(await (await read(target.alice)).json()).toEqual({ text: "aa:bb", request_id: id, model: MODEL });
      expect((await read(target.bob)).status).toBe(404);
    }
    const line = target.logs.findLast((text) => text.includes('"route":"/api/v1/embeddings"')) ?? "{}";
    expect(JSON.parse(line)).toMatchObject({ status: 200, whole: true, key: "alice", model: MODEL, enclave: origin });
  });
});
