import type { Collateral } from "@bauta/attestation";
import type { QeIdentity, TcbInfo } from "../tcb-documents.ts";
import type { CertificateRole } from "./certificate-faults.ts";

/** How one signed document goes wrong. */
export interface SignedDocumentFaults<T> {
  /** Rewrites what is said, before it is signed. */
  readonly content?: (content: T) => unknown;
  /** Rewrites the JSON text, before it is signed. */
  readonly text?: (json: string) => string;
  /** Who signs it, by role, instead of the TCB signer; "stranger" is nobody's key. */
  readonly signer?: CertificateRole | "stranger";
  /** Rewrites the signature, r ‖ s, 64 bytes. */
  readonly signature?: (signature: Buffer) => Uint8Array;
  /** The chain served with it, by role, instead of the signer's certificate and the root. */
  readonly chain?: readonly CertificateRole[];
}

/** Faults of Intel's signed statements about platforms. */
export interface CollateralFaults {
  readonly tcbInfo?: SignedDocumentFaults<TcbInfo>;
  readonly qeIdentity?: SignedDocumentFaults<QeIdentity>;
  /** The chain served with the PCK CRL, by role. */
  readonly pckCrlChain?: readonly CertificateRole[];
  /** Rewrites the finished collateral: what a gateway may do to it. */
  readonly collateral?: (collateral: Collateral) => Collateral;
}
