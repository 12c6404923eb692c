import { ClientError } from "@bauta/client";
import { describe, expect, it } from "vitest";
import { createProxy, type ProxyOptions } from "./proxy.ts";
import type { RequestLine } from "./request-line.ts";
import { BASE_URL, createFakeClient, fakeAnswer, fakeAttestation, type FakeFetch } from "./testing/fake-client.ts";

const OWN = "http://127.0.0.1:4910";
const PROMPT = "the-secret-prompt";
const CHAT = JSON.stringify({ model: "e2ee-test", messages: [{ role: "user", content: PROMPT }] });

function start(fetch: FakeFetch = () => Promise.resolve(fakeAnswer("{}")), options: Partial<ProxyOptions> = {}) {
  const lines: RequestLine[] = [];
  let told: () => void = () => {};
  const client = createFakeClient(fetch);
  let now = 5_000;
  const handle = createProxy({
    client,
    nowMs: () => now++,
    onRequest: (line) => {
      lines.push(line);
      told();
    },
    ...options,
  });
  const nextLine = async () => {
    while (lines.length === 0) await new Promise<void>((resolve) => (told = resolve));
    return lines.shift() as RequestLine;
  };
  return { client, handle, nextLine, lines };
}

function post(text: BodyInit = CHAT, headers: HeadersInit = {}, path = "/v1/chat/completions", init: RequestInit = {}): Request {
  return new Request(`${OWN}${path}`, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: text, ...init });
}

const get = (path: string, headers: HeadersInit = {}) => new Request(`${OWN}${path}`, { headers });

async function codeOf(response: Response): Promise<unknown> {
  return ((await response.json()) as { error?: { code?: unknown } }).error?.code;
}

describe("a call", () => {
  it("goes through the client, without the caller's headers, and its answer comes back with the outcome", async () => {
    const { client, handle, nextLine } = start(() => Promise.resolve(fakeAnswer('{"id":"x"}')));
    const response = await handle(
      post(CHAT, { authorization: "Bearer local", "user-agent": "somebody", "x-stainless-os": "Linux", cookie: "a=b" }),
    );
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ id: "x" });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "bauta-protection": "sealed",
      "bauta-outcome": "verified",
      "cache-control": "no-store",
    });
    expect(response.headers.has("set-cookie") || response.headers.has("x-other")).toBe(false);
    const [call] = client.calls;
    expect(call).toMatchObject({ url: `${BASE_URL}/chat/completions`, init: { method: "POST", body: CHAT } });
    expect([...new Headers(call?.init.headers).keys()]).toEqual(["content-type"]);
    expect(await nextLine()).toEqual({
      method: "POST",
      path: "/v1/chat/completions",
      status: 200,
      ms: expect.any(Number),
      model: "e2ee-test",
      protection: "sealed",
      outcome: "verified",
      promptTokens: 3,
      completionTokens: 4,
    });
  });

  it("reaches the embeddings too, by their path", async () => {
    const { client, handle } = start();
    await handle(post(CHAT, {}, "/v1/embeddings"));
    expect(client.calls[0]?.url).toBe(`${BASE_URL}/embeddings`);
  });

  it("is logged when its answer has ended, and not before", async () => {
    let finish: () => void = () => {};
    const { handle, nextLine, lines } = start(() => {
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(Uint8Array.of(65));
          finish = () => controller.close();
        },
      });
      return Promise.resolve(fakeAnswer(body));
    });
    const reader = (await handle(post())).body?.getReader();
    await reader?.read();
    expect(lines).toEqual([]);
    finish();
    await reader?.read();
    expect(await nextLine()).toMatchObject({ outcome: "verified" });
  });

  it("is given up in the client when its answer is given up", async () => {
    let cancelled = false;
    const { handle, nextLine } = start(() => {
      const body = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled = true) });
      return Promise.resolve(fakeAnswer(body, { status: "incomplete" }));
    });
    await (await handle(post())).body?.cancel();
    expect(cancelled).toBe(true);
    expect(await nextLine()).toMatchObject({ status: 200, outcome: "incomplete" });
  });

  it("carries the caller's signal", async () => {
    const controller = new AbortController();
    const { handle, nextLine } = start(
      (_url, { signal }) => new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(new Error("aborted")))),
    );
    const answer = handle(post(CHAT, {}, undefined, { signal: controller.signal }));
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    expect((await answer).status).toBe(499);
    expect(await nextLine()).toMatchObject({ status: 499, code: "client_gone", model: "e2ee-test" });
  });

  it("that the client refuses is answered as it says, and logged by its code alone", async () => {
    const refusal = { error: { message: `about ${PROMPT}`, type: "invalid_request_error", code: "not_sealable", param: "tools" } };
    const { handle, nextLine } = start(() =>
      Promise.resolve(Response.json(refusal, { status: 400, headers: { "x-should-retry": "false" } })),
    );
    const response = await handle(post());
    expect(response.status).toBe(400);
    expect(response.headers.get("x-should-retry")).toBe("false");
    expect(await response.json()).toEqual(refusal);
    const line = await nextLine();
    expect(line).toMatchObject({ status: 400, code: "not_sealable", model: "e2ee-test" });
    expect(JSON.stringify(line)).not.toContain(PROMPT);
  });

  it("that finds no server says which one, and repeats nothing that it does not know", async () => {
    const failed = new ClientError(
      "network_failed",
      `${BASE_URL}/tee/attestation: the request failed before an answer came (ECONNREFUSED)`,
    );
    const known = start(() => Promise.reject(new TypeError("fetch failed", { cause: failed })));
    const response = await known.handle(post());
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ error: { code: "network_failed", message: expect.stringContaining("ECONNREFUSED") } });

    const unknown = start(() => Promise.reject(new Error(PROMPT)));
    const other = await unknown.handle(post());
    expect(other.status).toBe(502);
    expect(await other.text()).not.toContain(PROMPT);
    expect(await unknown.nextLine()).toMatchObject({ code: "upstream_failed" });
  });
});

describe("a request's body", () => {
  const cases: [string, Request, number, string][] = [
    ["a form", post("model=x", { "content-type": "application/x-www-form-urlencoded" }), 415, "unsupported_media_type"],
    ["plain text, which pages may send unasked", post(CHAT, { "content-type": "text/plain" }), 415, "unsupported_media_type"],
    ["a compressed one", post(CHAT, { "content-encoding": "gzip" }), 415, "unsupported_media_type"],
    ["one that says that it is too large", post(CHAT, { "content-length": "1001" }), 413, "too_large"],
    ["one that is too large", post(" ".repeat(1001)), 413, "too_large"],
    ["one that is no text", post(Uint8Array.of(0x22, 0xff, 0x22)), 400, "invalid_text"],
    ["one that ends within a character", post(Uint8Array.of(0x22, 0xc3)), 400, "invalid_text"],
  ];
  it.each(cases)("is refused: %s", async (_name, request, status, code) => {
    const { client, handle } = start(undefined, { maxBodyBytes: 1000 });
    const response = await handle(request);
    expect(response.status).toBe(status);
    expect(await codeOf(response)).toBe(code);
    expect(client.calls).toEqual([]);
  });

  it("is read no further than its limit", async () => {
    let pulls = 0;
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulls++;
          controller.enqueue(new Uint8Array(400).fill(32));
        },
        cancel: () => void (cancelled = true),
      },
      { highWaterMark: 0 },
    );
    const { handle } = start(undefined, { maxBodyBytes: 1000 });
    const init = { method: "POST", headers: { "content-type": "application/json" }, body, duplex: "half" };
    expect((await handle(new Request(`${OWN}/v1/chat/completions`, init as RequestInit))).status).toBe(413);
    expect(pulls).toBeLessThanOrEqual(4);
    expect(cancelled).toBe(true);
  });

  it("goes on as it came, character for character", async () => {
    const { client, handle } = start();
    const text = '{"model":"e2ee-test", "messages":[{"content":"\\u00e9 é 😀"}], "__proto__":{"a":1}, "n":1.0}';
    await handle(post(text));
    expect(client.calls[0]?.init.body).toBe(text);
  });
});

describe("callers", () => {
  const foreign: [string, string, Record<string, string>, string][] = [
    ["a name that resolves to this machine", "http://evil.example:4910", {}, "foreign_host"],
    ["a name that begins like this machine's", "http://127.0.0.1.evil.example:4910", {}, "foreign_host"],
    ["a name below localhost", "http://a.localhost:4910", {}, "foreign_host"],
    ["an address of the network", "http://192.168.1.5:4910", {}, "foreign_host"],
    ["another address of the same name's kind", "http://0.0.0.0:4910", {}, "foreign_host"],
    ["a page of another origin", OWN, { origin: "https://evil.example" }, "foreign_origin"],
    ["a page of another port here", OWN, { origin: "http://127.0.0.1:3000" }, "foreign_origin"],
    ["a page in a sandbox", OWN, { origin: "null" }, "foreign_origin"],
    ["an app's page", OWN, { origin: "app://127.0.0.1:4910" }, "foreign_origin"],
    ["an image in a page elsewhere", OWN, { "sec-fetch-site": "cross-site" }, "foreign_origin"],
    ["an image in a page of this site", OWN, { "sec-fetch-site": "same-site" }, "foreign_origin"],
  ];
  it.each(foreign)("are refused: %s", async (_name, origin, headers, code) => {
    const { client, handle, nextLine } = start();
    for (const path of ["/v1/chat/completions", "/", "/verification", "/v1/models", "/healthz", "/nowhere"]) {
      const method = path === "/v1/chat/completions" ? "POST" : "GET";
      const request = new Request(`${origin}${path}`, {
        method,
        headers: { "content-type": "application/json", ...headers },
        ...(method === "POST" && { body: CHAT }),
      });
      const response = await handle(request);
      expect(response.status, path).toBe(403);
      expect(await codeOf(response), path).toBe(code);
      expect(response.headers.has("access-control-allow-origin")).toBe(false);
      expect(await nextLine()).toMatchObject({ status: 403, code });
    }
    const preflight = await handle(
      new Request(`${origin}/v1/chat/completions`, { method: "OPTIONS", headers: { ...headers, "access-control-request-method": "POST" } }),
    );
    expect(preflight.status).toBe(
      code === "foreign_host" || headers["origin"] !== undefined || headers["sec-fetch-site"] !== undefined ? 403 : 405,
    );
    expect(client.calls).toEqual([]);
  });

  it.each([
    ["http://localhost:4910", {}],
    ["http://[::1]:4910", {}],
    ["http://127.0.0.2", {}],
    [OWN, { origin: OWN }],
    [OWN, { "sec-fetch-site": "none" }],
    [OWN, { "sec-fetch-site": "same-origin" }],
  ])("of this machine are answered: %s %o", async (origin, headers) => {
    const { handle } = start();
    expect((await handle(new Request(`${origin}/`, { headers: headers as Record<string, string> }))).status).toBe(200);
  });

  it("by an allowed name are answered, by a longer one not", async () => {
    const { handle } = start(undefined, { hosts: ["proxy.example"] });
    expect((await handle(new Request("http://proxy.example/healthz"))).status).toBe(200);
    expect((await handle(new Request("http://a.proxy.example/healthz"))).status).toBe(403);
  });

  it("from an allowed page may ask first, call, and read the answer", async () => {
    const origin = "http://localhost:3000";
    const { handle } = start(undefined, { origins: [origin] });
    const asking = {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type,x-stainless-os",
    };
    const preflight = await handle(new Request(`${OWN}/v1/chat/completions`, { method: "OPTIONS", headers: asking }));
    expect(preflight.status).toBe(204);
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      "access-control-allow-origin": origin,
      "access-control-allow-methods": "GET, POST",
      "access-control-allow-headers": "authorization,content-type,x-stainless-os",
      vary: "origin",
    });
    const response = await handle(post(CHAT, { origin, "sec-fetch-site": "same-site" }));
    expect(response.status).toBe(200);
    expect(response.headers.get("access-control-allow-origin")).toBe(origin);
    expect(response.headers.get("access-control-expose-headers")).toContain("bauta-outcome");
    expect((await handle(post(CHAT, { origin: "http://localhost:3001" }))).status).toBe(403);
  });
});

describe("a local key", () => {
  const localKey = "local-key-1";
  const basic = (password: string) => `Basic ${btoa(`anybody:${password}`)}`;
  const cases: [string, Request, number][] = [
    ["no key", post(), 401],
    ["another key", post(CHAT, { authorization: "Bearer local-key-2" }), 401],
    ["a beginning of it", post(CHAT, { authorization: "Bearer local-key-" }), 401],
    ["a longer one", post(CHAT, { authorization: "Bearer local-key-11" }), 401],
    ["the key as a password, for calls", post(CHAT, { authorization: basic(localKey) }), 401],
    ["the key", post(CHAT, { authorization: `Bearer ${localKey}` }), 200],
    ["no key for the models", get("/v1/models"), 401],
    ["no key for the page", get("/"), 401],
    ["no key for the results", get("/verification"), 401],
    ["the key for the page", get("/", { authorization: `Bearer ${localKey}` }), 200],
    ["the key as a password, for the page", get("/", { authorization: basic(localKey) }), 200],
    ["another password for the page", get("/", { authorization: basic("x") }), 401],
    ["no password for the page", get("/", { authorization: "Basic !!!" }), 401],
    ["no key for health", get("/healthz"), 200],
  ];
  it.each(cases)("%s", async (_name, request, status) => {
    const { client, handle } = start(undefined, { localKey });
    const response = await handle(request);
    expect(response.status).toBe(status);
    if (status !== 401) return;
    expect(await codeOf(response)).toBe("unauthorized");
    expect(response.headers.get("www-authenticate")).toMatch(/^B/);
    expect(client.calls).toEqual([]);
  });
});

describe("other resources", () => {
  it("lists what can be used, and nothing that would be refused", async () => {
    const data = [
      { id: "e2ee-a", context_length: 5, bauta: { protection: "sealed" } },
      { id: "tee-a", bauta: { protection: "gateway-visible" } },
      { id: "plain", bauta: { protection: "none" } },
      "not a model",
    ];
    const list = () => Promise.resolve(Response.json({ object: "list", data }));
    const ids = async (response: Response) => ((await response.json()) as { data: { id: string }[] }).data.map(({ id }) => id);
    const { client, handle } = start(list);
    expect(await ids(await handle(get("/v1/models")))).toEqual(["e2ee-a"]);
    expect(client.calls[0]?.url).toBe(`${BASE_URL}/models`);
    const { handle: both } = start(list, { upstreamModels: ["sealed", "gateway-visible"] });
    expect(await ids(await both(get("/v1/models")))).toEqual(["e2ee-a", "tee-a"]);
    expect(await (await handle(get("/v1/models/e2ee-a"))).json()).toEqual(data[0]);
    expect(await codeOf(await handle(get("/v1/models/plain")))).toBe("model_not_found");
    expect((await handle(get("/v1/models/%zz"))).status).toBe(404);
  });

  it.each([
    ["GET", "/v1/chat/completions", 405],
    ["POST", "/v1/models", 405],
    ["DELETE", "/", 405],
    ["OPTIONS", "/v1/chat/completions", 405],
    ["GET", "/v1/images/generations", 404],
    ["POST", "/v1/responses", 404],
    ["GET", "/v1/chat/completions/", 404],
    ["GET", "/constructor", 404],
  ])("has no %s %s", async (method, path, status) => {
    const { client, handle, nextLine } = start();
    const response = await handle(new Request(`${OWN}${path}`, { method }));
    expect(response.status).toBe(status);
    if (status === 405) expect(response.headers.get("allow")).toMatch(/^(?:GET|POST)$/);
    else expect((await nextLine()).path).toBe("other");
    expect(client.calls).toEqual([]);
  });

  it("shows the full result of each model that was used, bytes as hex", async () => {
    const attestation = fakeAttestation({ result: { simulated: true } });
    const { handle } = start(() => Promise.resolve(fakeAnswer("{}", { attestation })));
    expect(await (await handle(get("/verification"))).json()).toEqual({ server: BASE_URL, models: [] });
    await (await handle(post())).text();
    expect(await (await handle(get("/verification"))).json()).toMatchObject({
      server: BASE_URL,
      models: [
        {
          model: "e2ee-test",
          protection: "sealed",
          ok: true,
          simulated: true,
          attested_at: "1970-01-01T00:00:01.000Z",
          expired: false,
          nonce: attestation.nonce,
          result: { signingKey: "04ff", checks: attestation.result.checks, claims: attestation.result.claims },
        },
      ],
    });
  });

  it("attests a model that is asked for by name, and refuses what is no name", async () => {
    const { client, handle } = start();
    const response = await handle(get("/verification?model=e2ee-other"));
    expect(await response.json()).toMatchObject({ models: [{ model: "e2ee-other", ok: true }] });
    expect(client.attestedModels).toEqual(["e2ee-other"]);
    expect(await codeOf(await handle(get("/verification?model=a%20b")))).toBe("invalid_model");
    expect(client.attestedModels).toHaveLength(1);
  });

  it("keeps what a model's refused enclave says out of the way of an accepted word", async () => {
    const refused = fakeAttestation({
      result: { ok: false, checks: [{ id: "tdx.pck-chain", status: "fail", required: true, reason: "no" }] },
    });
    const client = createFakeClient(
      () => Promise.resolve(fakeAnswer("{}")),
      () => refused,
    );
    const handle = createProxy({ client, nowMs: () => 5_000 });
    await handle(get("/verification?model=e2ee-test"));
    const page = await (await handle(get("/"))).text();
    expect(page).toContain("✗ NOT acceptable");
    expect(page).toContain("nothing is sent to it");
    expect(page).toContain("<details open>");
    expect(page).not.toContain("✓ attested");
  });

  it("serves a page without scripts that loads nothing from elsewhere, and may load nothing", async () => {
    const attestation = fakeAttestation({
      result: {
        simulated: true,
        pinned: false,
        couldRead: ["<script>alert(1)</script>"],
        readers: [{ id: "programs", parts: ["It is called ", { quoted: "<script>alert(1)</script>" }, "."] }],
        claims: { build: '"><img src=x onerror=alert(1)>' },
      },
    });
    const { handle } = start(() => Promise.resolve(fakeAnswer("{}", { attestation })));
    await (await handle(post())).text();
    const response = await handle(get("/"));
    const page = await response.text();
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("content-security-policy")).toMatch(/^default-src 'none'; style-src 'self';.*frame-ancestors 'none'/);
    expect(page).not.toMatch(/<(?:script|img|style|iframe|object|form)|<[^>]*\s(?:src|style|on\w+)=|javascript:/);
    expect([...page.matchAll(/href="([^"]*)"/g)].map(([, href]) => href)).toEqual(["/style.css", "/verification"]);
    for (const words of [
      "SIMULATED",
      "UNPINNED",
      "e2ee-test",
      "http://127.0.0.1:4910/v1",
      BASE_URL,
      "REPORTDATA holds the nonce",
      "&lt;script&gt;",
    ]) {
      expect(page).toContain(words);
    }
    const style = await handle(get("/style.css"));
    expect(style.headers.get("content-type")).toBe("text/css; charset=utf-8");
    expect(await style.text()).not.toContain("url(");
  });

  it("says that a model which the gateway reads is not sealed", async () => {
    const { handle } = start();
    await handle(get("/verification?model=tee-test"));
    expect(await (await handle(get("/"))).text()).toContain("the server reads what you send");
  });
});
