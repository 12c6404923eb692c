import { once } from "node:events";
import { request as httpRequest, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { parsePolicy } from "@bauta/attestation";
import { createSimulator } from "@bauta/simulator";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createGateway, ListenError } from "./gateway.ts";
import { ScriptedEnclave, streamHeaders } from "./testing/scripted-enclave.ts";
import { postChat, readText, startTestGateway, type TestGateway } from "./testing/test-gateway.ts";

const simulator = createSimulator({ nowMs: Date.now() });
const MODELS = (origin: string) => ({ "tee-test": [origin], "e2ee-test": [origin] });
let enclave: ScriptedEnclave;
let shared: TestGateway;
beforeAll(async () => {
  enclave = await ScriptedEnclave.start(simulator);
  shared = await startTestGateway(simulator, MODELS(enclave.origin), { limits: { bodyBytes: 10_000 } });
  await shared.gateway.firstVerification();
});
afterAll(async () => {
  await shared.gateway.close();
  await enclave.kill();
});
const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const part of running.splice(0).toReversed()) await part.close();
});
async function start(overrides: Parameters<typeof startTestGateway>[2]): Promise<TestGateway> {
  const target = await startTestGateway(simulator, MODELS(enclave.origin), overrides);
  running.push({ close: () => target.gateway.close() });
  return target;
}

/** Sends raw bytes and reads a whole error, or until the server closes. */
async function raw(target: TestGateway, text: string): Promise<string> {
  const socket = connect(Number(new URL(target.url).port), "127.0.0.1");
  socket.on("error", () => {});
  socket.write(text, "latin1");
  let answer = "";
  socket.on("data", (chunk: Buffer) => {
    answer += chunk.toString("latin1");
    if (answer.endsWith("}}")) socket.destroy();
  });
  await once(socket, "close");
  return answer;
}

/** Status, and the error's code and param, of a raw answer; every error must have the one shape. */
function errorOf(answer: string): [number, string, string | null] {
  const [head = "", body = ""] = answer.split("\r\n\r\n", 2);
  const { error } = JSON.parse(body) as { error: { message: string; type: string; code: string; param: string | null } };
  expect(head.toLowerCase()).toContain("content-type: application/json");
  expect(Object.keys(error).toSorted()).toEqual(["code", "message", "param", "type"]);
  return [Number(head.split(" ")[1]), error.code, error.param];
}

const CHAT = "POST /api/v1/chat/completions HTTP/1.1\r\nhost: a\r\n";
const auth = () => `authorization: Bearer ${shared.alice}\r\n`;
const chat = (body: string, headers = "content-type: application/json\r\n") =>
  `${CHAT}${auth()}${headers}connection: close\r\ncontent-length: ${Buffer.byteLength(body, "latin1")}\r\n\r\n${body}`;

describe("what is wrong with a request is said in one shape", () => {
  it.each<[string, () => string, number, string, string | null]>([
    ["an unknown path", () => `GET /api/v1/nothing HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`, 404, "not_found", null],
    ["the root", () => `GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`, 404, "not_found", null],
    ["encoded traversal", () => `GET /api/v1/..%2f..%2fhealthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`, 404, "not_found", null],
    ["a path that cannot be decoded", () => `GET /api/v1/%zz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`, 404, "not_found", null],
    ["health on the public port", () => `GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`, 404, "not_found", null],
    ["a wrong method", () => `DELETE /v1/models HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`, 405, "method_not_allowed", null],
    [
      "GET where POST belongs",
      () => `GET /api/v1/chat/completions?x=1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
      405,
      "method_not_allowed",
      null,
    ],
    [
      "a body of a wrong type on a wrong path",
      () => `POST /v1/models HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}`,
      405,
      "method_not_allowed",
      null,
    ],
    [
      "a method of another protocol",
      () => `PROPFIND /v1/models HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
      405,
      "method_not_allowed",
      null,
    ],
    ["a preflight", () => `OPTIONS /v1/models HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`, 405, "method_not_allowed", null],
    ["no key", () => `GET /v1/models HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`, 401, "unauthorized", null],
    [
      "no key, with a body that is never sent",
      () => `${CHAT}content-type: application/json\r\ncontent-length: 9000\r\n\r\n{`,
      401,
      "unauthorized",
      null,
    ],
    [
      "SQL for a key",
      () => `GET /v1/models HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ' OR 1=1 --\r\nconnection: close\r\n\r\n`,
      401,
      "unauthorized",
      null,
    ],
    [
      "a megabyte for a key",
      () => `GET /v1/models HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${"a".repeat(1024 * 1024)}\r\n\r\n`,
      431,
      "headers_too_large",
      null,
    ],
    [
      "a control character in a key",
      () => `GET /v1/models HTTP/1.1\r\nhost: a\r\nauthorization: Bearer a\u0001b\r\n\r\n`,
      400,
      "malformed_request",
      null,
    ],
    [
      "a line end in a header",
      () => `GET /v1/models HTTP/1.1\r\nhost: a\r\nauthorization: Bearer a\rb\r\n\r\n`,
      400,
      "malformed_request",
      null,
    ],
    ["no host", () => `GET /v1/models HTTP/1.1\r\n\r\n`, 400, "malformed_request", null],
    ["no HTTP", () => "hello\r\n\r\n", 400, "malformed_request", null],
    ["two lengths", () => `${CHAT}content-length: 1\r\ncontent-length: 2\r\n\r\n{}`, 400, "malformed_request", null],
    [
      "a length and chunks",
      () => `${CHAT}${auth()}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
      400,
      "malformed_request",
      null,
    ],
    [
      "a body that is too large",
      () => `${CHAT}${auth()}content-type: application/json\r\ncontent-length: 20000\r\n\r\n`,
      413,
      "too_large",
      null,
    ],
    [
      "chunks that are too many",
      () =>
        `${CHAT}${auth()}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n4e20\r\n${" ".repeat(20_000)}\r\n0\r\n\r\n`,
      413,
      "too_large",
      null,
    ],
    ["a compressed body", () => chat("{}", "content-type: application/json\r\ncontent-encoding: gzip\r\n"), 415, "content_encoding", null],
    ["another content type", () => chat("{}", "content-type: text/plain\r\n"), 415, "unsupported_media_type", null],
    ["no content type", () => chat("{}", ""), 415, "unsupported_media_type", null],
    ["no body", () => chat(""), 400, "invalid_json", null],
    ["broken JSON", () => chat('{"model":"tee-test"'), 400, "invalid_json", null],
    ["JSON that is not UTF-8", () => chat('{"model":"tee-test","a":"\u00ff"}'), 400, "invalid_json", null],
    ["JSON 4,000 levels deep", () => chat(`{"model":"tee-test","a":${"[".repeat(4000)}${"]".repeat(4000)}}`), 400, "invalid_json", null],
    ["two models", () => chat('{"model":"tee-test","model":"e2ee-test"}'), 400, "invalid_field", "model"],
    ["a model that is a prototype's", () => chat('{"model":"__proto__"}'), 404, "model_not_found", "model"],
    ["no model", () => chat('{"messages":[]}'), 400, "missing_field", "model"],
    ["an unknown model", () => chat('{"model":"tee-none"}'), 404, "model_not_found", "model"],
  ])("%s", async (_name, request, status, code, param) => {
    expect(errorOf(await raw(shared, request()))).toEqual([status, code, param]);
    expect((await shared.fetch("/api/v1/models")).status).toBe(200);
  });

  it("says which methods a path takes, and how to authenticate", async () => {
    expect((await shared.fetch("/v1/models", { method: "PUT" })).headers.get("allow")).toBe("GET");
    expect((await shared.fetch("/v1/chat/completions")).headers.get("allow")).toBe("POST");
    expect((await fetch(`${shared.url}/v1/models`)).headers.get("www-authenticate")).toBe("Bearer");
    expect((await shared.fetch("/v1/models")).headers.get("access-control-allow-origin")).toBeNull();
  });

  it("never lets anybody in by an Authorization header that is not a key", async () => {
    const send = (authorization: string) =>
      new Promise<number>((settle, fail) => {
        httpRequest(`${shared.url}/v1/models`, { headers: { authorization } }, (answer) => {
          answer.resume();
          settle(answer.statusCode ?? 0);
        })
          .on("error", fail)
          .end();
      });
    const sendable = fc.string({
      unit: fc
        .integer({ min: 0x20, max: 0xff })
        .filter((code) => code !== 0x7f)
        .map((code) => String.fromCharCode(code)),
      maxLength: 200,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          sendable,
          sendable.map((text) => `Bearer ${text}`),
        ),
        async (header) => {
          expect(await send(header)).toBe(401);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("answers 408 to an upload that does not arrive", async () => {
    const target = await start({ limits: { requestTimeoutMs: 300 } });
    const answer = await raw(
      target,
      `${CHAT}authorization: Bearer ${target.alice}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`,
    );
    expect(errorOf(answer)).toEqual([408, "request_timeout", null]);
  });

  it("adds nothing to an answer under way when garbage follows its request", async () => {
    const open = new Promise<ServerResponse>((settle) => {
      enclave.chat = (_seen, response) => {
        response.writeHead(200, streamHeaders());
        response.write("data: 1\n\n");
        settle(response);
      };
    });
    const body = '{"model":"tee-test"}';
    const socket = connect(Number(new URL(shared.url).port), "127.0.0.1");
    socket.on("error", () => {});
    let answer = "";
    socket.write(`${CHAT}${auth()}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    await new Promise<void>((settle) =>
      socket.on("data", (chunk: Buffer) => {
        answer += chunk.toString();
        if (answer.includes("data: 1")) settle();
      }),
    );
    const upstream = await open;
    const gone = once(upstream, "close");
    socket.write("\u0000garbage\r\n\r\n");
    await once(socket, "close");
    await gone;
    expect(answer.split("HTTP/1.1")).toHaveLength(2);
    expect(answer.endsWith("data: 1\n\n\r\n")).toBe(true);
  });
});

describe("the list of models", () => {
  it("has the documented shape, under both prefixes", async () => {
    const [a, b] = await Promise.all(["/api/v1/models", "/v1/models?type=text"].map(async (path) => (await shared.fetch(path)).json()));
    expect(a).toEqual(b);
    const spec = (sealed: boolean) => ({
      name: sealed ? "e2ee-test" : "tee-test",
      privacy: "private",
      availableContextTokens: 4096,
      maxCompletionTokens: 1024,
      pricing: { input: { usd: 0 }, output: { usd: 0 } },
      capabilities: {
        supportsTeeAttestation: true,
        supportsE2EE: sealed,
        supportsFunctionCalling: false,
        supportsReasoning: false,
        supportsVision: false,
        supportsWebSearch: false,
        supportsResponseSchema: false,
        supportsLogProbs: false,
      },
      offline: false,
    });
    const common = { object: "model", created: expect.any(Number) as number, owned_by: "bauta", type: "text", context_length: 4096 };
    expect(a).toEqual({
      object: "list",
      data: [
        { ...common, id: "tee-test", model_spec: spec(false) },
        { ...common, id: "e2ee-test", model_spec: spec(true) },
      ],
    });
  });
});

describe("the operator's port", () => {
  it("tells health and readiness, and nothing else", async () => {
    expect(await (await fetch(`${shared.operatorUrl}/healthz`)).json()).toEqual({ status: "ok" });
    const ready = await fetch(`${shared.operatorUrl}/readyz`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({
      status: "ready",
      replicas: [{ model: "tee-test", state: "verified", simulated: true, pinned: true }, {}],
    });
    expect((await fetch(`${shared.operatorUrl}/v1/models`)).status).toBe(404);
    expect((await fetch(`${shared.operatorUrl}/healthz`, { method: "POST" })).status).toBe(405);
  });
});

describe("closing", () => {
  it("lets answers finish, turns new requests away, and says so to the operator", async () => {
    const target = await start({ graceMs: 10_000 });
    let open: ServerResponse | undefined;
    enclave.chat = (_seen, response) => {
      open = response;
      response.writeHead(200, streamHeaders());
      response.write("data: 1\n\n");
    };
    const answer = await postChat(target, '{"model":"tee-test"}');
    const closing = target.gateway.close();
    const late = await target.fetch("/v1/models");
    expect([late.status, late.headers.get("connection")]).toEqual([503, "close"]);
    expect(await late.json()).toMatchObject({ error: { code: "shutting_down" } });
    expect(await (await fetch(`${target.operatorUrl}/readyz`)).json()).toMatchObject({ status: "closing" });
    open?.end("data: [DONE]\n\n");
    expect(await readText(answer)).toBe("data: 1\n\ndata: [DONE]\n\n");
    await closing;
    await expect(target.fetch("/v1/models")).rejects.toThrow();
  });

  it("cuts what outlasts the grace period", async () => {
    const target = await start({ graceMs: 100 });
    enclave.chat = (_seen, response) => response.writeHead(200, streamHeaders()).flushHeaders();
    const answer = await postChat(target, '{"model":"tee-test"}');
    const startedMs = performance.now();
    await target.gateway.close();
    expect(performance.now() - startedMs).toBeLessThan(2000);
    await expect(readText(answer)).rejects.toThrow(/aborted/);
  });
});

describe("starting", () => {
  it("says which port is taken", async () => {
    const port = Number(new URL(shared.url).port);
    const second = createGateway({
      listen: { host: "127.0.0.1", port },
      keys: [{ name: "a", sha256: "00".repeat(32) }],
      models: [
        {
          id: "tee-a",
          name: "A",
          contextTokens: 1,
          maxCompletionTokens: 1,
          enclaves: [enclave.origin],
          policy: parsePolicy({ version: 1 }),
        },
      ],
      logLevel: "silent",
    });
    const failure = await second.listen().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ListenError);
    expect(failure).toMatchObject({
      code: "address_in_use",
      message: expect.stringContaining(`port ${port} on 127.0.0.1 is already in use`) as string,
    });
    await second.close();
  });

  it("without any enclave up goes on, and answers 503", async () => {
    const gone = await ScriptedEnclave.start(simulator);
    const { origin } = gone;
    await gone.kill();
    const target = await startTestGateway(simulator, { "tee-test": [origin] });
    running.push({ close: () => target.gateway.close() });
    expect((await target.gateway.firstVerification())[0]).toMatchObject({ state: "unreachable" });
    expect((await target.fetch("/v1/models")).status).toBe(200);
    expect((await target.fetch("/v1/tee/attestation?model=tee-test")).status).toBe(503);
    const answer = await postChat(target, '{"model":"tee-test"}');
    expect(answer.statusCode).toBe(503);
    expect(await readText(answer)).toContain("enclave_unreachable");
  });

  it("refuses a configuration from code that is wrong", () => {
    const config = { listen: { host: "127.0.0.1", port: 0 }, keys: [], models: [] };
    expect(() => createGateway(config)).toThrow(/keys: is empty[^]*models: is empty/);
  });

  it("refuses a policy from code with a rule that nobody would enforce", () => {
    const policy = { ...parsePolicy({ version: 1 }), requires: ["keys.signed"] };
    const model = { id: "tee-a", name: "a", contextTokens: 1, maxCompletionTokens: 1, enclaves: ["http://127.0.0.1:1"], policy };
    const config = { listen: { host: "127.0.0.1", port: 0 }, keys: [{ name: "a", sha256: "ab".repeat(32) }], models: [model] };
    expect(() => createGateway(config)).toThrow("models[0].policy.requires: is not a known member; did you mean require?");
  });
});

describe("logs", () => {
  it("at every level hold no prompt, answer, key or nonce", async () => {
    const target = await start({});
    const canary = "CANARY7f3a";
    enclave.chat = (_seen, response) => {
      response.writeHead(200, streamHeaders());
      response.end(`data: {"content":"${canary}"}\n\ndata: [DONE]\n\n`);
    };
    const nonce = "fe".repeat(32);
    const body = (model: string) => JSON.stringify({ model, messages: [{ role: "user", content: canary }], user: canary });
    const bodies = [body("tee-test"), body(canary), body("tee-test").slice(0, -5), canary, `{"${canary}":`];
    for (const text of bodies)
      await readText(await postChat(target, text, { "bauta-nonce": nonce, "x-canary": canary, "user-agent": canary }));
    await target.fetch(`/v1/tee/attestation?model=tee-test&nonce=${nonce}&x=${canary}`);
    await target.fetch(`/v1/tee/signature?model=tee-test&request_id=${canary}`);
    await target.fetch(`/v1/${canary}`);
    await target.fetch("/v1/models", { key: canary });
    await raw(target, `GET /${canary} HTTP/1.1\r\n${canary}\u0001: 1\r\n\r\n`);
    await expect.poll(() => target.logs.filter((line) => line.includes('"request"')).length).toBe(bodies.length + 4);
    const all = target.logs.join("");
    for (const secret of [canary, nonce, target.alice, target.bob, "Bearer"]) expect(all).not.toContain(secret);
    const lines = target.logs.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line["msg"] === "request");
    expect(lines[0]).toMatchObject({
      method: "POST",
      route: "/api/v1/chat/completions",
      status: 200,
      whole: true,
      key: "alice",
      model: "tee-test",
      enclave: enclave.origin,
    });
    expect(lines[0]?.["durationMs"]).toEqual(expect.any(Number));
    expect(lines.find((line) => line["status"] === 401)).toMatchObject({ route: "/v1/models", error: "unauthorized" });
  });
});
