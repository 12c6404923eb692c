import type { AttestationResult, Evidence } from "@bauta/attestation/on-demand";

/** One appraised attestation answer. */
export interface Attestation {
  readonly model: string;
  /** Every check with its reason. Nothing may be sent unless `result.ok`; show `simulated` and `pinned` with it. */
  readonly result: AttestationResult;
  /** 65 bytes `04 ‖ x ‖ y`: the attested key that requests are sealed to and receipts signed by. Only when `result.ok`. */
  readonly modelKey: Uint8Array | undefined;
  /** What was appraised, for showing and for writing a policy. Unverified by itself. */
  readonly evidence: Evidence;
  /** The fresh nonce of this request, 64 hex digits. */
  readonly nonce: string;
  /** Milliseconds since 1970, by the client's clock, when the answer was appraised. */
  readonly attestedAtMs: number;
  /** The moment from which it no longer counts, milliseconds since 1970: the first end of collateral, keys and build. */
  readonly expiresMs: number;
}
