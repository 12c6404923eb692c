import { equalBytes, toHex } from "@bauta/protocol";
import { intelSgxRootCa } from "./intel-root.ts";
import { sha256 } from "../x509/ecdsa.ts";
import { type Certificate, CertificateError, parseCertificate } from "../x509/x509.ts";

/** More named roots than anyone needs are a mistake. */
const MAX_TRUST_ROOTS = 16;

let intelRoot: Certificate | undefined;

/** Intel's root and the simulators that the caller named. */
export interface TrustRoots {
  readonly intel: Certificate;
  readonly named: readonly Certificate[];
}

/**
 * Reads the roots that a caller trusts beside Intel's.
 * @param named DER certificates
 * @throws CertificateError when one is not a certificate: the caller's configuration is at fault, not the evidence
 */
export function parseTrustRoots(named: readonly Uint8Array[]): TrustRoots {
  if (named.length > MAX_TRUST_ROOTS) throw new CertificateError(`trust roots: ${named.length} are more than ${MAX_TRUST_ROOTS}`);
  intelRoot ??= parseCertificate(intelSgxRootCa());
  const intel = intelRoot;
  const parsed = named.map((der, index) => {
    try {
      return parseCertificate(der);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : "unreadable";
      throw new CertificateError(`trust root ${index}: ${why}; name a root as the DER of its certificate`, { cause });
    }
  });
  // Naming Intel's own root must not make a genuine machine look simulated.
  return { intel, named: parsed.filter((root) => !equalBytes(root.der, intel.der)) };
}

/** A root that a chain may end in. */
export interface TrustAnchor {
  readonly root: Certificate;
  /** The caller named it: what rests on it is simulated. */
  readonly named: boolean;
}

/** What stands before a root's keys in a rollback memory: a simulator's numbers say nothing of Intel's, nor of another's. */
export async function scopeOf({ root, named }: TrustAnchor): Promise<string> {
  return named ? `${toHex((await sha256(root.der)).subarray(0, 8))}:` : "";
}

/** Finds the trusted root that is this certificate, byte for byte. */
export function findAnchor(roots: TrustRoots, der: Uint8Array): TrustAnchor | undefined {
  if (equalBytes(roots.intel.der, der)) return { root: roots.intel, named: false };
  const root = roots.named.find((candidate) => equalBytes(candidate.der, der));
  return root && { root, named: true };
}
