import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { WIRE_ERRORS } from "@bauta/protocol";
import { describe, expect, it } from "vitest";
import { type ClientError, createClient } from "./index.ts";
import { API_KEY, CANARY, MODEL, QUESTION, rejection, reply, simulator, startServer, VISIBLE_MODEL } from "./scripted-server.test.ts";

const policy = simulator.policy("pinned");
const create = (options: object) => createClient({ baseURL: "https://api.example.com/api/v1", apiKey: API_KEY, policy, ...options });

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("expected an exception");
}

describe("createClient", () => {
  it.each([
    ["https://api.example.com/api/v1/", "https://api.example.com/api/v1"],
    ["http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"],
    ["http://127.8.9.1/v1", "http://127.8.9.1/v1"],
    ["http://localhost:1/", "http://localhost:1"],
    ["http://[::1]:1/v1", "http://[::1]:1/v1"],
  ])("takes %s", (baseURL, used) => expect(create({ baseURL }).baseURL).toBe(used));

  it.each([
    ["not a URL", "nonsense"],
    ["another scheme", "ftp://example.com"],
    ["plain http to another machine", "http://api.example.com/v1"],
    ["plain http to a name that only begins like ours", "http://127.0.0.1.example.com/v1"],
    ["plain http to a name that only ends like ours", "http://notlocalhost/v1"],
    ["plain http to a name below localhost, which a resolver may ask the network for", "http://api.localhost/v1"],
    ["plain http to a name below localhost in capitals", "http://API.LOCALHOST./v1"],
    ["plain http to this machine's address in IPv6 clothes", "http://[::ffff:127.0.0.1]/v1"],
    ["plain http to any address", "http://0.0.0.0/v1"],
    ["a password", "https://user:hunter2@api.example.com"],
    ["a query", "https://api.example.com/v1?key=1"],
  ])("refuses %s as baseURL", (_name, baseURL) => {
    const error = thrownBy(() => create({ baseURL }));
    expect(error).toMatchObject({ name: "ClientError", code: "invalid_option", action: "fix-request", details: { field: "baseURL" } });
    expect(String(error)).not.toContain("hunter2");
  });

  it("takes plain http elsewhere only by name", () => {
    expect(create({ baseURL: "http://api.example.com/v1", allowInsecureHttp: true }).baseURL).toBe("http://api.example.com/v1");
  });

  it.each([
    ["apiKey", { apiKey: "" }],
    ["apiKey", { apiKey: "sk-secret\r\nx: y" }],
    ["trustRoots[0]", { trustRoots: [new Uint8Array(9)] }],
    ["timeouts.headMs", { timeouts: { headMs: 0 } }],
    ["sessionMs", { sessionMs: Number.NaN }],
    ["receipts", { receipts: "any" }],
    ["receipts", { receipts: true }],
  ])("refuses a bad %s", (field, options) => {
    const error = thrownBy(() => create(options));
    expect(error).toMatchObject({ code: "invalid_option", details: { field } });
    expect(String(error)).not.toContain("sk-secret");
  });

  it("refuses a policy with a misspelt rule", () => {
    expect(thrownBy(() => create({ policy: { ...policy, mesurements: "any" } }))).toMatchObject({
      name: "PolicyError",
      field: "mesurements",
    });
  });

  it("shows no key when it is logged", () => expect(inspect(create({}), { depth: 9, showHidden: true })).not.toContain(API_KEY));
});

describe("errors of a server", () => {
  const answered = (status: number, body: unknown, headers: Record<string, string> = {}) =>
    startServer({ models: (_request, response) => reply(response, status, body, headers) });
  const listed = async (server: Awaited<ReturnType<typeof startServer>>) => (await rejection(server.client().models())) as ClientError;

  it("of the catalogue: its text, its action, Retry-After", async () => {
    const server = await answered(429, { error: { message: "x", code: "rate_limited" } }, { "retry-after": "7" });
    const error = await listed(server);
    expect(error).toMatchObject({
      code: "server_error",
      action: "retry",
      details: { server: { status: 429, code: "rate_limited", message: WIRE_ERRORS.rate_limited.message, retryAfterSeconds: 7 } },
    });
    expect(error.message).toContain("hint");
  });

  it.each([
    [401, "stop"],
    [403, "stop"],
    [404, "fix-request"],
    [421, "re-attest"],
    [429, "retry"],
    [500, "retry"],
    [503, "retry"],
    [418, "fix-request"],
  ])("status %i alone: %s", async (status, action) => {
    expect(await listed(await answered(status, "?"))).toMatchObject({
      code: "server_error",
      action,
      details: { server: { status, message: undefined } },
    });
  });

  it("a code of the catalogue under another status decides nothing", async () => {
    expect(await listed(await answered(401, { error: { code: "unknown_model_key", message: "x" } }))).toMatchObject({ action: "stop" });
  });

  it.each([
    [{ error: "Insufficient balance" }, "Insufficient balance"],
    [{ message: "Insufficient balance" }, "Insufficient balance"],
    [{ error: { message: "a\r\nb\u001b[31m \u202e" } }, "a b [31m"],
    [{ error: { message: `your key ${API_KEY} is bad` } }, "your key [API key] is bad"],
    [{ error: { message: { deep: 1 } } }, undefined],
    [[], undefined],
  ])("%j is repeated as %j", async (body, message) => {
    expect((await listed(await answered(400, body))).details.server?.message).toBe(message);
  });

  it("long texts are cut, long bodies not read", async () => {
    expect((await listed(await answered(400, { error: "y".repeat(5000) }))).details.server?.message?.length).toBe(300);
    expect((await listed(await answered(400, { error: "y".repeat(2_000_000) }))).details.server?.message).toBeUndefined();
  });

  it("repeat no prompt and no key, in any member", async () => {
    const server = await startServer({
      chat({ response, body, request }) {
        const echo = `${body.toString()} ${request.headers.authorization}`;
        reply(response, 400, { error: { message: echo, code: CANARY, type: echo, param: echo } });
      },
    });
    for (const model of [MODEL, VISIBLE_MODEL]) {
      const error = (await rejection(server.client().chat({ model, messages: QUESTION }, { allowGatewayVisible: true }))) as Error;
      expect(error).toMatchObject({ code: "server_error", details: { server: { status: 400 } } });
      // The code is the server's invention here; a sealed prompt is not known to it.
      if (model === VISIBLE_MODEL) expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(CANARY);
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(API_KEY);
    }
  });
});

describe("the network", () => {
  it("redirects are not followed, and the key goes nowhere else", async () => {
    const elsewhere: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      elsewhere.push(request.headers.authorization);
      response.end("{}");
    }).listen(0, "127.0.0.1");
    await once(other, "listening");
    const location = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
    const server = await startServer({ models: (_request, response) => void response.writeHead(302, { location }).end() });
    expect(await rejection(server.client().models())).toMatchObject({ code: "network_failed" });
    // A fetch that follows all the same.
    const following = (url: string, init: RequestInit) => fetch(url, { ...init, redirect: "follow" });
    expect(await rejection(server.client({ fetch: following }).models())).toMatchObject({ code: "network_failed", action: "stop" });
    const manual = (url: string, init: RequestInit) => fetch(url, { ...init, redirect: "manual" });
    expect(await rejection(server.client({ fetch: manual }).models())).toMatchObject({ code: "network_failed", action: "stop" });
    expect(elsewhere.filter((authorization) => authorization !== undefined)).toEqual([]);
    other.closeAllConnections();
    other.close();
  });

  it("a refused connection is named, and nothing of the request", async () => {
    const server = await startServer();
    const client = server.client();
    await server.close();
    const error = await rejection(client.attest(MODEL));
    expect(error).toMatchObject({ code: "network_failed", action: "retry", details: { networkCode: "ECONNREFUSED" } });
  });

  it("a fetch whose errors hold the request does not leak it", async () => {
    const server = await startServer();
    const leaky = async (_url: string, init: RequestInit): Promise<Response> => {
      throw Object.assign(new Error(`failed: ${JSON.stringify(init)}`), { init, code: `bad ${API_KEY}` });
    };
    const error = await rejection(server.client({ fetch: leaky }).models());
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(API_KEY);
  });

  it("an answer that is no JSON is not repeated", async () => {
    const server = await startServer({ models: (_request, response) => void response.end(`<html>${CANARY}`) });
    const error = await rejection(server.client().models());
    expect(error).toMatchObject({ code: "answer_malformed" });
    expect(String(error)).not.toContain(CANARY);
  });

  it("a connection that breaks within an answer", async () => {
    const server = await startServer({
      models: (_request, response) => {
        response.writeHead(200).write("{", () => response.destroy());
      },
    });
    expect(await rejection(server.client().models())).toMatchObject({ code: "network_failed", action: "retry" });
  });
});
