import type { CryptoBackend } from "@bauta/protocol";
import { appraise, type AppraisalInput } from "./appraise.ts";
import type { Collateral } from "./collateral/collateral.ts";
import { collateralNeed } from "./collateral/collateral-need.ts";
import type { CollateralSource } from "./collateral/fetch-collateral.ts";
import { createRollbackMemory, type RollbackMemory } from "./collateral/rollback-memory.ts";
import type { Evidence } from "./evidence/evidence.ts";
import type { AttestationResult } from "./result.ts";
import { createCollateralCache } from "./tdx/collateral-cache.ts";

/** What all appraisals of one relying party share. */
export interface AppraiserOptions {
  readonly trustRoots?: readonly Uint8Array[] | undefined;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Asked where an answer brings no endorsements of its own. */
  readonly collateral?: CollateralSource | undefined;
  /** In memory unless given. */
  readonly memory?: RollbackMemory | undefined;
  readonly backend?: CryptoBackend | undefined;
}

/** One appraisal: evidence, and what this request expects of it. */
export type AppraisalRequest = Pick<AppraisalInput, "evidence" | "policy" | "nonce" | "model" | "scope" | "endorsements">;

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
   * @param request with `endorsements`, or they are found as {@link Appraiser.endorsements} does
   * @throws CollateralError when the source fails, and what the memory's store throws; otherwise as `appraise`
   */
  appraise(request: AppraisalRequest, signal?: AbortSignal): Promise<AttestationResult>;
}

/** Creates an appraiser; it holds verified collateral and the highest numbers seen, nothing of any request. */
export function createAppraiser(options: AppraiserOptions): Appraiser {
  const { trustRoots, nowMs, collateral, memory = createRollbackMemory(), backend } = options;
  const cache = createCollateralCache();
  const { remembered } = memory;
  const findEndorsements = async ({ endorsements, quote }: Evidence, signal?: AbortSignal) => {
    if (endorsements || !collateral) return endorsements;
    const need = collateralNeed(quote);
    return need && (await collateral.fetch(need, signal));
  };
  return {
    endorsements: findEndorsements,
    async appraise(request, signal) {
      const endorsements = request.endorsements ?? (await findEndorsements(request.evidence, signal));
      const result = await appraise({ ...request, endorsements, trustRoots, nowMs: nowMs(), remembered, cache, backend });
      if (result.collateral) await memory.note(result.collateral.numbers);
      return result;
    },
  };
}
