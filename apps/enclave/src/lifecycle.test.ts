import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { currentProcess, findDebugSurfaces } from "./debug-surfaces.ts";
import { createEnclave } from "./enclave.ts";
import type { EngineEvent } from "./engine/engine.ts";
import { readStream } from "./testing/independent-client.ts";
import { gate, NOW_MS, sayHello, scriptedEngine, startEnclave, testPlatform, untilAborted, USAGE } from "./testing/running-enclave.ts";
import { chatRequest, LARGE_BYTES, openStalled, sayMuch } from "./testing/stalled-client.ts";

const ask = { model: "tee-demo", messages: [{ role: "user", content: "hi" }] };
const delta = (content: string): EngineEvent => ({ type: "delta", content });

/** Says one word and then waits for ever. */
const oneWordThenSilence = () =>
  scriptedEngine(async function* (_, signal) {
    yield delta("Hel");
    await untilAborted(signal);
  });
const silence = () =>
  scriptedEngine(async function* (_, signal) {
    yield* [];
    await untilAborted(signal);
  });

describe("a client that goes away", () => {
  it.each([
    ["before the first token of a stream", silence, true],
    ["in a call without streaming", silence, false],
    ["mid-stream", oneWordThenSilence, true],
  ])("stops the engine within a second, %s", async (_, make, stream) => {
    const engine = make();
    const { url, post } = await startEnclave(engine);
    const controller = new AbortController();
    const response = post({ ...ask, stream }, {}, controller.signal).then(
      (answer) => answer.text(),
      () => {},
    );
    response.catch(() => {});
    await engine.began;
    if (engine.pulled > 0) await vi.waitFor(() => expect(engine.pulled).toBe(1));
    const startedMs = performance.now();
    controller.abort();
    await engine.released;
    expect(performance.now() - startedMs).toBeLessThan(1000);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it("stops an engine that never pauses", async () => {
    const engine = scriptedEngine(async function* () {
      for (;;) {
        yield delta("x".repeat(1000));
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    const { post } = await startEnclave(engine);
    const controller = new AbortController();
    const response = await post({ ...ask, stream: true }, {}, controller.signal);
    await response.body?.getReader().read();
    controller.abort();
    await engine.released;
  });

  it("at [DONE] is no abort: the receipt is kept", async () => {
    const { url } = await startEnclave(scriptedEngine(sayHello));
    const request = httpRequest(`${url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json" } });
    request.on("error", () => {});
    request.end(JSON.stringify({ ...ask, stream: true }));
    const [response] = (await once(request, "response")) as [import("node:http").IncomingMessage];
    const requestId = response.headers["bauta-request-id"] as string;
    let text = "";
    for await (const part of response) {
      text += String(part);
      if (text.includes("[DONE]")) break;
    }
    request.destroy();
    const kept = await fetch(`${url}/v1/tee/signature?model=tee-demo&request_id=${requestId}`);
    expect(kept.status).toBe(200);
  });
});

describe("closing", () => {
  it("lets answers finish, refuses new requests meanwhile, and then is gone", async () => {
    const { promise, resolve } = gate();
    const engine = scriptedEngine(async function* () {
      yield delta("Hel");
      await promise;
      yield delta("lo");
      yield { type: "finish", reason: "stop", usage: USAGE };
    });
    const { enclave, url, post } = await startEnclave(engine, { graceMs: 10_000, receiptLingerMs: 0 });
    const response = await post({ ...ask, stream: true });
    const closed = enclave.close();
    const refused = await post({ ...ask, stream: true });
    expect([refused.status, refused.headers.get("retry-after"), await refused.json()]).toMatchObject([
      503,
      "2",
      { error: { code: "shutting_down" } },
    ]);
    expect((await fetch(`${url}/healthz`)).status).toBe(503);
    resolve();
    const stream = readStream(new Uint8Array(await response.arrayBuffer()));
    expect(stream.done).toBe(true);
    expect(stream.receipt).toBeDefined();
    await closed;
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });

  it("closes no connection under a request that crosses it: who comes a moment later is told to go elsewhere", async () => {
    const { enclave, post } = await startEnclave(scriptedEngine(sayHello), { graceMs: 10_000, receiptLingerMs: 0 });
    await (await post(ask)).text();
    const closed = enclave.close();
    const late = await Promise.all([post(ask), post(ask), post(ask)]);
    expect(late.map(({ status }) => status)).toEqual([503, 503, 503]);
    await closed;
  });

  const halfwayGate = () => {
    const { promise, resolve } = gate();
    const engine = scriptedEngine(async function* () {
      yield delta("Hel");
      await promise;
      yield { type: "finish", reason: "stop", usage: USAGE };
    });
    return { engine, resolve };
  };
  const LONG_MS = 3_600_000;
  const receiptOf = (url: string, response: Response): Promise<Response> =>
    fetch(`${url}/v1/tee/signature?model=tee-demo&request_id=${response.headers.get("bauta-request-id") ?? ""}`);

  it("hands out receipts while it drains, keeps listening for the last one, and ends when it was fetched", async () => {
    const { engine, resolve } = halfwayGate();
    const { enclave, url, post } = await startEnclave(engine, { graceMs: LONG_MS, receiptLingerMs: LONG_MS });
    const [one, other] = await Promise.all([post({ ...ask, stream: true }), post({ ...ask, stream: true })]);
    const closed = enclave.close();
    expect((await fetch(`${url}/v1/tee/signature?model=tee-demo&request_id=none`)).status).toBe(404);
    resolve();
    const answers = await Promise.all([one.text(), other.text()]);
    expect(answers.every((answer) => answer.includes("bauta-receipt"))).toBe(true);
    expect((await receiptOf(url, one)).status).toBe(200);
    expect((await post(ask)).status).toBe(503);
    const last = await receiptOf(url, other);
    expect(await last.json()).toMatchObject({ request_id: other.headers.get("bauta-request-id"), signature: expect.any(String) as string });
    await closed;
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });

  it("keeps listening for the receipt of an answer that ended just before", async () => {
    const { enclave, url, post } = await startEnclave(scriptedEngine(sayHello), { graceMs: LONG_MS, receiptLingerMs: LONG_MS });
    const response = await post(ask);
    await response.text();
    const closed = enclave.close();
    expect((await receiptOf(url, response)).status).toBe(200);
    await closed;
  });

  it.each([
    ["the linger time", { graceMs: LONG_MS, receiptLingerMs: 50 }],
    ["the grace period", { graceMs: 50, receiptLingerMs: LONG_MS }],
  ])("waits for a receipt that nobody fetches no longer than %s", async (_, options) => {
    const { enclave, post } = await startEnclave(scriptedEngine(sayHello), options);
    await (await post(ask)).text();
    await enclave.close();
  });

  it("gives a slow client the whole of its last answer", async () => {
    const engine = sayMuch();
    const { enclave, url } = await startEnclave(engine, { graceMs: LONG_MS, receiptLingerMs: 0 });
    const socket = await openStalled(url, chatRequest(false));
    await engine.released;
    const closed = enclave.close();
    // Here the connection would be cut, with most of the answer still to be taken.
    await new Promise((resolve) => setTimeout(resolve, 100));
    let length = 0;
    for await (const part of socket) length += (part as Buffer).length;
    expect(length).toBeGreaterThan(LARGE_BYTES);
    await closed;
  });

  it("ends what has not finished when the grace period is over, and says why", async () => {
    const engine = oneWordThenSilence();
    const { enclave, post } = await startEnclave(engine, { graceMs: 100 });
    const response = await post({ ...ask, stream: true });
    const closed = enclave.close();
    const stream = readStream(new Uint8Array(await response.arrayBuffer()));
    expect([stream.error?.code, stream.done, stream.receipt]).toEqual(["shutting_down", false, undefined]);
    await closed;
    await engine.released;
  });
});

describe("starting", () => {
  const options = () => ({
    platform: testPlatform,
    models: [{ id: "tee-demo", engine: scriptedEngine(sayHello) }],
    nowMs: () => NOW_MS,
    log: { level: "silent" },
  });

  it.each(["NODE_OPTIONS", "LD_PRELOAD"])("refuses with %s set, unless that is allowed by name, which then shows", (name) => {
    for (const other of ["NODE_OPTIONS", "LD_PRELOAD"]) vi.stubEnv(other, "");
    onTestFinished(() => void vi.unstubAllEnvs());
    vi.stubEnv(name, "/tmp/secret-value");
    expect(() => createEnclave(options())).toThrow(
      expect.objectContaining({ code: "debuggable-process", message: expect.stringContaining(name) as string }),
    );
    expect(() => createEnclave(options())).not.toThrow(/secret-value/);
    expect(createEnclave({ ...options(), allowDebuggableProcess: true }).debugSurfaces).toContain(name);
  });

  it("leaves SIGUSR1 to Node only where a debuggable process is allowed by name", () => {
    const { execArgv } = process;
    onTestFinished(() => {
      process.execArgv = execArgv;
      process.removeAllListeners("SIGUSR1");
      vi.unstubAllEnvs();
    });
    process.execArgv = [];
    process.removeAllListeners("SIGUSR1");
    for (const name of findDebugSurfaces(currentProcess())) vi.stubEnv(name, "");
    createEnclave({ ...options(), allowDebuggableProcess: true });
    expect(process.listenerCount("SIGUSR1")).toBe(0);
    for (let i = 0; i < 2; i++) createEnclave(options());
    expect(process.listenerCount("SIGUSR1")).toBe(1);
    process.execArgv = ["--import", "/tmp/secret-value"];
    expect(() => createEnclave(options())).toThrow(expect.objectContaining({ code: "debuggable-process" }));
  });

  it("looks once more when it begins to listen", async () => {
    const { execArgv } = process;
    onTestFinished(() => {
      process.execArgv = execArgv;
      process.removeAllListeners("SIGUSR1");
      vi.unstubAllEnvs();
    });
    process.execArgv = [];
    for (const name of findDebugSurfaces(currentProcess())) vi.stubEnv(name, "");
    const enclave = createEnclave(options());
    onTestFinished(() => enclave.close());
    vi.stubEnv("NODE_OPTIONS", "--inspect");
    await expect(enclave.listen({ port: 0 })).rejects.toMatchObject({ code: "debuggable-process" });
  });

  it("says in its log that it can be debugged, and that it is simulated", async () => {
    vi.stubEnv("NODE_OPTIONS", "--max-old-space-size=999");
    onTestFinished(() => void vi.unstubAllEnvs());
    let lines = "";
    await startEnclave(scriptedEngine(sayHello), { log: { level: "warn", stream: { write: (line) => void (lines += line) } } });
    expect(lines).toContain("INSECURE");
    expect(lines).toContain("SIMULATED");
  });

  it("says which port is in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    const enclave = createEnclave({ ...options(), allowDebuggableProcess: true });
    onTestFinished(() => enclave.close());
    await expect(enclave.listen({ port })).rejects.toMatchObject({
      code: "address-in-use",
      message: expect.stringContaining(String(port)) as string,
    });
  });

  it.each([
    [[], "at least one model"],
    [["demo"], "e2ee-"],
    [["E2EE-demo"], "e2ee-"],
    [["tee-demo", "tee-demo"], "twice"],
  ])("refuses models that make no sense: %j", (ids, text) => {
    const engine = scriptedEngine(sayHello);
    expect(() => createEnclave({ ...options(), allowDebuggableProcess: true, models: ids.map((id) => ({ id, engine })) })).toThrow(text);
  });
});
