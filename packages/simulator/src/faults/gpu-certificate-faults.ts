/**
 * The certificates of simulated GPUs and of what is said about them, by what they are for. The "device" ones exist once
 * for each GPU: its boot ROM's, and the one under it that signs reports. All others are shared.
 */
export const GPU_CERTIFICATE_ROLES = [
  "device-root",
  "device-family",
  "device-provisioner",
  "device",
  "device-report",
  "rim-root",
  "rim-ca",
  "rim-issuer",
  "rim-signer",
  "nras-root",
  "nras-issuer",
  "nras-signer",
] as const;
export type GpuCertificateRole = (typeof GPU_CERTIFICATE_ROLES)[number];

/** What a certificate says that it should not; members left out stay as they should be. */
export interface GpuCertificateChanges {
  readonly commonName?: string;
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  /** First byte of the key usage; null leaves the extension out. */
  readonly usage?: number | null;
  /** Whether basic constraints make it a CA. */
  readonly ca?: boolean;
  /** How many CAs may follow; null sets no limit. */
  readonly pathLength?: number | null;
  /** Rewrites the list of extensions, each as DER. */
  readonly extensions?: (extensions: readonly Buffer[]) => readonly Buffer[];
  /** The serial number, big-endian. */
  readonly serial?: Uint8Array;
  /** Who issues it, by role. */
  readonly issuer?: GpuCertificateRole;
  /** It names its issuer, but a key that nobody knows signs it. */
  readonly foreignSigner?: boolean;
  /** Rewrites the DER of its signature before it is wrapped. */
  readonly signature?: (der: Buffer) => Uint8Array;
}

/** Faults of certificates of GPUs, of RIMs and of NRAS. */
export interface GpuCertificateFaults {
  /** What certificates say instead of what they should. Who is issued by a changed one follows it. */
  readonly gpuCertificates?: Partial<Readonly<Record<GpuCertificateRole, GpuCertificateChanges>>>;
  /** Chains that end in a root of the same name as the one that is to be trusted, but of another key. */
  readonly foreignGpuRoots?: readonly ("device-root" | "rim-root" | "nras-root")[];
  /** The certificates of all GPUs hold one key, under serial numbers of their own. */
  readonly sharedGpuKeys?: readonly ("device" | "device-report")[];
}
