import type { KeysClaims } from "./binding/keys-claims.ts";
import type { GpuClaim } from "./nvidia/gpu-claim.ts";
import type { TcbStatus } from "./policy/tcb-status.ts";
import type { Reader } from "./report/readers.ts";
import type { Sealing } from "./report/sealing.ts";

/**
 * Every check that the project knows, in the order in which a result lists them.
 * An id keeps its meaning from one version of the project to the next.
 */
export const CHECK_IDS = [
  "nonce.bound",
  "key.address-derived",
  "key.bound-to-report-data",
  "key.exclusive",
  "keys.signed",
  "tdx.parse",
  "tdx.quote-signature",
  "tdx.attestation-key-bound",
  "tdx.qe-report-signature",
  "tdx.pck-chain",
  "tdx.pck-crl",
  "tdx.root-crl",
  "tdx.tcb-info-signature",
  "tdx.qe-identity-signature",
  "tdx.qe-identity-match",
  "tdx.collateral-current",
  "tdx.evaluation-number",
  "tdx.tcb-status",
  "tdx.module-identity",
  "tdx.advisories",
  "td.debug-off",
  "td.attributes",
  "td.xfam",
  "td.service-td",
  "td.seam-signer",
  "measure.mrtd",
  "measure.rtmr0",
  "measure.rtmr1",
  "measure.rtmr2",
  "measure.rtmr3",
  "eventlog.replay",
  "dstack.compose-hash",
  "dstack.runtime-compose",
  "dstack.os-image",
  "dstack.key-provider",
  "weights.named",
  "gpu.present",
  "gpu.named-by-enclave",
  "gpu.nonce",
  "gpu.cert-chain",
  "gpu.revocation",
  "gpu.report-signature",
  "gpu.fwid",
  "gpu.rim-driver",
  "gpu.rim-vbios",
  "gpu.measurements",
  "gpu.debug-off",
  "gpu.switches",
  "gpu.nras",
  "gpu.bound-to-cpu",
  "image.digests-pinned",
  "image.signed",
  "receipt.signature",
  "receipt.hashes",
  "server.claim",
] as const;

export type CheckId = (typeof CHECK_IDS)[number];

export type CheckStatus = "pass" | "fail" | "not-checked";

/** What one step found out. Whether it is required is the policy's matter, not the step's. */
export interface Finding {
  readonly id: CheckId;
  readonly status: CheckStatus;
  /** One plain sentence: why it passed, what is wrong, or why it was not checked. */
  readonly reason: string;
  /** Values worth showing beside the reason; never a secret. */
  readonly detail?: Readonly<Record<string, string>>;
}

/** One line of an attestation result. */
export interface Check extends Finding {
  /**
   * True when the result cannot be ok unless this check passed. A check that failed is always required, also where it
   * need not have been made; the one exception is the debug mode that a policy allows by name.
   */
  readonly required: boolean;
}

/**
 * What is proven about the enclave, as lower-case hex where it is bytes. Each claim is there only if the checks that
 * carry it passed: all need a quote whose signatures hold up to a trusted root, and some need more, as they say.
 */
export interface Claims extends KeysClaims {
  readonly mrtd?: string;
  readonly rtmr0?: string;
  readonly rtmr1?: string;
  readonly rtmr2?: string;
  readonly rtmr3?: string;
  readonly mrconfigid?: string;
  readonly mrowner?: string;
  readonly mrownerconfig?: string;
  readonly mrseam?: string;
  readonly report_data?: string;
  readonly td_attributes?: string;
  readonly xfam?: string;
  readonly tee_tcb_svn?: string;
  /** Platform family of the machine, from its PCK certificate. */
  readonly fmspc?: string;
  /** The hash that MRCONFIGID commits to and the replayed event holds; never that of a document or statement that was served. */
  readonly compose_hash?: string;
  /**
   * `0x` ‖ 40 hex digits, derived from `signing_key`; the answer's own field is not believed.
   * Only if `key.bound-to-report-data` passed.
   */
  readonly signing_address?: string;
  /** Intel's verdict on platform, TDX module and quoting enclave together. Only if the collateral is proven. */
  readonly tcb_status?: TcbStatus;
  /** When Intel published the level that the platform reached, RFC 3339. */
  readonly tcb_date?: string;
  /** Advisories of Intel that concern a platform of this level. */
  readonly advisories?: readonly string[];
  readonly tcb_evaluation_number?: number;
  /** The earliest moment at which a piece of the collateral expires, RFC 3339. */
  readonly collateral_expires?: string;
  /** Container images that the measured compose document starts. Only if the document is proven. */
  readonly images?: readonly string[];
  /** dstack's app id, OS image hash and key provider, from a replayed event log. */
  readonly app_id?: string;
  readonly os_image_hash?: string;
  readonly key_provider?: string;
  /** GPUs that answered this request's nonce, in the order of the evidence. Only if chain, signature and nonce hold for all of them. */
  readonly gpus?: readonly GpuClaim[];
  /** The build of the policy that this enclave matched in every value. Only if `pinned`. */
  readonly build?: string;
}

/** The server's own words about itself. No check stands behind them, and no rule of a policy is compared with them. */
export interface Statements {
  readonly tee_provider?: string;
  readonly tee_hardware?: string;
  readonly model?: string;
}

/** A whole answer of an enclave, or a quote alone, which proves nothing about keys. */
export type AttestationScope = "enclave" | "platform";

/** RATS "attestation result": what was found, check by check. */
export interface AttestationResult {
  /** True only if every required check passed, and no check failed but for a debug mode that the policy allows. */
  readonly ok: boolean;
  readonly scope: AttestationScope;
  /** The quote's or the GPUs' certificates end in a root that the caller named, not in Intel's or NVIDIA's: show SIMULATED. */
  readonly simulated: boolean;
  /** `td.debug-off` failed: the TD's host can read and change its memory. Show DEBUG, also where a policy allows it. */
  readonly debug: boolean;
  /**
   * The measurements match a build of the policy, and nobody can change what was measured. False under
   * `measurements: "any"` and under debug: show UNPINNED.
   */
  readonly pinned: boolean;
  /** One entry for each of {@link CHECK_IDS}, in that order. */
  readonly checks: readonly Check[];
  readonly claims: Claims;
  readonly stated: Statements;
  /** What is sealed of a request that is sent on the strength of this; of a platform alone nothing is said. */
  readonly sealing?: Sealing;
  /** Who could still read what is sent, from what was and was not proven; what evidence says is quoted in it as data. */
  readonly readers: readonly Reader[];
  /** The same, one plain sentence each. */
  readonly couldRead: readonly string[];
  /** Of the collateral whose signatures held: until when it counts, and its numbers, to be remembered. */
  readonly collateral?: {
    /** Milliseconds since 1970: the earliest end of any piece. */
    readonly expiresMs: number;
    /** Decimal; keys as in `RollbackMemory`. */
    readonly numbers: Readonly<Record<string, string>>;
  };
  /** The attested key to encrypt to, 65 bytes `04 ‖ x ‖ y`. Present only when `ok`. */
  readonly signingKey?: Uint8Array<ArrayBuffer>;
  /**
   * The HPKE key configuration (RFC 9458 §3) to seal whole requests to. Present only when `ok`, and the signed keys
   * statement lists version 2 of the protocol.
   */
  readonly hpkeKeyConfig?: Uint8Array<ArrayBuffer>;
}

/** A check that was made and held. */
export function passed(id: CheckId, reason: string, detail?: Readonly<Record<string, string>>): Finding {
  return { id, status: "pass", reason, ...(detail && { detail }) };
}

/** A check that was made and did not hold. */
export function failed(id: CheckId, reason: string, detail?: Readonly<Record<string, string>>): Finding {
  return { id, status: "fail", reason, ...(detail && { detail }) };
}

/** A check that was not made. */
export function notChecked(id: CheckId, reason: string, detail?: Readonly<Record<string, string>>): Finding {
  return { id, status: "not-checked", reason, ...(detail && { detail }) };
}
