import { type Collateral, parsePolicy } from "@bauta/attestation";
import { bautaOf, type Client, type ClientOptions, createClient, type OpenAIFetch, type Outcome } from "@bauta/client";
import { createEnclave, createOpenAiEngine } from "@bauta/enclave";
import { createApiKey, createGateway } from "@bauta/gateway";
import { createProxy, type RequestLine } from "@bauta/proxy";
import { createSimulator } from "@bauta/simulator";
import { serveProxy } from "../../apps/cli/src/proxy-server.ts";
import { type SpeakingEngine, startSpeakingEngine } from "./speaking-engine.ts";

export const TEE_MODEL = "tee-speaking";
export const E2EE_MODEL = "e2ee-speaking";

/** `v1`: messages sealed one by one, as the published protocol has it. `v2`: bodies sealed whole. */
export type Version = "v1" | "v2";

/** What a program is pointed at, in place of OpenAI. */
export interface Endpoint {
  readonly baseUrl: string;
  /** What the program takes for its OpenAI key. */
  readonly apiKey: string;
  /** Its own unless given. */
  readonly fetch?: OpenAIFetch;
}

/** Gateway, enclave and engine in this process, and the two ways to them: through `client.fetch`, and through the proxy. */
export interface Stack {
  readonly engine: SpeakingEngine;
  /** What stands for Intel's word on the enclave's machine, for servers that do not send it along. */
  readonly collateral: Collateral;
  /** All that left a client of this stack, in clear or not. */
  readonly sent: Uint8Array[];
  /** What the answers are worth that began since this was last asked; settles when they have ended. */
  outcomes(): Promise<readonly Outcome["status"][]>;
  client(version: Version, options?: Partial<ClientOptions>): Client;
  endpoint(via: "fetch" | "proxy", version: Version, options?: Partial<ClientOptions>): Promise<Endpoint>;
  close(): Promise<void>;
}

export async function startStack(): Promise<Stack> {
  const closers: (() => Promise<unknown>)[] = [];
  const engine = await startSpeakingEngine();
  closers.push(() => engine.close());
  const features = { tools: true, images: true, schemas: true, logprobs: true, embeddings: true };
  const toEngine = createOpenAiEngine({ baseUrl: engine.baseUrl, upstreamModel: "speaking", contextTokens: 4096, features });
  closers.push(() => toEngine.close());
  const simulator = createSimulator({ nowMs: Date.now() });
  const models = [TEE_MODEL, E2EE_MODEL];
  const enclave = createEnclave({
    platform: simulator,
    models: models.map((id) => ({ id, engine: toEngine })),
    nowMs: Date.now,
    log: { level: "silent" },
    graceMs: 0,
    // Test runners set NODE_OPTIONS as they like.
    allowDebuggableProcess: true,
  });
  closers.push(() => enclave.close());
  const { url: enclaveUrl } = await enclave.listen({ port: 0 });
  const policy = simulator.policy("test");
  const { key: apiKey, sha256 } = createApiKey();
  const gateway = createGateway({
    listen: { host: "127.0.0.1", port: 0 },
    keys: [{ name: "test", sha256 }],
    models: models.map((id) => ({
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
  closers.push(() => gateway.close());
  const { url } = await gateway.listen();
  await gateway.firstVerification();

  const sent: Uint8Array[] = [];
  let outcomes: Promise<Outcome["status"] | undefined>[] = [];
  const client: Stack["client"] = (version, options = {}) =>
    createClient({
      baseURL: `${url}/api/v1`,
      apiKey,
      policy: version === "v2" ? { ...policy, protocol: 2 } : policy,
      trustRoots: [simulator.rootDer],
      fetch(address, init) {
        if (init.body instanceof Uint8Array) sent.push(init.body);
        return fetch(address, init);
      },
      ...options,
    });

  /** The client's `fetch`, whose answers' outcomes are noted. */
  async function asFetch(bauta: Client): Promise<Endpoint> {
    const noting: OpenAIFetch = async (input, init) => {
      const response = await bauta.fetch(input, init);
      const marks = bautaOf(response);
      if (marks) outcomes.push(marks.outcome.then(({ status }) => status));
      return response;
    };
    return { baseUrl: bauta.baseURL, apiKey: "not-the-gateways", fetch: noting };
  }

  async function asProxy(bauta: Client): Promise<Endpoint> {
    const waiting: ((line: RequestLine) => void)[] = [];
    const handle = createProxy({ client: bauta, nowMs: Date.now, localKey: LOCAL_KEY, onRequest: (line) => waiting.shift()?.(line) });
    const { url: proxyUrl, close } = await serveProxy(
      (request) => {
        outcomes.push(new Promise<RequestLine>((resolve) => waiting.push(resolve)).then(({ outcome }) => outcome));
        return handle(request);
      },
      { host: "127.0.0.1", port: 0 },
    );
    closers.push(close);
    return { baseUrl: `${proxyUrl}/v1`, apiKey: LOCAL_KEY };
  }

  return {
    engine,
    collateral: simulator.collateral,
    sent,
    async outcomes() {
      const settled = await Promise.all(outcomes);
      outcomes = [];
      return settled.filter((outcome) => outcome !== undefined);
    },
    client,
    endpoint: (via, version, options) => (via === "fetch" ? asFetch : asProxy)(client(version, options)),
    async close() {
      for (const close of closers.splice(0).toReversed()) await close();
    },
  };
}

const LOCAL_KEY = "local-key-1d07";
