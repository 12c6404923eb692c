import { type ChatRequest, toHex } from "@bauta/protocol";
import { onTestFinished } from "vitest";
import { createEnclave, type Enclave, type EnclaveOptions } from "../enclave.ts";
import type { Engine, EngineEvent } from "../engine/engine.ts";
import type { Platform } from "../platform.ts";

export const NOW_MS = Date.UTC(2026, 10, 20, 12);
export const USAGE = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };

/** An engine that plays what a test wrote, and tells how it was treated. */
export interface ScriptedEngine extends Engine {
  readonly requests: ChatRequest[];
  /** Events that were pulled from it. */
  pulled: number;
  /** Resolves when a generation was stopped or ended. */
  readonly released: Promise<void>;
  /** Resolves when a generation began. */
  readonly began: Promise<void>;
}

/** A promise that a test resolves itself. */
export function gate(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

export type Script = (request: ChatRequest, signal: AbortSignal) => AsyncGenerator<EngineEvent, void, undefined>;

export function scriptedEngine(script: Script, contextTokens = 100): ScriptedEngine {
  const released = gate();
  const began = gate();
  const engine: ScriptedEngine = {
    name: "scripted",
    contextTokens,
    requests: [],
    pulled: 0,
    released: released.promise,
    began: began.promise,
    async *generate(request, signal) {
      engine.requests.push(request);
      began.resolve();
      try {
        for await (const event of script(request, signal)) {
          engine.pulled += 1;
          yield event;
        }
      } finally {
        released.resolve();
      }
    },
    close: () => Promise.resolve(),
  };
  return engine;
}

/** Resolves when the signal aborts, by throwing what engines throw. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => reject(new Error("the engine's own words: aborted"));
    if (signal.aborted) fail();
    else signal.addEventListener("abort", fail, { once: true });
  });
}

export async function* sayHello(): AsyncGenerator<EngineEvent, void, undefined> {
  yield await Promise.resolve<EngineEvent>({ type: "delta", reasoning: "thinking é" });
  yield { type: "delta", content: "Hello 中" };
  yield { type: "delta", content: "🙂" };
  yield { type: "finish", reason: "stop", usage: USAGE };
}

/** A platform whose quote shows the REPORTDATA that it was asked for, behind five bytes. */
export const testPlatform: Platform = {
  name: "test",
  teeProvider: "test-provider",
  teeHardware: "none",
  simulated: true,
  quote: (reportData) => Promise.resolve(Buffer.concat([Buffer.from("QUOTE"), reportData])),
  describe: () => Promise.resolve({ eventLog: [], info: { app_id: "app" } }),
  endorsements: () => Promise.resolve({ tcb_info: "{}" }),
  close: () => Promise.resolve(),
};

export interface RunningEnclave {
  readonly enclave: Enclave;
  readonly url: string;
  readonly modelKeyHex: string;
  post(body: unknown, headers?: Record<string, string>, signal?: AbortSignal): Promise<Response>;
}

/** Starts an enclave with `tee-demo` and `e2ee-demo` on one engine, and closes it after the test. */
export async function startEnclave(engine: Engine, options: Partial<EnclaveOptions> = {}): Promise<RunningEnclave> {
  const enclave = createEnclave({
    platform: testPlatform,
    models: [
      { id: "tee-demo", engine },
      { id: "e2ee-demo", engine },
    ],
    nowMs: () => NOW_MS,
    log: { level: "silent" },
    graceMs: 0,
    // Test runners set NODE_OPTIONS as they like.
    allowDebuggableProcess: true,
    ...options,
  });
  const { url } = await enclave.listen({ port: 0 });
  onTestFinished(() => enclave.close());
  return {
    enclave,
    url,
    modelKeyHex: toHex(enclave.publicKey),
    post: (body, headers = {}, signal) =>
      fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
        ...(signal === undefined ? {} : { signal }),
      }),
  };
}

export function sealedHeaders(modelKeyHex: string, clientKeyHex: string): Record<string, string> {
  return {
    "x-venice-tee-client-pub-key": clientKeyHex,
    "x-venice-tee-model-pub-key": modelKeyHex,
    "x-venice-tee-signing-algo": "ecdsa",
  };
}
