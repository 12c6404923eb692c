import { randomBytes } from "node:crypto";
import type { Adapter, AdapterResult, Target } from "./adapter.ts";
import type { ConformanceCase } from "./case.ts";
import { conformanceCases } from "./cases.ts";
import { startEvilProvider } from "./evil-provider.ts";
import { type GenuineSide, MODEL, startGenuineSide } from "./genuine-side.ts";
import { type CaseOutcome, judge } from "./judge.ts";

export interface ConformanceOptions {
  /** Milliseconds since 1970, for platform and enclave: the clock that the client judges evidence by. */
  readonly nowMs?: () => number;
  /** How long a client may take over one case; 15 seconds by default. */
  readonly timeoutMs?: number;
}

export interface RunOptions extends ConformanceOptions {
  /** Those of version 1 unless given; `sealedBodyCases` are for clients that seal requests whole. */
  readonly cases?: readonly ConformanceCase[];
}

/** A provider that can be met again and again, one case at a time. */
export interface Conformance {
  /** Has a client meet one case. @throws when the provider itself failed, which says nothing about the client */
  run(testCase: ConformanceCase, adapter: Adapter): Promise<CaseOutcome>;
  close(): Promise<void>;
}

/** Starts the enclave that stands behind the cases; a second one, on a machine with GPUs, when a case asks for them. */
export async function createConformance({ nowMs = Date.now, timeoutMs = 15_000 }: ConformanceOptions = {}): Promise<Conformance> {
  const plain = await startGenuineSide(nowMs);
  let withGpus: Promise<GenuineSide> | undefined;
  return {
    async run(testCase, adapter) {
      const genuine = testCase.gpus ? await (withGpus ??= startGenuineSide(nowMs, true)) : plain;
      const provider = await startEvilProvider(genuine, testCase.misbehaviour, nowMs);
      const { baseUrl, nvidiaUrl, trustRoot } = provider;
      const { gpus } = genuine;
      const target: Target = {
        baseUrl,
        apiKey: `key-${randomBytes(12).toString("hex")}`,
        model: testCase.model ?? MODEL,
        protocol: testCase.protocol ?? 1,
        trustRoot,
        gpuRoots: gpus ? [gpus.deviceRootDer, gpus.rimRootDer, gpus.nrasRootDer] : [],
        ...(gpus && { nvidiaUrl }),
        policy: { ...withChecks(genuine.policy, testCase.gpus?.require), ...(testCase.protocol && { protocol: testCase.protocol }) },
        prompt: `What lies behind the mask "${randomBytes(12).toString("hex")}" – è vero?`,
      };
      try {
        const result = await meet(adapter, target, timeoutMs);
        return judge(testCase, result, target, provider.calls);
      } finally {
        await provider.close();
      }
    },
    async close() {
      await plain.close();
      await (await withGpus)?.close();
    },
  };
}

/**
 * Has a client meet all cases, one after the other.
 * @returns a row for each case; a client conforms when every row is `ok`
 */
export async function runConformance(
  adapter: Adapter,
  { cases = conformanceCases, ...options }: RunOptions = {},
): Promise<readonly CaseOutcome[]> {
  const conformance = await createConformance(options);
  try {
    const outcomes: CaseOutcome[] = [];
    for (const testCase of cases) outcomes.push(await conformance.run(testCase, adapter));
    return outcomes;
  } finally {
    await conformance.close();
  }
}

/** The policy with further checks required. */
function withChecks(policy: GenuineSide["policy"], require: readonly string[] = []): object {
  return require.length > 0 ? { ...policy, require: [...(policy.require ?? []), ...require] } : policy;
}

async function meet(adapter: Adapter, target: Target, timeoutMs: number): Promise<AdapterResult | Error> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Error>((resolve) => {
    timer = setTimeout(() => resolve(new Error(`the client did not come to an end within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([adapter(target), late]);
  } catch (error) {
    return error instanceof Error ? error : new Error("the adapter threw something that is no error");
  } finally {
    clearTimeout(timer);
  }
}
