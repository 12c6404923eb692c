import { type CheckId, type CheckStatus, GPU_CHECKS, type GpuClaim, PLATFORM_CHECKS } from "@bauta/attestation";
import { bindNonce } from "@bauta/protocol";
import type { Appraisal } from "./appraise-enclave.ts";

/** Where switches are served, their check fails by itself; where none are, it is not made. */
const NEEDED_GPU_CHECKS = GPU_CHECKS.filter((id) => id !== "gpu.switches");

/**
 * The gateway's own verdict, in the members that live services use. A member is true or false only for what was
 * checked; null means that it was not, and `checks` says why. To a client all of it is a hint, not a fact.
 * @param nonce the nonce as asked for
 * @see spec/protocol.md, "Attestation"
 */
export function describeVerification(appraisal: Appraisal, nonce: string, sealed: boolean): object {
  const { result, evidence } = appraisal;
  const { claims } = result;
  const statuses = new Map<CheckId, CheckStatus>(result.checks.map(({ id, status }) => [id, status]));
  const all = (...ids: CheckId[]) => verdict(ids.map((id) => statuses.get(id) ?? "not-checked"));
  const chain = all("tdx.pck-chain");
  const revocation = all("tdx.pck-crl", "tdx.root-crl");
  return {
    tdx: {
      valid: all(...PLATFORM_CHECKS),
      signatureValid: all("tdx.quote-signature", "tdx.qe-report-signature"),
      certificateChainValid: chain,
      // A root that only the configuration names is trusted here, but is not the pinned one.
      rootCaPinned: chain === true ? !result.simulated : chain,
      attestationKeyMatch: all("tdx.attestation-key-bound"),
      reportData: claims.report_data ?? null,
      measurements: {
        mrtd: claims.mrtd ?? null,
        mrconfigid: claims.mrconfigid ?? null,
        mrowner: claims.mrowner ?? null,
        mrownerconfig: claims.mrownerconfig ?? null,
        rtmr0: claims.rtmr0 ?? null,
        rtmr1: claims.rtmr1 ?? null,
        rtmr2: claims.rtmr2 ?? null,
        rtmr3: claims.rtmr3 ?? null,
        tdAttributes: claims.td_attributes ?? null,
        xfam: claims.xfam ?? null,
      },
      crlCheck: { checked: revocation !== null, revoked: revocation === null ? null : !revocation },
    },
    nvidia: evidence.nvidiaPayload === undefined ? null : describeGpus(all, claims.gpus),
    signingAddressBinding: {
      bound: all("key.address-derived", "key.bound-to-report-data"),
      reportDataAddress: claims.report_data === undefined ? null : `0x${claims.report_data.slice(0, 40)}`,
    },
    nonceBinding: { bound: all("nonce.bound"), method: bindNonce(nonce, sealed)?.method ?? null },
    nvidiaNonceBinding: evidence.nvidiaPayload === undefined ? null : { bound: all("gpu.nonce"), method: "nvidia_payload" },
    simulated: result.simulated,
    pinned: result.pinned,
    checks: result.checks.map(({ id, status, required, reason }) => ({ id, status, required, reason })),
    verifiedAt: new Date(appraisal.atMs).toISOString(),
    verificationDurationMs: appraisal.durationMs,
  };
}

function describeGpus(all: (...ids: CheckId[]) => boolean | null, gpus: readonly GpuClaim[] | undefined): object {
  return {
    valid: all(...NEEDED_GPU_CHECKS),
    signatureVerified: all("gpu.report-signature"),
    certificateChainStatus: { valid: all("gpu.cert-chain"), notRevoked: all("gpu.revocation") },
    measurementsMatch: all("gpu.rim-driver", "gpu.rim-vbios", "gpu.measurements"),
    gpus: gpus ?? null,
  };
}

/** False if any failed, null if none failed but some were not made, true if all passed. */
function verdict(statuses: readonly CheckStatus[]): boolean | null {
  if (statuses.includes("fail")) return false;
  return statuses.every((status) => status === "pass") ? true : null;
}
