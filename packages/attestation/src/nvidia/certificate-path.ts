import { hasUsage, quotedName, validityFaults, validityOf } from "../x509/issued.ts";
import { type Certificate, KEY_USAGE } from "../x509/x509.ts";
import { p384IssuerFaults, parseP384Certificate } from "./p384-certificate.ts";

/** Certificates of one appraisal: those that devices share are read once, and their signatures verified once. */
export interface CertificatePool {
  /** @throws CertificateError */
  read(der: Uint8Array<ArrayBuffer>): Certificate;
  /** @param certificate and its issuer, both as `read` gave them */
  issuerFaults(certificate: Certificate, issuer: Certificate): Promise<readonly string[]>;
}

export function createCertificatePool(): CertificatePool {
  const byDer = new Map<string, Certificate>();
  const verified = new Map<Certificate, Map<Certificate, Promise<readonly string[]>>>();
  return {
    read(der) {
      const key = String.fromCharCode(...der);
      const known = byDer.get(key) ?? parseP384Certificate(der);
      byDer.set(key, known);
      return known;
    },
    issuerFaults(certificate, issuer) {
      const byIssuer = verified.get(certificate) ?? new Map<Certificate, Promise<readonly string[]>>();
      const faults = byIssuer.get(issuer) ?? p384IssuerFaults(certificate, issuer);
      verified.set(certificate, byIssuer.set(issuer, faults));
      return faults;
    },
  };
}

/**
 * Verifies signer ← … ← root as far as devices and manifests have it in common: signatures, roles, and validity at `nowMs`.
 * Whose root it is is not looked at.
 * @param path at least the signer
 * @returns clauses; nothing when all of it holds
 * @see RFC 5280 §6.1
 */
export async function pathFaults(path: readonly Certificate[], nowMs: number, pool: CertificatePool): Promise<string[]> {
  const [signer, ...authorities] = path;
  if (!signer) return ["there are no certificates"];
  const signatures = await Promise.all(authorities.map((issuer, index) => pool.issuerFaults(path[index] ?? signer, issuer)));
  return [
    ...(signer.isCa ? [`${quotedName(signer.commonName)} is marked as a CA`] : []),
    ...(hasUsage(signer, KEY_USAGE.digitalSignature) ? [] : [`${quotedName(signer.commonName)} may not sign data`]),
    ...authorities.flatMap(authorityFaults),
    ...signatures.flat(),
    ...path.flatMap((certificate) => validityFaults(validityOf(certificate), nowMs)),
  ];
}

/**
 * What is wrong with a CA's role: it has to be one, sign certificates, and allow as long a path.
 * @param below how many CAs follow it in the path
 */
function authorityFaults(certificate: Certificate, below: number): string[] {
  const name = quotedName(certificate.commonName);
  return [
    ...(certificate.isCa ? [] : [`${name} is not a CA`]),
    ...(hasUsage(certificate, KEY_USAGE.certificateSign) ? [] : [`${name} may not sign certificates`]),
    ...(certificate.pathLength !== undefined && certificate.pathLength < below ? [`${name} allows too short a path`] : []),
  ];
}
