import type { GpuCertificateRole } from "./gpu-certificate-faults.ts";

/** One reference value of a RIM. */
export interface RimMeasurement {
  /** From 0. */
  readonly index: number;
  readonly active: boolean;
  /** Alternatives, 96 hex digits each. */
  readonly values: readonly string[];
}

/** What a RIM says, before it is written and signed. */
export interface RimContents {
  /** The driver's or VBIOS's version. */
  readonly version: string;
  /** The chip. */
  readonly product: string;
  readonly manufacturerId: string;
  readonly measurements: readonly RimMeasurement[];
}

/** How one RIM goes wrong. */
export interface RimChanges {
  /** Rewrites what it says, before it is signed: another version, another chip, other values. */
  readonly contents?: (contents: RimContents) => RimContents;
  /** Who signs it, by role, instead of the RIM signer; "stranger" is nobody's key. */
  readonly signer?: GpuCertificateRole | "stranger";
  /** The chain in it, by role, instead of signer, issuer, CA and root. */
  readonly chain?: readonly GpuCertificateRole[];
  /** Rewrites the digest of the document before it is signed, 48 bytes in and out. */
  readonly digest?: (digest: Buffer) => Uint8Array;
  /** Rewrites the signature, r ‖ s, 96 bytes in and out. */
  readonly signature?: (signature: Buffer) => Uint8Array;
  /** Rewrites the finished XML text. */
  readonly text?: (xml: string) => string;
}

/** Faults of reference integrity manifests. */
export interface RimFaults {
  readonly driverRim?: RimChanges;
  readonly vbiosRim?: RimChanges;
}
