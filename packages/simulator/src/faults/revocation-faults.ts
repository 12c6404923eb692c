import type { CertificateRole } from "./certificate-faults.ts";

/** What a revocation list says that it should not; members left out stay as they should be. */
export interface RevocationListChanges {
  /** Withdrawn certificates: by role, or by serial number, big-endian. Instead of the entries of a clean list. */
  readonly revoked?: readonly (CertificateRole | Uint8Array)[];
  /** So many more entries, none of which is anybody's. */
  readonly fillerEntries?: number;
  /** Whose list it is, in name and key. */
  readonly issuer?: CertificateRole;
  /** It names its issuer, but a key that nobody knows signs it. */
  readonly foreignSigner?: boolean;
  /** The CRL number; null leaves the extension out. */
  readonly number?: number | null;
  readonly thisUpdateMs?: number;
  /** Null leaves the field out. */
  readonly nextUpdateMs?: number | null;
  /** Rewrites the list's extensions, each as DER. */
  readonly extensions?: (extensions: readonly Buffer[]) => readonly Buffer[];
  /** Rewrites the extensions of each entry, each as DER. */
  readonly entryExtensions?: (extensions: readonly Buffer[]) => readonly Buffer[];
  /** Rewrites the DER of its signature before it is wrapped. */
  readonly signature?: (der: Buffer) => Uint8Array;
  /** Rewrites the finished list. */
  readonly der?: (der: Buffer) => Uint8Array;
}

/** Faults of revocation lists. */
export interface RevocationFaults {
  readonly pckCrl?: RevocationListChanges;
  readonly rootCrl?: RevocationListChanges;
}
