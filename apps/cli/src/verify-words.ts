import type { AttestationResult } from "@bauta/attestation";
import type { ShownResult } from "./show-result.ts";
import type { VerifyInput } from "./verify-input.ts";

/** Intel's root certificate is of 2018-05-21, and ends with 2049. */
const FIRST_MS = Date.UTC(2018, 4, 21);
const LAST_MS = Date.UTC(2050, 0, 1);

/** What a result rests on, by name. */
export function describeBasis({ appraisal, ...from }: VerifyInput, momentGiven: boolean): ShownResult["basis"] {
  return [
    ["judged for", describeMoment(appraisal.nowMs, momentGiven)],
    ["collateral", from.collateralFrom],
    ...(from.gpusFrom === undefined ? [] : [["GPU manifests", from.gpusFrom] as const]),
    ["policy", from.policyFrom],
  ];
}

/** A moment for people. @param momentGiven false for now */
export function describeMoment(nowMs: number, momentGiven: boolean): string {
  const moment = new Date(nowMs).toISOString().replace(/\.000Z$/, "Z");
  return momentGiven ? moment : `${moment} (now)`;
}

/** What nobody should read out of a result, and what may be the matter beside the evidence. */
export function describeLimits({ appraisal }: VerifyInput, { checks }: AttestationResult, momentGiven: boolean): readonly string[] {
  const notes: string[] = [];
  if (appraisal.scope === "platform") {
    notes.push(
      appraisal.policy.builds.length > 0
        ? "Platform and measurements were judged, nothing else: a quote by itself does not show that this enclave answers you, nor for whom it holds a key."
        : "The platform alone was judged: nothing here says whose enclave made this quote, what runs in it, or whether it answers you.",
    );
  }
  const moment = new Date(appraisal.nowMs).toISOString().slice(0, 10);
  const late = checks.some(({ id, status }) => id === "tdx.collateral-current" && status === "fail");
  const source = momentGiven ? "--at" : "This machine's clock";
  if (appraisal.nowMs < FIRST_MS || appraisal.nowMs >= LAST_MS)
    notes.push(
      `${source} says ${moment}, when no certificate of Intel's TDX is valid: set the clock right${momentGiven ? ", or give another moment" : ", or give the moment with --at"}.`,
    );
  else if (late && !momentGiven)
    notes.push(
      `This machine's clock says ${moment}: if that is wrong, set the clock; to judge recorded evidence, give its moment with --at.`,
    );
  return notes;
}
