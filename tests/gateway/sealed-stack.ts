import { parsePolicy } from "@bauta/attestation";
import { createEnclave, type Enclave, type Engine } from "@bauta/enclave";
import { createApiKey, createGateway, type Gateway } from "@bauta/gateway";
import { toHex } from "@bauta/protocol";
import { createSimulator } from "@bauta/simulator";
import { Identity, Transport } from "ehbp";
import { onTestFinished } from "vitest";

export const MODELS = ["e2ee-test", "tee-test"] as const;
const NONCE = "ab".repeat(32);

/** Several enclaves on one engine each, and a gateway before them. */
export interface SealedStack {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly policy: object;
  readonly trustRoots: readonly Uint8Array[];
  readonly gateway: Gateway;
  readonly enclaves: readonly { readonly enclave: Enclave; readonly url: string; readonly modelKey: string }[];
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** A client of EHBP that is not ours, of the enclave that answered its attestation request. */
export interface OutsideClient {
  readonly modelKey: string;
  /** RFC 9458 §3. */
  readonly keyConfig: Uint8Array;
  /** Seals, sends, opens, with the headers that route. */
  send(path: string, body: object, headers?: Record<string, string>): Promise<Response>;
}

/** Starts one enclave for each engine; everything is closed after the test. */
export async function startSealedStack(engines: readonly Engine[]): Promise<SealedStack> {
  const simulator = createSimulator({ nowMs: Date.now() });
  const enclaves: { enclave: Enclave; url: string; modelKey: string }[] = [];
  for (const engine of engines) {
    const enclave = createEnclave({
      platform: simulator,
      models: MODELS.map((id) => ({ id, engine })),
      nowMs: Date.now,
      log: { level: "silent" },
      graceMs: 0,
      // Test runners set NODE_OPTIONS as they like.
      allowDebuggableProcess: true,
    });
    const { url } = await enclave.listen({ port: 0 });
    onTestFinished(() => enclave.close());
    enclaves.push({ enclave, url, modelKey: toHex(enclave.publicKey) });
  }
  const policy = simulator.policy("test");
  const { key: apiKey, sha256 } = createApiKey();
  const gateway = createGateway({
    listen: { host: "127.0.0.1", port: 0 },
    keys: [{ name: "test", sha256 }],
    models: MODELS.map((id) => ({
      id,
      name: id,
      contextTokens: 4096,
      maxCompletionTokens: 4096,
      enclaves: enclaves.map(({ url }) => url),
      policy: parsePolicy(policy),
    })),
    trustRoots: [simulator.rootDer],
    graceMs: 0,
    logLevel: "silent",
  });
  const { url } = await gateway.listen();
  onTestFinished(() => gateway.close());
  await gateway.firstVerification();
  const baseUrl = `${url}/api/v1`;
  return {
    baseUrl,
    apiKey,
    policy,
    trustRoots: [simulator.rootDer],
    gateway,
    enclaves,
    fetch: (path, { headers, ...init } = {}) =>
      fetch(baseUrl + path, { ...init, headers: { authorization: `Bearer ${apiKey}`, ...(headers as Record<string, string>) } }),
  };
}

/** Attests through the gateway and makes a client of whichever enclave answered; what it says is not appraised here. */
export async function connectOutsideClient(baseUrl: string, apiKey: string, model: string): Promise<OutsideClient> {
  const authorization = `Bearer ${apiKey}`;
  const asked = await fetch(`${baseUrl}/tee/attestation?model=${model}&nonce=${NONCE}`, { headers: { authorization } });
  const { keys, signing_key: modelKey } = (await asked.json()) as { keys: string; signing_key: string };
  const keyConfig = Buffer.from((JSON.parse(keys) as { hpke_key_config: string }).hpke_key_config, "hex");
  const transport = new Transport(await Identity.unmarshalPublicConfig(keyConfig), new URL(baseUrl).host);
  return {
    modelKey,
    keyConfig,
    send: (path, body, headers = {}) =>
      transport.post(baseUrl + path, JSON.stringify(body), {
        headers: { authorization, "bauta-model": model, "x-venice-tee-model-pub-key": modelKey, ...headers },
      }),
  };
}
