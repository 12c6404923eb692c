import { type Finding, notChecked } from "../result.ts";
import { appraiseGpuEvidence, type GpuEvidenceInput } from "./appraise-gpu-evidence.ts";
import type { GpuClaim } from "./gpu-claim.ts";
import type { GpuEndorsements } from "./gpu-endorsements.ts";
import { appraiseRevocation } from "./gpu-revocation.ts";
import { appraiseSecondOpinion } from "./gpu-second-opinion.ts";
import { appraiseSwitches } from "./gpu-switches.ts";

/** What the appraisal of GPUs works on. Nothing is fetched, and no clock is read. */
export interface GpuInput extends Omit<GpuEvidenceInput, "rims"> {
  /** What NVIDIA says about the devices. All of it is signed, so it does not matter where it came from. */
  readonly endorsements?: GpuEndorsements | undefined;
  /** Who has to have issued NRAS's tokens; NVIDIA unless given. */
  readonly nrasIssuer?: string | undefined;
}

/** What came of it. */
export interface GpuAppraisal {
  /** One for each `gpu.*` check. */
  readonly findings: readonly Finding[];
  /** In the order of the evidence; only if chain, signature and nonce hold for all GPUs, and each is another one. */
  readonly claims: { readonly gpus?: readonly GpuClaim[] };
  /** A device, a manifest or the second opinion rests on a root that the caller named. */
  readonly simulated: boolean;
}

/**
 * Appraises the GPUs whose evidence came with an answer: the evidence itself with NVIDIA's manifests, whether NVIDIA has
 * withdrawn a certificate, the switches between GPUs, and what NVIDIA's service says. Every check is made and listed, also after one has failed. Bad
 * evidence never throws.
 * @throws RangeError when the nonce is not 32 bytes or `nowMs` not finite: both are the caller's faults
 * @see spec/verification.md, "NVIDIA GPUs"
 */
export async function appraiseGpus(input: GpuInput): Promise<GpuAppraisal> {
  const { endorsements, nrasIssuer, nonce, nowMs, roots, rules } = input;
  const { rims = [], ocsp = [], nras } = endorsements ?? {};
  const { findings, gpus, switches, manifests, missing, claims, simulated } = await appraiseGpuEvidence({ ...input, rims });
  if (missing !== undefined) {
    const skipped = (["gpu.revocation", "gpu.nras"] as const).map((id) => notChecked(id, missing));
    const joined = switches.length > 0 ? appraiseSwitches(switches, gpus) : notChecked("gpu.switches", missing);
    return { findings: [...findings, joined, ...skipped], claims, simulated };
  }
  const named = roots.named.map(({ der }) => der);
  const [revocation, opinion] = await Promise.all([
    appraiseRevocation([...gpus, ...switches], manifests, ocsp, { nowMs, allowHold: rules.allow_hold }),
    appraiseSecondOpinion(nras, gpus, { nonce, nowMs, roots: named, ...(nrasIssuer !== undefined && { issuer: nrasIssuer }) }),
  ]);
  return {
    findings: [...findings, appraiseSwitches(switches, gpus), revocation, opinion.finding],
    claims,
    simulated: simulated || opinion.simulated,
  };
}
