import type { GpuCertificateRole } from "./gpu-certificate-faults.ts";

/** One GPU in the payload, in NVIDIA's form. */
export interface GpuEvidenceEntry {
  readonly arch: string;
  /** The PEM chain in base64. */
  readonly certificate: string;
  /** The SPDM request and response in base64. */
  readonly evidence: string;
}

/** What a GPU's evidence says or holds that it should not. */
export interface GpuEvidenceChanges {
  /** The GPU signs another nonce than was asked for; 32 bytes. */
  readonly nonce?: (asked: Uint8Array) => Uint8Array;
  /** The GPU's measurements, by index from 0, 96 hex digits; null leaves the block out. The RIMs stay. */
  readonly measurements?: Readonly<Record<number, string | null>>;
  /** Rewrites the opaque fields, by type, before they are signed: driver, VBIOS, FWID, mode … */
  readonly opaque?: (fields: ReadonlyMap<number, Buffer>) => ReadonlyMap<number, Buffer>;
  /** FWID in the opaque data, 96 hex digits, that is not the one of the certificate. */
  readonly fwid?: string;
  /** FWID in the report certificate, 96 hex digits, that is not the one of the opaque data. */
  readonly certifiedFwid?: string;
  /** The report certificate says that the GPU started under debug; only Blackwell's has a place for it. */
  readonly certifiedDebug?: boolean;
  /** The report is signed by a key that is not its certificate's. */
  readonly foreignSigner?: boolean;
  /** Rewrites the signature, r ‖ s, 96 bytes in and out. */
  readonly signature?: (signature: Buffer) => Uint8Array;
  /** Rewrites what is signed, request ‖ response without the signature. */
  readonly signed?: (report: Buffer) => Uint8Array;
  /** Rewrites the finished report: cut, lengthened, overwritten. */
  readonly report?: (report: Buffer) => Uint8Array;
  /** The chain, by role, instead of report certificate, device, provisioner, family and root. */
  readonly chain?: readonly GpuCertificateRole[];
  /** Rewrites the PEM text of the chain. */
  readonly chainText?: (pem: string) => string;
}

/** Faults of GPU evidence. */
export interface GpuEvidenceFaults {
  readonly gpuEvidence?: GpuEvidenceChanges & {
    /** Which GPUs it concerns, counted from 0; left out, all. */
    readonly devices?: readonly number[];
  };
  /** Rewrites the list of GPUs: duplicated, missing, more than there may be. */
  readonly gpuEvidenceList?: (list: readonly GpuEvidenceEntry[]) => readonly unknown[];
  /** Rewrites the finished payload text. */
  readonly gpuPayload?: (json: string) => string;
}

/** The changes that concern one GPU. */
export function evidenceChanges({ gpuEvidence }: GpuEvidenceFaults, device: number): GpuEvidenceChanges {
  const { devices, ...changes } = gpuEvidence ?? {};
  return (devices?.includes(device) ?? true) ? changes : {};
}
