import { type CheckId, failed, type Finding, notChecked } from "../result.ts";
import { orFault } from "../x509/issued.ts";
import { appraiseDevice, type DeviceAppraisal } from "./appraise-gpu.ts";
import { createCertificatePool } from "./certificate-path.ts";
import type { GpuClaim } from "./gpu-claim.ts";
import { readGpuClaims } from "./gpu-claims.ts";
import { GpuEvidenceError, parseGpuPayload } from "./gpu-evidence.ts";
import { appraiseManifests, type UsedRim } from "./gpu-manifests.ts";
import { describeAbsence, verifyNamed, verifyPresent } from "./gpu-present.ts";
import type { GpuRules } from "./gpu-rules.ts";
import type { GpuTrustRoots } from "./nvidia-roots.ts";
import { gatherOutcomes } from "./per-device.ts";

const NONCE_BYTES = 32;

/** What the evidence itself is judged by. Nothing is fetched, and no clock is read. */
export interface GpuEvidenceInput {
  /** The text of `nvidia_payload`; undefined where the answer has none. */
  readonly payload: string | undefined;
  /** What the client's own request makes GPUs sign, 32 bytes; never the payload's word. */
  readonly nonce: Uint8Array;
  /** The `gpu_evidence_sha256` of a verified keys statement: hex, or null where it says that there is no evidence. */
  readonly namedSha256?: string | null | undefined;
  /** Reference manifests, XML texts as served. */
  readonly rims?: readonly string[] | undefined;
  readonly rules: GpuRules;
  /** The moment to judge for, milliseconds since 1970, finite. */
  readonly nowMs: number;
  readonly roots: GpuTrustRoots;
}

/** What the evidence shows, with NVIDIA's manifests and without anybody's word on revocation. */
export interface GpuEvidenceAppraisal {
  /** All `gpu.*` checks but gpu.switches, gpu.revocation and gpu.nras. */
  readonly findings: readonly Finding[];
  readonly gpus: readonly DeviceAppraisal[];
  readonly switches: readonly DeviceAppraisal[];
  /** Manifests that speak of these GPUs. */
  readonly manifests: readonly UsedRim[];
  /** Why there are no GPUs to ask anybody about. */
  readonly missing?: string;
  /** In the order of the evidence; only if chain, signature and nonce hold for all GPUs, and each is another one. */
  readonly claims: { readonly gpus?: readonly GpuClaim[] };
  /** A device or a manifest rests on a root that the caller named. */
  readonly simulated: boolean;
}

const DEVICE_CHECKS = [
  ["gpu.cert-chain", "chain"],
  ["gpu.report-signature", "signature"],
  ["gpu.nonce", "nonce"],
  ["gpu.fwid", "fwid"],
] as const;
const MANIFEST_IDS = ["gpu.rim-driver", "gpu.rim-vbios", "gpu.measurements", "gpu.debug-off"] as const;
/** Without these nothing is claimed. */
const CLAIM_IDS: readonly CheckId[] = ["gpu.present", "gpu.nonce", "gpu.cert-chain", "gpu.report-signature"];
const UNBOUND =
  "no vendor offers a proof that a GPU is attached to this TD: that the evidence is its own GPUs' is the measured enclave's word";

/**
 * Appraises GPU evidence by itself: that the GPUs are genuine, answered this client, run firmware that NVIDIA knows, and
 * are all there. Every check is made and listed, also after one has failed. Bad evidence never throws.
 * @throws RangeError when the nonce is not 32 bytes or `nowMs` not finite: both are the caller's faults
 */
export async function appraiseGpuEvidence(input: GpuEvidenceInput): Promise<GpuEvidenceAppraisal> {
  const { payload: json, nonce, nowMs, namedSha256, rims = [], roots, rules } = input;
  if (nonce.length !== NONCE_BYTES) throw new RangeError(`nonce: GPUs sign ${NONCE_BYTES} bytes, not ${nonce.length}`);
  if (!Number.isFinite(nowMs)) throw new RangeError(`nowMs must be a finite time in milliseconds, not ${nowMs}`);

  // 1. The evidence's bytes, and whether the enclave stands by them.
  const named = await verifyNamed(json, namedSha256);
  if (json === undefined) return nothing(named, describeAbsence(rules), "the answer has no GPU evidence (gpu.present)");
  const payload = orFault(GpuEvidenceError, () => parseGpuPayload(json));
  if (typeof payload === "string") return nothing(named, failed("gpu.present", payload), "no GPU evidence was read (gpu.present)");

  // 2. Each device by itself, then the GPUs as a set.
  const context = { nonce, nowMs, roots, pool: createCertificatePool() };
  const [gpus, switches] = await Promise.all([
    Promise.all(payload.gpus.map((evidence, index) => appraiseDevice(`GPU ${index}`, evidence, context))),
    Promise.all(payload.switches.map((evidence, index) => appraiseDevice(`switch ${index}`, evidence, context))),
  ]);
  const present = verifyPresent(gpus, rules);
  if (gpus.length === 0) return { ...nothing(named, present, "the evidence is of no GPU (gpu.present)"), switches };

  // 3. What they measured, against what NVIDIA has released.
  const manifests = await appraiseManifests(gpus, rims, { nowMs, roots: [roots.rim, ...roots.named] });
  const findings = [present, named, ...gatherDevices(gpus), ...manifests.findings, notChecked("gpu.bound-to-cpu", UNBOUND)];
  const claimable = CLAIM_IDS.every((id) => findings.some((finding) => finding.id === id && finding.status === "pass"));
  return {
    findings,
    gpus,
    switches,
    manifests: manifests.used,
    claims: claimable && named.status !== "fail" ? { gpus: readGpuClaims(gpus) } : {},
    simulated:
      [...gpus, ...switches].some(({ chain }) => chain.simulated) ||
      manifests.used.some(({ root }) => root !== undefined && root !== roots.rim),
  };
}

function gatherDevices(gpus: readonly DeviceAppraisal[]): Finding[] {
  return DEVICE_CHECKS.map(([id, outcome]) =>
    gatherOutcomes(
      id,
      gpus.map((gpu) => ({ device: gpu.device, ...gpu.outcomes[outcome] })),
      `all ${gpus.length} GPUs`,
    ),
  );
}

/** Lists the checks for which there is nothing to look at. */
function nothing(named: Finding, present: Finding, missing: string): GpuEvidenceAppraisal {
  const skipped = [...DEVICE_CHECKS.map(([id]) => id), ...MANIFEST_IDS].map((id) => notChecked(id, missing));
  const findings = [present, named, ...skipped, notChecked("gpu.bound-to-cpu", UNBOUND)];
  return { findings, gpus: [], switches: [], manifests: [], missing, claims: {}, simulated: false };
}
