import { describe, expect, it, vi } from "vitest";
import type { EngineEvent } from "./engine/engine.ts";
import { gate, scriptedEngine, startEnclave, untilAborted, USAGE } from "./testing/running-enclave.ts";
import { chatRequest, LARGE_BYTES, openStalled, sayMuch } from "./testing/stalled-client.ts";

const delta = (content: string): EngineEvent => ({ type: "delta", content });

const oneWordThenSilence = () =>
  scriptedEngine(async function* (_, signal) {
    yield delta("Hel");
    await untilAborted(signal);
  });
const babble = () =>
  scriptedEngine(async function* () {
    for (;;) yield await Promise.resolve(delta("x".repeat(4096)));
  });

describe("a client that reads slowly", () => {
  it("holds the engine back instead of filling memory", async () => {
    const total = 4000;
    const engine = scriptedEngine(async function* () {
      for (let i = 0; i < total; i++) yield await Promise.resolve(delta("y".repeat(16 * 1024)));
      yield { type: "finish", reason: "stop", usage: USAGE };
    });
    const { url } = await startEnclave(engine);
    const socket = await openStalled(url, chatRequest(true));
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

describe("a client that never reads", () => {
  it("loses its connection, and lets go of the engine", async () => {
    const engine = babble();
    const { url } = await startEnclave(engine, { stallTimeoutMs: 200 });
    await openStalled(url, chatRequest(true));
    await engine.released;
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it.each([true, false])("loses its connection when the engine is done already (stream: %s)", async (stream) => {
    const { promise, resolve } = gate();
    const write = (line: string): void => void (line.includes("stopped reading") && resolve());
    const { url } = await startEnclave(sayMuch(), { stallTimeoutMs: 200, log: { level: "warn", stream: { write } } });
    await openStalled(url, chatRequest(stream));
    await promise;
  });

  it("holds no engine by asking twice on one connection and leaving", async () => {
    const engines = [oneWordThenSilence(), babble()];
    const both = scriptedEngine((request, signal) => {
      const next = engines[both.requests.length - 1] as (typeof engines)[number];
      return next.generate(request, signal) as AsyncGenerator<EngineEvent, void, undefined>;
    });
    const { url } = await startEnclave(both);
    const socket = await openStalled(url, chatRequest(true), chatRequest(true));
    await engines[1]?.began;
    socket.destroy();
    await Promise.all(engines.map(({ released }) => released));
  });

  it("is not one that waits for a slow engine, or for the answer before", async () => {
    const { promise, resolve } = gate();
    const engine = scriptedEngine(async function* () {
      yield delta("Hel");
      await promise;
      yield delta("lo");
      yield { type: "finish", reason: "stop", usage: USAGE };
    });
    const { url } = await startEnclave(engine, { stallTimeoutMs: 20 });
    const socket = await openStalled(url, chatRequest(true), "GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n");
    // Many times as long as a client may stall, with nothing to take and the second answer waiting.
    setTimeout(resolve, 400);
    let text = "";
    for await (const part of socket) {
      text += String(part);
      if (text.includes("max_completion_tokens")) break;
    }
    expect(text).toContain("data: [DONE]");
  });

  it("is not one that reads slowly", async () => {
    const stallTimeoutMs = 600;
    const { url } = await startEnclave(sayMuch(), { stallTimeoutMs });
    const socket = await openStalled(url, chatRequest(false));
    const startedMs = performance.now();
    let length = 0;
    socket.on("data", (part: Buffer) => {
      length += part.length;
      socket.pause();
      setTimeout(() => socket.resume(), 2);
    });
    socket.resume();
    await vi.waitFor(() => expect(length).toBeGreaterThan(LARGE_BYTES), { timeout: 15_000 });
    expect(performance.now() - startedMs).toBeGreaterThan(stallTimeoutMs);
  });
});
