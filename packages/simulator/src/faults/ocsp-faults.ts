import type { GpuCertificateRole } from "./gpu-certificate-faults.ts";

/** What an OCSP answer says that it should not; members left out stay as they should be. */
export interface OcspChanges {
  /** "hold" is revoked for the reason certificateHold, "revoked" for keyCompromise. */
  readonly status?: "good" | "revoked" | "hold" | "unknown";
  readonly thisUpdateMs?: number;
  /** Null leaves the field out. */
  readonly nextUpdateMs?: number | null;
  /** Another nonce than was asked for; undefined leaves it out. */
  readonly nonce?: (asked: Uint8Array | undefined) => Uint8Array | undefined;
  /**
   * Who answers: a responder certified by the certificate's issuer, or that issuer itself, or a responder certified by
   * another role, or one that nobody certified.
   */
  readonly responder?: "delegate" | "issuer" | "stranger" | GpuCertificateRole;
  /** The responder's certificate has expired a day before. */
  readonly expiredResponder?: boolean;
  /** The responder's certificate does not say that it may answer. */
  readonly unauthorisedResponder?: boolean;
  /** It names its responder, but a key that nobody knows signs it. */
  readonly foreignSigner?: boolean;
  /** It is about another serial number, big-endian. */
  readonly serial?: Uint8Array;
  /** A response status other than successful (0): there is nothing but the status then. */
  readonly responseStatus?: number;
  /** Rewrites the DER of the signature before it is wrapped. */
  readonly signature?: (der: Buffer) => Uint8Array;
  /** Rewrites the finished answer. */
  readonly der?: (der: Buffer) => Uint8Array;
  /** There is no answer at all. */
  readonly missing?: boolean;
}

/** Faults of OCSP answers. */
export interface OcspFaults {
  /** By the role of the certificate that the answer is about. */
  readonly ocsp?: Partial<Readonly<Record<GpuCertificateRole, OcspChanges>>>;
}
