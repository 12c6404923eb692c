import { type AttestationResult, type Check, CHECK_IDS, type CheckId, type GpuAppraisal, type Policy } from "@bauta/attestation";
import type { ObtainedGpuEndorsements } from "./obtain-gpu-endorsements.ts";

/** What came of judging GPUs without the enclave that they are said to be in. */
export interface GpuResult extends Pick<AttestationResult, "ok" | "simulated" | "claims"> {
  readonly scope: "gpus";
  /** The `gpu.*` checks, in the order of every result. */
  readonly checks: readonly Check[];
}

/** Without these nothing is known of any GPU. */
const EVIDENCE: readonly CheckId[] = ["gpu.present", "gpu.nonce", "gpu.cert-chain", "gpu.report-signature"];
/** What their firmware is held against. */
const MANIFESTS: readonly CheckId[] = ["gpu.rim-driver", "gpu.rim-vbios", "gpu.measurements", "gpu.debug-off"];
/** The enclave's word, of which there is none here. */
const OF_ENCLAVES: ReadonlySet<CheckId> = new Set(["gpu.named-by-enclave", "gpu.bound-to-cpu"]);

/**
 * Decides on GPUs by themselves. Their evidence always has to hold; what NVIDIA says about them has to be there as well,
 * unless nobody was asked for it, so that nobody on the way can make a result better by keeping it back. A policy can
 * require more of the `gpu.*` checks.
 */
export function judgeGpus(
  { findings, claims, simulated }: GpuAppraisal,
  { require }: Pick<Policy, "require">,
  { source, endorsements }: ObtainedGpuEndorsements,
): GpuResult {
  const asked = source === "service";
  const required = new Set<CheckId>([
    ...EVIDENCE,
    ...(source === "none" ? [] : MANIFESTS),
    ...(asked || (source === "files" && (endorsements?.ocsp.length ?? 0) > 0) ? (["gpu.revocation"] as const) : []),
    ...require.filter((id) => id.startsWith("gpu.") && !OF_ENCLAVES.has(id)),
  ]);
  const checks = CHECK_IDS.flatMap((id) => {
    const finding = findings.find((each) => each.id === id);
    return finding ? [{ ...finding, required: required.has(id) || finding.status === "fail" }] : [];
  });
  return { ok: checks.every(({ status, required: must }) => status === "pass" || !must), scope: "gpus", simulated, checks, claims };
}
