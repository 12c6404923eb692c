import { once } from "node:events";
import { createServer, connect, type AddressInfo, type Socket } from "node:net";
import { inspect } from "node:util";
import { parsePolicy } from "@bauta/attestation";
import { type Client, createClient } from "@bauta/client";
import { createEnclave, type Enclave, type Engine, type Platform } from "@bauta/enclave";
import { createApiKey, createGateway, type Gateway, type GatewayParts } from "@bauta/gateway";
import { createSimulator, type Simulator, type SimulatorOptions } from "@bauta/simulator";

export const TEE_MODEL = "tee-test";
export const E2EE_MODEL = "e2ee-test";

/** Everything that passed between two parties, in each direction, as it stood on the wire. */
export interface Wire {
  readonly up: Buffer[];
  readonly down: Buffer[];
}

export interface StackOptions {
  readonly engine: Engine;
  readonly simulator?: Omit<SimulatorOptions, "nowMs">;
  /** Replaces what the enclave says about itself. */
  readonly platform?: (simulator: Simulator) => Platform;
}

/** Client, gateway and enclave in this process, with a recorder on each wire and every log line at trace level. */
export interface Stack {
  readonly client: Client;
  /** Base URL of the public API, through the recorder. */
  readonly baseUrl: string;
  readonly enclaveUrl: string;
  readonly apiKey: string;
  readonly enclave: Enclave;
  readonly gateway: Gateway;
  /** Between client and gateway. */
  readonly outer: Wire;
  /** Between gateway and enclave. */
  readonly inner: Wire;
  readonly logs: string[];
  /**
   * A client of the same gateway at another address, such as a relay's.
   * @param rules of its policy, beside those that pin the build
   */
  clientAt(baseUrl: string, rules?: { readonly protocol: 2 }): Client;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

export async function startStack({ engine, simulator: options, platform = (machine) => machine }: StackOptions): Promise<Stack> {
  const logs: string[] = [];
  const simulator = createSimulator({ ...options, nowMs: Date.now() });
  const enclave = createEnclave({
    platform: platform(simulator),
    models: [
      { id: TEE_MODEL, engine },
      { id: E2EE_MODEL, engine },
    ],
    nowMs: Date.now,
    log: { level: "trace", stream: { write: (line: string) => void logs.push(line) } },
    graceMs: 0,
    // Test runners set NODE_OPTIONS as they like.
    allowDebuggableProcess: true,
  });
  const { url: enclaveUrl, port: enclavePort } = await enclave.listen({ port: 0 });
  const inner = await startRecorder(enclavePort);

  const policy = simulator.policy("test");
  const { key: apiKey, sha256 } = createApiKey();
  const gateway = createGateway(
    {
      listen: { host: "127.0.0.1", port: 0 },
      keys: [{ name: "test", sha256 }],
      models: [TEE_MODEL, E2EE_MODEL].map((id) => ({
        id,
        name: id,
        contextTokens: 4096,
        maxCompletionTokens: 4096,
        enclaves: [inner.url],
        policy: parsePolicy(policy),
      })),
      trustRoots: [simulator.rootDer],
      graceMs: 0,
    },
    { logger: captureLog(logs) },
  );
  const { url } = await gateway.listen();
  await gateway.firstVerification();
  const outer = await startRecorder(Number(new URL(url).port));
  const baseUrl = `${outer.url}/api/v1`;
  const clientAt: Stack["clientAt"] = (baseURL, rules) =>
    createClient({ baseURL, apiKey, policy: { ...policy, ...rules }, trustRoots: [simulator.rootDer] });

  return {
    client: clientAt(baseUrl),
    baseUrl,
    enclaveUrl,
    apiKey,
    enclave,
    gateway,
    outer: outer.wire,
    inner: inner.wire,
    logs,
    clientAt,
    fetch: (path, { headers, ...init } = {}) =>
      fetch(`${baseUrl}${path}`, {
        ...init,
        headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json", ...(headers as Record<string, string>) },
      }),
    async close() {
      await outer.close();
      await gateway.close();
      await inner.close();
      await enclave.close();
    },
  };
}

/** All that one side sent, joined, so that nothing hides between two packets. */
export function recorded({ up, down }: Wire): Buffer {
  return Buffer.concat([...up, ...down]);
}

async function startRecorder(port: number): Promise<{ readonly url: string; readonly wire: Wire; close(): Promise<void> }> {
  const wire: Wire = { up: [], down: [] };
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket
        .on("error", () => {})
        .on("close", () => {
          sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
    }
    near.on("data", (bytes) => void wire.up.push(bytes));
    far.on("data", (bytes) => void wire.down.push(bytes));
    near.pipe(far);
    far.pipe(near);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    wire,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

type Logger = NonNullable<GatewayParts["logger"]>;

/** Keeps whatever is handed to a logger, before any serializer could make it harmless. */
function captureLog(lines: string[]): Logger {
  const write = (...values: unknown[]): void =>
    void lines.push(
      values.map((value) => (typeof value === "string" ? value : inspect(value, { depth: null, maxStringLength: null }))).join(" "),
    );
  const logger = {
    level: "trace",
    trace: write,
    debug: write,
    info: write,
    warn: write,
    error: write,
    fatal: write,
    silent: () => {},
    child: () => logger,
  };
  return logger as unknown as Logger;
}
