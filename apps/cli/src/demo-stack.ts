import { parsePolicy } from "@bauta/attestation";
import { createEnclave } from "@bauta/enclave";
import { createApiKey, createGateway } from "@bauta/gateway";
import { openDemoFolder, writePrivate } from "./demo-folder.ts";
import { createDemoPlatform } from "./demo-platform.ts";
import { chooseEngine, type EngineChoice } from "./engine-choice.ts";
import { CommandError, EXIT } from "./exit.ts";

export interface DemoOptions extends EngineChoice {
  /** 0 takes any free port. */
  readonly gatewayPort: number;
  /** Where keys, roots, policy and settings stay from one start to the next; a new folder, removed at the end, unless given. */
  readonly dir?: string | undefined;
  readonly quoteEncoding: "base64" | "hex";
  /** Refuse what the published format allows and the client never sends; see `OpenRequestOptions.strict`. */
  readonly strict?: boolean | undefined;
  readonly logLevel: "silent" | "error" | "info" | "trace";
}

/** The three parties, running in this process on loopback. */
export interface DemoStack {
  /** Base URL of the public API. */
  readonly baseUrl: string;
  readonly apiKey: string;
  /** `tee-…` and `e2ee-…`. */
  readonly models: readonly [string, string];
  /** What answers, for people. */
  readonly engine: string;
  /** The GPUs that the enclave shows, for people. */
  readonly gpus: string;
  /** The simulator's roots, PEM: of its machine, its GPUs, their manifests and NRAS. */
  readonly trustRootFile: string;
  /** A policy that pins this demo's build. */
  readonly policyFile: string;
  /** Sets `BAUTA_BASE_URL` and `BAUTA_API_KEY` in a shell. */
  readonly envFile: string;
  close(): Promise<void>;
}

/** Nobody asks a demo for the receipt of an answer of long ago. */
const KEPT_RECEIPTS = 1000;

/**
 * Starts engine, enclave (on the simulator) and gateway, and writes what a client needs to verify them.
 * @param progress is told each step before it begins
 * @throws what the part that failed throws; everything started before it is closed again
 */
export async function startDemo(options: DemoOptions, progress: (step: string) => void): Promise<DemoStack> {
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const step of closers.splice(0).toReversed()) await step();
  };
  try {
    progress("starting the engine");
    const { engine, label, description } = await chooseEngine(options);
    closers.push(() => engine.close());

    progress("starting a simulated enclave");
    const folder = await openDemoFolder(options.dir, Date.now());
    closers.push(() => folder.close());
    const { platform, gpus, trustRoots, trustRootsPem, policy } = createDemoPlatform(Date.now, folder);
    closers.push(() => platform.close());
    const models = [`tee-${label}`, `e2ee-${label}`] as const;
    const enclave = createEnclave({
      platform,
      models: models.map((id) => ({ id, engine })),
      nowMs: Date.now,
      strict: options.strict ?? false,
      receipts: { maxEntries: KEPT_RECEIPTS },
      allowDebuggableProcess: true,
      log: { level: options.logLevel },
    });
    closers.push(() => enclave.close());
    const { url: enclaveUrl } = await enclave.listen({ host: "127.0.0.1", port: 0 });

    progress("starting the gateway");
    const { key: apiKey, sha256 } = createApiKey(folder.apiKey);
    const gateway = createGateway({
      listen: { host: "127.0.0.1", port: options.gatewayPort },
      keys: [{ name: "demo", sha256 }],
      models: models.map((id) => ({
        id,
        name: `${label} (SIMULATED)`,
        contextTokens: engine.contextTokens,
        maxCompletionTokens: engine.contextTokens,
        enclaves: [enclaveUrl],
        policy: parsePolicy(policy),
      })),
      trustRoots,
      limits: { receipts: KEPT_RECEIPTS },
      quoteEncoding: options.quoteEncoding,
      logLevel: options.logLevel,
    });
    closers.push(() => gateway.close());
    const { url } = await gateway.listen().catch((error: unknown) => {
      const code: unknown = error instanceof Error && "code" in error ? error.code : undefined;
      if (code !== "address_in_use") throw error;
      const why = `port ${options.gatewayPort} on 127.0.0.1 is already in use`;
      const taken = new CommandError(`${why}; choose another with --gateway-port, or 0 for any free one`, EXIT.failed, error);
      throw Object.assign(taken, { code });
    });
    const refused = (await gateway.firstVerification()).find(({ state }) => state !== "verified");
    if (refused) throw new CommandError(`the gateway could not verify its own enclave: ${JSON.stringify(refused)}`);

    const baseUrl = `${url}/api/v1`;
    const trustRootFile = await writePrivate(folder.path, "simulator-roots.pem", trustRootsPem);
    const policyFile = await writePrivate(folder.path, "policy.json", `${JSON.stringify(policy, null, 2)}\n`);
    const envFile = await writePrivate(folder.path, "env", `export BAUTA_BASE_URL=${baseUrl}\nexport BAUTA_API_KEY=${apiKey}\n`);

    return {
      baseUrl,
      apiKey,
      models,
      engine: description,
      gpus: `${gpus.count} ${gpus.arch}, driver ${gpus.driver}, VBIOS ${gpus.vbios}`,
      trustRootFile,
      policyFile,
      envFile,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
