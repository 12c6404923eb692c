import type { Policy } from "./policy/policy.ts";

/**
 * What a client takes from here: all that it needs before it appraises for the first time. The verifier itself comes with
 * the first appraisal, so that a page is usable before it has loaded it. The package's root has everything at once.
 */
export { type AppraisalRequest, type Appraiser, createAppraiser } from "./appraiser.ts";
export type { Collateral } from "./collateral/collateral.ts";
export { CollateralError } from "./collateral/collateral-error.ts";
export type { CollateralSource } from "./collateral/fetch-collateral.ts";
export type { RollbackMemory } from "./collateral/rollback-memory.ts";
export { EvidenceError, parseAttestationAnswer } from "./evidence/attestation-answer.ts";
export type { Evidence } from "./evidence/evidence.ts";
export type { GpuEndorsementSource } from "./nvidia/fetch-gpu-endorsements.ts";
export { diffBuild, type PolicyDifference } from "./policy/diff.ts";
export { assertProven, PinError } from "./policy/pin.ts";
export { nearestName } from "./policy/nearest-name.ts";
export { parsePolicy, type Policy, PolicyError } from "./policy/policy.ts";
export { chooseSealing, type Sealing } from "./report/sealing.ts";
export type { AttestationResult } from "./result.ts";
export { sortTrustRoots } from "./trust-roots.ts";
export { parsePemCertificates } from "./x509/pem.ts";
export { CertificateError } from "./x509/x509.ts";

/** {@link readPolicyText}, loaded when it is asked for: most of it is YAML. */
export async function loadPolicyText(text: string): Promise<Policy> {
  const { readPolicyText } = await import("./policy/policy-text.ts");
  return readPolicyText(text);
}
