import { once } from "node:events";
import { request as httpRequest } from "node:http";
import {
  appraiseGpus,
  createAppraiser,
  createGpuEndorsementSource,
  gpuEndorsementNeed,
  parseAttestationAnswer,
  parsePolicy,
  sortTrustRoots,
} from "@bauta/attestation";
import { toHex } from "@bauta/protocol";
import { createSimulator } from "@bauta/simulator";
import { afterEach, describe, expect, it } from "vitest";
import { ScriptedEnclave } from "./testing/scripted-enclave.ts";
import { type SimulatedNvidia, startSimulatedNvidia } from "./testing/simulated-nvidia.ts";
import { startTestGateway, type TestGateway } from "./testing/test-gateway.ts";

const simulator = createSimulator({ nowMs: Date.now(), gpus: { count: 2 } });
const gpus = simulator.gpus ?? expect.fail("no GPUs were simulated");
const NONCE = new Uint8Array(32).fill(7);
const ATTEST = "/tee/nras/v4/attest/gpu";
const KEYS = "/tee/nras/.well-known/jwks.json";
const EVIDENCE = JSON.stringify({ nonce: toHex(NONCE), arch: "HOPPER", evidence_list: [] });

const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const part of running.splice(0).toReversed()) await part.close();
});

async function start(attestation: object | undefined, overrides: Parameters<typeof startTestGateway>[2] = {}): Promise<TestGateway> {
  const enclave = await ScriptedEnclave.start(simulator);
  running.push({ close: () => enclave.kill() });
  const target = await startTestGateway(
    simulator,
    { "e2ee-test": [enclave.origin] },
    { ...overrides, attestation: { timeoutMs: 2_000, ...attestation } },
  );
  running.push({ close: () => target.gateway.close() });
  return target;
}
async function startRelay(
  path = "",
  overrides: Parameters<typeof startTestGateway>[2] = {},
  timeoutMs = 2_000,
): Promise<{ nvidia: SimulatedNvidia; target: TestGateway }> {
  const nvidia = await startSimulatedNvidia(gpus);
  running.push(nvidia);
  return { nvidia, target: await start({ nrasUrl: `${nvidia.url}${path}`, timeoutMs }, overrides) };
}

const post = (target: TestGateway, body: BodyInit = EVIDENCE, init: Parameters<TestGateway["fetch"]>[1] = {}, path = `/api/v1${ATTEST}`) =>
  target.fetch(path, { method: "POST", body, ...init, headers: { "content-type": "application/json", ...(init.headers as object) } });
async function outcome(answer: Promise<Response>): Promise<unknown> {
  const response = await answer;
  const { error } = (await response.json()) as { error: { code: string; param: string | null } };
  return [response.status, error.code, error.param];
}
const relayLines = ({ logs }: TestGateway) => logs.filter((line) => line.includes("nras relay"));

describe("the relay of NVIDIA's attestation service", () => {
  it.each(["/api/v1", "/v1"])("is enough for a client that knows no other address, under %s", async (base) => {
    const { target, nvidia } = await startRelay();
    const source = createGpuEndorsementSource({
      nrasUrl: `${target.url}${base}/tee/nras`,
      fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${target.alice}` } }),
      nowMs: Date.now,
    });
    const payload = await gpus.payload(NONCE);
    const roots = sortTrustRoots([gpus.deviceRootDer, gpus.rimRootDer, gpus.nrasRootDer]).gpu;
    const need = gpuEndorsementNeed(payload, roots, NONCE);
    const nras = await source.nras(need?.nras ?? expect.fail("the payload was not read"));
    const judge = async (nonce: Uint8Array) => {
      const endorsements = { rims: [], ocsp: [], nras };
      const { findings } = await appraiseGpus({ payload, nonce, endorsements, rules: { allow_hold: false }, nowMs: Date.now(), roots });
      return findings.find(({ id }) => id === "gpu.nras")?.status;
    };
    expect(await judge(NONCE)).toBe("pass");
    // What it hands on is not believed for having been handed on.
    expect(await judge(new Uint8Array(32))).toBe("fail");
    expect(nvidia.requests.map(({ line }) => line)).toEqual(["POST /v4/attest/gpu", "GET /.well-known/jwks.json"]);
  });

  it("hands the body on byte for byte, and nothing else of the request", async () => {
    const { target, nvidia } = await startRelay("/behind/a/path/");
    nvidia.script = (_request, response) => Boolean(response.setHeader("set-cookie", "a=b").end('{"é":1}'));
    const body = `{ "nonce": "é" }`;
    const headers = {
      cookie: "secret",
      "x-canary": "secret",
      "user-agent": "secret",
      accept: "text/secret",
      "bauta-nonce": "ab".repeat(32),
    };
    const answer = await post(target, body, { headers }, `/api/v1${ATTEST}?secret=1`);
    expect([answer.status, await answer.text()]).toEqual([200, '{"é":1}']);
    expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("set-cookie")).toBeNull();
    await target.fetch(`/api/v1${KEYS}?secret=1`, { headers });
    const [attest, keys] = nvidia.requests;
    expect(attest?.line).toBe("POST /behind/a/path/v4/attest/gpu");
    expect(attest?.body.toString()).toBe(body);
    const { host: _host, connection: _connection, ...sent } = attest?.headers ?? {};
    expect(sent).toEqual({
      accept: "application/json",
      "content-type": "application/json",
      "content-length": String(Buffer.byteLength(body)),
    });
    expect(keys?.line).toBe("GET /behind/a/path/.well-known/jwks.json");
    expect(JSON.stringify(keys?.headers)).not.toContain("secret");
    expect(JSON.stringify(nvidia.requests)).not.toContain(target.alice);
  });

  it("is for holders of a key", async () => {
    const { target, nvidia } = await startRelay();
    for (const [path, method] of [
      [ATTEST, "POST"],
      [KEYS, "GET"],
    ] as const) {
      const init = { method, headers: { "content-type": "application/json" }, ...(method === "POST" && { body: EVIDENCE }) };
      expect(await outcome(fetch(`${target.url}/api/v1${path}`, init))).toEqual([401, "unauthorized", null]);
      expect(await outcome(target.fetch(`/v1${path}`, { ...init, key: "bauta_wrong" }))).toEqual([401, "unauthorized", null]);
    }
    expect(nvidia.requests).toEqual([]);
  });

  it("answers other origins as the rest of the API does", async () => {
    const { target } = await startRelay();
    const answer = await target.fetch(`/api/v1${KEYS}`, { headers: { origin: "https://page.example" } });
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([200, null]);
    expect((await target.fetch(`/api/v1${ATTEST}`, { method: "OPTIONS" })).status).toBe(405);
  });

  it("is not there unless the configuration names a service, and says who can change that", async () => {
    const target = await start(undefined);
    const answer = await post(target);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toEqual({
      error: {
        message: "This gateway does not relay NVIDIA's attestation service: its operator has to set attestation.nras_url",
        type: "invalid_request_error",
        code: "not_found",
        param: null,
      },
    });
    expect(await outcome(target.fetch(`/v1${KEYS}`))).toEqual([404, "not_found", null]);
    expect(await outcome(fetch(`${target.url}/v1${KEYS}`))).toEqual([401, "unauthorized", null]);
  });

  it.each([
    ["GET", ATTEST, 405, "method_not_allowed"],
    ["POST", KEYS, 405, "method_not_allowed"],
    ["POST", "/tee/nras/v3/attest/gpu", 404, "not_found"],
    ["POST", "/tee/nras/v4/attest/switch", 404, "not_found"],
    ["POST", `${ATTEST}/`, 404, "not_found"],
    ["GET", "/tee/nras/v4/attest/gpu/../../../.well-known/openid-configuration", 404, "not_found"],
    ["GET", "/tee/nras/%2e%2e/.well-known/jwks.json", 404, "not_found"],
    ["GET", "/tee/nras//evil.example/.well-known/jwks.json", 404, "not_found"],
    ["GET", "/tee/nras/", 404, "not_found"],
  ])("makes these two calls only: %s %s", async (method, path, status, code) => {
    const { target, nvidia } = await startRelay();
    // Written by hand: fetch would tidy the path.
    const request = httpRequest(target.url, { method, path: `/api/v1${path}`, headers: { authorization: `Bearer ${target.alice}` } });
    request.end();
    const [response] = (await once(request, "response")) as [import("node:http").IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    expect([response.statusCode, JSON.parse(Buffer.concat(chunks).toString())]).toMatchObject([status, { error: { code } }]);
    expect(nvidia.requests).toEqual([]);
  });

  it.each<[string, BodyInit, Record<string, string>, number, string]>([
    ["more than two megabytes", " ".repeat(2 * 1024 * 1024 + 1), {}, 413, "too_large"],
    ["nothing", "", {}, 400, "invalid_json"],
    ["another content type", "{}", { "content-type": "text/plain" }, 415, "unsupported_media_type"],
    ["a compressed body", "{}", { "content-encoding": "gzip" }, 415, "content_encoding"],
  ])("sends out none of %s", async (_what, body, headers, status, code) => {
    const { target, nvidia } = await startRelay();
    expect(await outcome(post(target, body, { headers }))).toEqual([status, code, null]);
    expect(nvidia.requests).toEqual([]);
  });

  it("takes no more than the gateway takes of any request", async () => {
    const { target } = await startRelay("", { limits: { bodyBytes: 2048 } });
    expect(await outcome(post(target, " ".repeat(2049)))).toEqual([413, "too_large", null]);
    expect((await post(target, EVIDENCE)).status).toBe(200);
  });

  it.each<[string, SimulatedNvidia["script"], string]>([
    ["redirects", (_request, response) => Boolean(response.writeHead(307, { location: "/v4/attest/gpu" }).end()), "redirect"],
    ["answers with too much", (_request, response) => Boolean(response.end(JSON.stringify("x".repeat(1024 * 1024)))), "too_large"],
    ["never ends its answer", (_request, response) => response.write("["), "late"],
    ["never answers", () => true, "late"],
    ["answers with something else", (_request, response) => Boolean(response.end("<html>CANARY</html>")), "malformed"],
    ["fails", (_request, response) => Boolean(response.writeHead(500).end('{"error":"CANARY"}')), "status_500"],
    ["knows nobody here", (_request, response) => Boolean(response.writeHead(401).end('{"error":"CANARY"}')), "status_401"],
    ["has moved", (_request, response) => Boolean(response.writeHead(404).end('{"error":"CANARY"}')), "status_404"],
    ["breaks off", (_request, response) => Boolean(response.socket?.destroy()), "unreachable"],
  ])("says that it cannot answer where the service %s, and tells its operator why", async (_how, script, failure) => {
    const { target, nvidia } = await startRelay("", {}, 300);
    nvidia.script = script;
    const answer = await post(target);
    const text = await answer.text();
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(JSON.parse(text)).toMatchObject({ error: { code: "unavailable" } });
    expect(text).not.toContain("CANARY");
    expect(relayLines(target).map((line) => JSON.parse(line) as object)).toMatchObject([{ call: "attest", failure }]);
    expect(target.logs.join("")).not.toContain("CANARY");
    // A redirect is not followed, and nothing is asked twice.
    expect(nvidia.requests).toHaveLength(1);
    nvidia.script = () => false;
    expect((await post(target)).status).toBe(200);
  });

  it("is as busy as the service, for as long as it says", async () => {
    const { target, nvidia } = await startRelay();
    const busy = (status: number, retryAfter: string) => {
      nvidia.script = (_request, response) => Boolean(response.writeHead(status, { "retry-after": retryAfter }).end());
    };
    for (const [status, said, code, seconds] of [
      [429, "7", "rate_limited", "7"],
      [503, "9", "unavailable", "9"],
      [429, "999999999", "rate_limited", "3600"],
      [503, "Fri, 31 Dec 1999 23:59:59 GMT", "unavailable", "1"],
    ] as const) {
      busy(status, said);
      const answer = await post(target);
      expect([answer.status, answer.headers.get("retry-after")]).toEqual([status, seconds]);
      expect(await answer.json()).toMatchObject({ error: { code } });
    }
  });

  it("tells evidence that the service cannot read from what is no fault of the caller's", async () => {
    const { target, nvidia } = await startRelay();
    nvidia.script = (_request, response) => Boolean(response.writeHead(400).end('{"message":"CANARY"}'));
    expect(await outcome(post(target))).toEqual([400, "invalid_field", "evidence_list"]);
    expect(await outcome(target.fetch(`/v1${KEYS}`))).toEqual([503, "unavailable", null]);
    expect(relayLines(target)).toHaveLength(1);
  });

  it("counts among what a key may do at once", async () => {
    const { target, nvidia } = await startRelay("", { limits: { concurrentRequests: 2, concurrentRequestsPerKey: 1 } });
    nvidia.script = () => true;
    const gone = new AbortController();
    const first = post(target, EVIDENCE, { signal: gone.signal }).catch(() => {});
    await nvidia.requested("attest");
    expect(await outcome(post(target))).toEqual([429, "rate_limited", null]);
    expect(await outcome(target.fetch(`/v1${KEYS}`))).toEqual([429, "rate_limited", null]);
    nvidia.script = () => false;
    expect((await target.fetch(`/v1${KEYS}`, { key: target.bob })).status).toBe(200);
    gone.abort();
    await first;
    await expect.poll(async () => (await target.fetch(`/v1${KEYS}`)).status).toBe(200);
  });

  it("lets go of the service when its caller leaves", async () => {
    const { target, nvidia } = await startRelay();
    const dropped = new Promise<void>((resolve) => {
      nvidia.script = (_request, response) => Boolean(response.once("close", () => resolve()));
    });
    const gone = new AbortController();
    const answer = post(target, EVIDENCE, { signal: gone.signal }).catch(() => "gone");
    await nvidia.requested("attest");
    gone.abort();
    expect(await answer).toBe("gone");
    await dropped;
    expect(relayLines(target)).toEqual([]);
  });

  it("logs no evidence and no answer", async () => {
    const { target, nvidia } = await startRelay();
    nvidia.script = (_request, response) => Boolean(response.end('"ANSWER-CANARY"'));
    await (await post(target, '{"nonce":"BODY-CANARY"}', {}, `/v1${ATTEST}?q=QUERY-CANARY`)).text();
    await expect.poll(() => target.logs.some((line) => line.includes(`"/v1${ATTEST}"`))).toBe(true);
    expect(target.logs.join("")).not.toContain("CANARY");
  });
});

describe("a policy that requires a second opinion", () => {
  it("is met by a client that has it from the relay alone", async () => {
    const nonce = toHex(NONCE);
    const roots = [simulator.rootDer, gpus.deviceRootDer, gpus.rimRootDer, gpus.nrasRootDer];
    const { target } = await startRelay("", { trustRoots: roots });
    const appraiser = createAppraiser({
      trustRoots: roots,
      nowMs: Date.now,
      gpuEndorsements: createGpuEndorsementSource({
        nrasUrl: `${target.url}/v1/tee/nras`,
        fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${target.alice}` } }),
        nowMs: Date.now,
      }),
    });
    const answer = await target.fetch(`/v1/tee/attestation?model=e2ee-test&nonce=${nonce}`);
    const evidence = parseAttestationAnswer(answer.status === 200 ? await answer.json() : expect.fail(await answer.text()));
    const policy = parsePolicy({ ...simulator.policy("x"), require: ["gpu.nras"] });
    const result = await appraiser.appraise({ evidence, policy, nonce: { query: nonce, sealed: true } });
    expect(result.checks.find(({ id }) => id === "gpu.nras")).toMatchObject({ status: "pass", required: true });
  });
});
