import { bindNonce, type CryptoBackend } from "@bauta/protocol";
import type { AppraisalInput } from "./appraise.ts";
import type { Collateral } from "./collateral/collateral.ts";
import { collateralNeed } from "./collateral/collateral-need.ts";
import type { CollateralSource } from "./collateral/fetch-collateral.ts";
import type { CollateralError } from "./collateral/collateral-error.ts";
import { createRollbackMemory, type RollbackMemory } from "./collateral/rollback-memory.ts";
import type { Evidence } from "./evidence/evidence.ts";
import type { GpuEndorsementSource } from "./nvidia/fetch-gpu-endorsements.ts";
import type { GpuEndorsements } from "./nvidia/gpu-endorsements.ts";
import type { AttestationResult } from "./result.ts";
import { createCollateralCache } from "./tdx/collateral-cache.ts";
import { sortTrustRoots } from "./trust-roots.ts";

/** What all appraisals of one relying party share. */
export interface AppraiserOptions {
  readonly trustRoots?: readonly Uint8Array[] | undefined;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Asked where an answer brings no endorsements of its own. */
  readonly collateral?: CollateralSource | undefined;
  /** Asked for what an answer with GPU evidence does not bring along. */
  readonly gpuEndorsements?: GpuEndorsementSource | undefined;
  /** Told what could not be had about GPUs: the checks that need it are not made. */
  readonly onGpuProblem?: ((problem: CollateralError) => void) | undefined;
  /** In memory unless given. */
  readonly memory?: RollbackMemory | undefined;
  readonly backend?: CryptoBackend | undefined;
}

/** One appraisal: evidence, and what this request expects of it. */
export type AppraisalRequest = Pick<
  AppraisalInput,
  "evidence" | "policy" | "nonce" | "model" | "scope" | "endorsements" | "gpuEndorsements"
>;

/** Appraises one answer after the other: finds the collateral, verifies each set once, and remembers its numbers. */
export interface Appraiser {
  /**
   * The collateral to appraise evidence with: its own endorsements, or else what the source has for its machine. The
   * evidence's own spare a request, and what is old among them is noticed by its numbers.
   * @returns undefined when there is none
   * @throws CollateralError when the source fails
   */
  endorsements(evidence: Evidence, signal?: AbortSignal): Promise<Collateral | undefined>;
  /**
   * What to appraise the evidence's GPUs with: its own endorsements, and what the source has where they are about something
   * else or out of date. NVIDIA's service is asked for its opinion, and so sent the evidence, only under a policy that
   * requires `gpu.nras`.
   * @returns undefined when there are no GPUs, or nothing about them; what the source fails in is left out and told
   * @throws the signal's reason
   */
  gpuEndorsements(
    request: Pick<AppraisalRequest, "evidence" | "policy" | "nonce">,
    signal?: AbortSignal,
  ): Promise<GpuEndorsements | undefined>;
  /**
   * @param request with `endorsements` and `gpuEndorsements`, or they are found as the methods of these names do
   * @throws CollateralError when the source fails, and what the memory's store throws; otherwise as `appraise`
   */
  appraise(request: AppraisalRequest, signal?: AbortSignal): Promise<AttestationResult>;
}

/** Creates an appraiser; it holds verified collateral and the highest numbers seen, nothing of any request. */
export function createAppraiser(options: AppraiserOptions): Appraiser {
  const { trustRoots, nowMs, collateral, gpuEndorsements: gpuSource, memory = createRollbackMemory(), backend } = options;
  const { onGpuProblem = () => {} } = options;
  const cache = createCollateralCache();
  const { remembered } = memory;
  const findEndorsements = async ({ endorsements, quote }: Evidence, signal?: AbortSignal) => {
    if (endorsements || !collateral) return endorsements;
    const need = collateralNeed(quote);
    return need && (await collateral.fetch(need, signal));
  };
  const findGpuEndorsements: Appraiser["gpuEndorsements"] = async ({ evidence, policy, nonce }, signal) => {
    const { nvidiaPayload, gpuEndorsements: own } = evidence;
    if (nvidiaPayload === undefined || !gpuSource) return own;
    const bound = policy.require.includes("gpu.nras") && nonce ? bindNonce(nonce.query, nonce.sealed)?.bytes : undefined;
    const { gpuEndorsementGap } = await import("./nvidia/gpu-gap.ts");
    // Manifests and answers that came along spare requests; nobody but NVIDIA's service gives its opinion.
    const need = await gpuEndorsementGap(nvidiaPayload, sortTrustRoots(trustRoots ?? []).gpu, {
      own,
      nowMs: nowMs(),
      secondOpinion: bound,
    });
    if (!need) return own;
    const fetched = await gpuSource.fetch(need, signal);
    for (const problem of fetched.problems) onGpuProblem(problem);
    const { rims, ocsp, nras } = fetched.endorsements;
    // What was fetched goes first: only so many are looked at, and whoever sent the others may have sent as many.
    return { rims: [...rims, ...(own?.rims ?? [])], ocsp: [...ocsp, ...(own?.ocsp ?? [])], ...(nras && { nras }) };
  };
  return {
    endorsements: findEndorsements,
    gpuEndorsements: findGpuEndorsements,
    async appraise(request, signal) {
      const [endorsements, gpuEndorsements] = await Promise.all([
        request.endorsements ?? findEndorsements(request.evidence, signal),
        request.gpuEndorsements ?? (request.scope === "platform" ? undefined : findGpuEndorsements(request, signal)),
      ]);
      // The verifier is most of what a page would have to load before it can be used; it is needed from here on.
      const { appraise } = await import("./appraise.ts");
      const result = await appraise({ ...request, endorsements, gpuEndorsements, trustRoots, nowMs: nowMs(), remembered, cache, backend });
      if (result.collateral) await memory.note(result.collateral.numbers);
      return result;
    },
  };
}
