import { parsePolicy } from "@bauta/attestation";
import { type Client, type ClientOptions, createClient } from "@bauta/client";
import { createEnclave, type Engine } from "@bauta/enclave";
import { createApiKey, createGateway } from "@bauta/gateway";
import { createSimulator } from "@bauta/simulator";

export const TEE_MODEL = "tee-test";
export const E2EE_MODEL = "e2ee-test";

/** Gateway and enclave in this process, as clients of OpenAI's API meet them. */
export interface ClientsStack {
  readonly apiKey: string;
  /** By messages that are sealed one by one, as the published protocol has it. */
  v1(options?: Partial<ClientOptions>): Client;
  /** By bodies that are sealed whole. */
  v2(options?: Partial<ClientOptions>): Client;
  /** Bodies of the requests that left a client of this stack, as they were. */
  readonly sent: Uint8Array[];
  close(): Promise<void>;
}

export async function startClientsStack(engine: Engine): Promise<ClientsStack> {
  const simulator = createSimulator({ nowMs: Date.now() });
  const enclave = createEnclave({
    platform: simulator,
    models: [TEE_MODEL, E2EE_MODEL].map((id) => ({ id, engine })),
    nowMs: Date.now,
    log: { level: "silent" },
    graceMs: 0,
    // Test runners set NODE_OPTIONS as they like.
    allowDebuggableProcess: true,
  });
  const { url: enclaveUrl } = await enclave.listen({ port: 0 });
  const policy = simulator.policy("test");
  const { key: apiKey, sha256 } = createApiKey();
  const gateway = createGateway({
    listen: { host: "127.0.0.1", port: 0 },
    keys: [{ name: "test", sha256 }],
    models: [TEE_MODEL, E2EE_MODEL].map((id) => ({
      id,
      name: id,
      contextTokens: 4096,
      maxCompletionTokens: 4096,
      enclaves: [enclaveUrl],
      policy: parsePolicy(policy),
    })),
    trustRoots: [simulator.rootDer],
    logLevel: "silent",
    graceMs: 0,
  });
  const { url } = await gateway.listen();
  await gateway.firstVerification();

  const sent: Uint8Array[] = [];
  const common = {
    baseURL: `${url}/api/v1`,
    apiKey,
    trustRoots: [simulator.rootDer],
    fetch: (address: string, init: RequestInit) => {
      if (init.body instanceof Uint8Array) sent.push(init.body);
      return fetch(address, init);
    },
  };
  return {
    apiKey,
    sent,
    v1: (options = {}) => createClient({ ...common, policy, ...options }),
    v2: (options = {}) => createClient({ ...common, policy: { ...policy, protocol: 2 }, ...options }),
    async close() {
      await gateway.close();
      await enclave.close();
    },
  };
}
