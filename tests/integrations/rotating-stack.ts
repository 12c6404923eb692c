import { parsePolicy } from "@bauta/attestation";
import { type Client, createClient } from "@bauta/client";
import { createEnclave, type Enclave, type Engine, type EnclaveOptions } from "@bauta/enclave";
import { createApiKey, createGateway, type GatewayParts } from "@bauta/gateway";
import { toHex } from "@bauta/protocol";
import { createSimulator } from "@bauta/simulator";

/** How many calls the gateway of these tests takes at once. */
const MAX_CALLS = 1100;

/** An engine that answers at once and counts, by what it was asked. */
export interface CountingEngine extends Engine {
  readonly counts: Map<string, number>;
  /** From now on answers wait, until they are released; `reached` settles when so many do. */
  hold(): { reached(count: number): Promise<void>; release(): void };
}

function createCountingEngine(): CountingEngine {
  const counts = new Map<string, number>();
  const waiting: true[] = [];
  let onWaiting: () => void = () => undefined;
  let gate: Promise<void> | undefined;
  return {
    name: "counts",
    contextTokens: 4096,
    counts,
    hold() {
      let release: () => void = () => undefined;
      gate = new Promise((resolve) => (release = resolve));
      waiting.length = 0;
      return {
        async reached(count) {
          while (waiting.length < count) await new Promise<void>((resolve) => (onWaiting = resolve));
        },
        release() {
          gate = undefined;
          release();
        },
      };
    },
    async *generate({ messages, rich }) {
      const content = (rich?.messages ?? messages).at(-1)?.content;
      const question = typeof content === "string" ? content : "";
      counts.set(question, (counts.get(question) ?? 0) + 1);
      if (gate) {
        waiting.push(true);
        onWaiting();
        await gate;
      }
      yield { type: "delta", content: `answer to ${question}` };
      yield { type: "finish", reason: "stop", usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } };
    },
    close: () => Promise.resolve(),
  };
}

/** One gateway, and enclaves behind it that come and go. */
export interface RotatingStack {
  readonly engine: CountingEngine;
  /** Moves the clock of all parties on. */
  passMs(ms: number): void;
  /** Stops an enclave by its place in the list, as an orchestrator would. */
  stop(place: number): Promise<void>;
  /** Starts another one, with a key of its own, where that was. */
  restart(place: number): Promise<void>;
  /** Settles when the gateway has verified the one that runs there now. */
  verified(place: number): Promise<void>;
  /** A client, and the models that it has asked attestations of. */
  client(version: "v1" | "v2"): { readonly client: Client; readonly attested: string[]; readonly keys: Set<string> };
  close(): Promise<void>;
}

/** @param models of each enclave; the same model may stand at several */
export async function startRotatingStack(
  models: readonly string[],
  options: Pick<EnclaveOptions, "bodyKeyRotateMs"> = {},
): Promise<RotatingStack> {
  let passedMs = 0;
  const nowMs = () => Date.now() + passedMs;
  const engine = createCountingEngine();
  const simulator = createSimulator({ nowMs: nowMs() });
  const policy = simulator.policy("test");
  const places = models.map((model) => ({ model, port: 0, url: "", enclave: undefined as Enclave | undefined }));

  async function start(place: (typeof places)[number]): Promise<void> {
    place.enclave = createEnclave({
      platform: simulator,
      models: [{ id: place.model, engine }],
      nowMs,
      log: { level: "silent" },
      // Test runners set NODE_OPTIONS as they like.
      allowDebuggableProcess: true,
      ...options,
    });
    const { url } = await place.enclave.listen({ port: place.port });
    place.url = url;
    place.port = Number(new URL(url).port);
  }
  const at = (place: number) => places[place] ?? expectPlace(place);

  for (const place of places) await start(place);
  let onStatus: () => void = () => undefined;
  const logger = createListener(() => onStatus());
  const { key: apiKey, sha256 } = createApiKey();
  const gateway = createGateway(
    {
      listen: { host: "127.0.0.1", port: 0 },
      keys: [{ name: "test", sha256 }],
      models: [...new Set(models)].map((id) => ({
        id,
        name: id,
        contextTokens: 4096,
        maxCompletionTokens: 4096,
        enclaves: places.filter(({ model }) => model === id).map(({ url }) => url),
        policy: parsePolicy(policy),
      })),
      trustRoots: [simulator.rootDer],
      limits: { concurrentRequests: MAX_CALLS },
      // So that whoever starts is noticed soon.
      attestation: { intervalMs: 250 },
      graceMs: 0,
    },
    { nowMs, logger },
  );
  const { url } = await gateway.listen();
  await gateway.firstVerification();

  return {
    engine,
    passMs(ms) {
      passedMs += ms;
    },
    async stop(place) {
      await at(place).enclave?.close();
    },
    restart: (place) => start(at(place)),
    async verified(place) {
      const { url: origin, enclave } = at(place);
      const modelKey = toHex(enclave?.publicKey ?? new Uint8Array());
      const isVerified = () =>
        gateway.replicas().some((replica) => replica.enclave === origin && replica.state === "verified" && replica.modelKey === modelKey);
      while (!isVerified()) await new Promise<void>((resolve) => (onStatus = resolve));
    },
    client(version) {
      const attested: string[] = [];
      const keys = new Set<string>();
      const client = createClient({
        baseURL: `${url}/api/v1`,
        apiKey,
        policy: version === "v2" ? { ...policy, protocol: 2 } : policy,
        trustRoots: [simulator.rootDer],
        nowMs,
        fetch(address, init) {
          const { pathname, searchParams } = new URL(address);
          if (pathname.endsWith("/tee/attestation")) attested.push(searchParams.get("model") ?? "");
          const key = new Headers(init.headers).get("x-venice-tee-model-pub-key");
          if (key !== null) keys.add(key);
          return fetch(address, init);
        },
      });
      return { client, attested, keys };
    },
    async close() {
      await gateway.close();
      for (const { enclave } of places) await enclave?.close();
    },
  };
}

function expectPlace(place: number): never {
  throw new Error(`there is no enclave ${place}`);
}

/** A log whose lines nobody reads: each may be news of an enclave. */
function createListener(onLine: () => void): NonNullable<GatewayParts["logger"]> {
  const levels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"].map((level) => [level, onLine]);
  const logger = { ...Object.fromEntries(levels), level: "info", child: () => logger };
  return logger as unknown as NonNullable<GatewayParts["logger"]>;
}
