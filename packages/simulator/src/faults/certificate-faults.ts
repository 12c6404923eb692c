import type { Machine } from "../machine.ts";

/**
 * The simulator's certificates by what they are for. "pck-ca" is the CA that issues the machine's PCK certificate,
 * "other-pck-ca" the one of Intel's two that does not.
 */
export const CERTIFICATE_ROLES = ["root", "pck-ca", "other-pck-ca", "pck", "tcb-signing"] as const;
export type CertificateRole = (typeof CERTIFICATE_ROLES)[number];

/** What a certificate says that it should not; members left out stay as they should be. */
export interface CertificateChanges {
  readonly commonName?: string;
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  /** First byte of the key usage; null leaves the extension out. */
  readonly usage?: number | null;
  /** Makes the certificate a CA above so many others; null makes it none. */
  readonly pathLength?: number | null;
  /** Contents of basicConstraints as DER, whatever they are. */
  readonly basicConstraints?: Uint8Array;
  /** Rewrites the list of extensions, each as DER. */
  readonly extensions?: (extensions: readonly Buffer[]) => readonly Buffer[];
  /** The serial number, big-endian. */
  readonly serial?: Uint8Array;
  /** Who issues it, by role. */
  readonly issuer?: CertificateRole;
  /** It names its issuer, but a key that nobody knows signs it. */
  readonly foreignSigner?: boolean;
  /** It holds the key of another role. */
  readonly keyOf?: CertificateRole;
  /** Rewrites the DER of its signature before it is wrapped. */
  readonly signature?: (der: Buffer) => Uint8Array;
}

/** Faults of certificates and of the chain in the quote. */
export interface CertificateFaults {
  /** One certificate has expired a day before `nowMs`. */
  readonly expiredCertificate?: CertificateRole;
  /** The chain in the quote ends in a root of the same name as `rootDer`, but of another key. */
  readonly foreignRoot?: boolean;
  /** What certificates say instead of what they should. Who is issued by a changed one follows it. */
  readonly certificates?: Partial<Readonly<Record<CertificateRole, CertificateChanges>>>;
  /** The chain in the quote, by role, instead of PCK, its CA and the root. */
  readonly pckChain?: readonly CertificateRole[];
  /** Rewrites the text of the chain in the quote. */
  readonly pckChainText?: (pem: string) => string;
  /** The PCK certificate describes another machine than the collateral was made for. */
  readonly certifiedMachine?: Partial<Machine>;
}
