import type { FinishReason, Receipt, Usage } from "@bauta/protocol";
import type { Attestation } from "./attestation.ts";
import { ClientError } from "./errors.ts";
import type { ReceiptKind } from "./receipt-check.ts";

/**
 * What is known of an answer once it has ended.
 * - `verified`: complete, and its receipt, signed by the attested key, is about this request and these bytes.
 * - `incomplete`: it ended early: cut, failed, given up. What was shown is a beginning that nobody has signed.
 * - `unverified`: it broke the protocol's rules, or has no receipt that holds. Anybody could have written it.
 */
export interface Outcome {
  readonly status: "verified" | "incomplete" | "unverified";
  /** Why it is not verified, one plain sentence; undefined when it is. */
  readonly reason: string | undefined;
  /** Signed when verified, else as relayed; of a `tee-*` answer any short word that the server chose. */
  readonly finishReason: FinishReason | undefined;
  readonly usage: Usage | undefined;
  readonly requestId: string | undefined;
  /**
   * What it was verified by; undefined when it was not. `documented` comes only to a client that was created with
   * `receipts: "documented"`: show it.
   */
  readonly receiptKind: ReceiptKind | undefined;
  /** The verified receipt; undefined unless `receiptKind` is `bauta`. */
  readonly receipt: Receipt | undefined;
  /** The enclave is a simulator that the caller named: show SIMULATED. */
  readonly simulated: boolean;
  readonly attestation: Attestation;
}

/** The error that stands for an answer that is withheld. */
export function outcomeError({ status, reason, attestation }: Outcome): ClientError {
  const why = reason ?? "no reason is known";
  return status === "incomplete"
    ? new ClientError("answer_incomplete", `the answer is incomplete: ${why}`, { attestation })
    : new ClientError("answer_unverified", `the answer is not verified, so anybody on the way could have written it: ${why}`, {
        attestation,
      });
}
