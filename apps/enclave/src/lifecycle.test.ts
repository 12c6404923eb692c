import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createEnclave } from "./enclave.ts";
import type { EngineEvent } from "./engine/engine.ts";
import { readStream } from "./testing/independent-client.ts";
import { gate, NOW_MS, sayHello, scriptedEngine, startEnclave, testPlatform, untilAborted, USAGE } from "./testing/running-enclave.ts";

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

describe("a client that reads slowly", () => {
  it("holds the engine back instead of filling memory", async () => {
    const total = 4000;
    const engine = scriptedEngine(async function* () {
      for (let i = 0; i < total; i++) yield await Promise.resolve(delta("y".repeat(16 * 1024)));
      yield { type: "finish", reason: "stop", usage: USAGE };
    });
    const { url } = await startEnclave(engine);
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    const body = JSON.stringify({ ...ask, stream: true });
    socket.pause();
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    // The engine stands still once the buffers between it and this socket are full.
    let before = -1;
    await vi.waitFor(
      () => {
        const now = engine.pulled;
        const still = now === before && now > 0;
        before = now;
        expect(still).toBe(true);
      },
      { interval: 200, timeout: 10_000 },
    );
    expect(engine.pulled).toBeLessThan(total / 2);
    // Reading on, everything comes.
    let text = "";
    socket.setEncoding("utf8");
    for await (const part of socket) {
      text = (text + String(part)).slice(-4000);
      if (text.includes("data: [DONE]")) break;
    }
    expect(engine.pulled).toBe(total + 1);
    socket.destroy();
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
    const { enclave, url, post } = await startEnclave(engine, { graceMs: 10_000 });
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
    models: [{ id: "tee-demo", engine: scriptedEngine(sayHello), sealed: false }],
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
    [[{ id: "tee-demo", sealed: true }], "e2ee-"],
    [[{ id: "e2ee-demo", sealed: false }], "tee-"],
    [
      [
        { id: "tee-demo", sealed: false },
        { id: "tee-demo", sealed: false },
      ],
      "twice",
    ],
  ])("refuses models that make no sense: %j", (models, text) => {
    const engine = scriptedEngine(sayHello);
    expect(() =>
      createEnclave({ ...options(), allowDebuggableProcess: true, models: models.map((model) => ({ ...model, engine })) }),
    ).toThrow(text);
  });
});
