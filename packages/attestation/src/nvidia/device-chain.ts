import { equalBytes } from "@bauta/protocol";
import { hasUsage, orFault, quotedName, validityFaults, validityOf } from "../x509/issued.ts";
import { parsePemCertificates, PemError } from "../x509/pem.ts";
import { type Certificate, CertificateError, KEY_USAGE } from "../x509/x509.ts";
import { type DeviceNames, readDeviceNames } from "./device-certificate.ts";
import type { GpuTrustRoots } from "./nvidia-roots.ts";
import { p384IssuerFaults, parseP384Certificate } from "./p384-certificate.ts";

/** Report signer, boot ROM, provisioner, family, root. */
const CHAIN_LENGTH = 5;

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

/** A device's certificates, with all that is wrong with them. */
export interface DeviceChain {
  /** Report signer, boot ROM, provisioner, family, root; empty when they cannot be read. */
  readonly certificates: readonly Certificate[];
  readonly names?: DeviceNames | undefined;
  /** It ends in a root that the caller named, not in NVIDIA's. */
  readonly simulated: boolean;
  /** Clauses; none when the device is NVIDIA's, or the named root's. */
  readonly faults: readonly string[];
}

/**
 * Verifies report signer ← boot ROM ← provisioner ← family ← root: names, signatures, roles and validity at `nowMs`. The
 * root is NVIDIA's or a named one, byte for byte. All faults are collected. Revocation is not looked at.
 * @param pem as served
 * @see NVIDIA Attestation: device certificate chain, RFC 5280 §6.1
 */
export async function verifyDeviceChain(pem: string, roots: GpuTrustRoots, nowMs: number, pool: CertificatePool): Promise<DeviceChain> {
  const ders = orFault(PemError, () => parsePemCertificates(pem));
  const read = typeof ders === "string" ? ders : orFault(CertificateError, () => ders.map((der) => pool.read(der)));
  if (typeof read === "string") return unreadable(`its chain cannot be read: ${read}`);
  const [leaf, , , , root] = read;
  if (!leaf || !root || read.length !== CHAIN_LENGTH) return unreadable(`its chain has ${read.length} certificates, not ${CHAIN_LENGTH}`);
  const genuine = equalBytes(root.der, roots.device.der);
  const simulated = !genuine && roots.named.some(({ der }) => equalBytes(der, root.der));
  const names = readDeviceNames(read.map(({ commonName }) => commonName));
  const [, ...authorities] = read;
  const signatures = await Promise.all(authorities.map((issuer, index) => pool.issuerFaults(read[index] ?? leaf, issuer)));
  const faults = [
    ...(genuine || simulated ? [] : [unknownRoot(root)]),
    ...(typeof names === "string" ? [names] : []),
    ...(leaf.isCa ? [`${quotedName(leaf.commonName)} is marked as a CA`] : []),
    ...(hasUsage(leaf, KEY_USAGE.digitalSignature) ? [] : [`${quotedName(leaf.commonName)} may not sign data`]),
    ...authorities.flatMap(authorityFaults),
    ...signatures.flat(),
    ...read.flatMap((certificate) => validityFaults(validityOf(certificate), nowMs)),
  ];
  return { certificates: read, simulated, faults, names: typeof names === "string" ? undefined : names };
}

/** @param below how many CAs follow it in the chain */
function authorityFaults(certificate: Certificate, below: number): string[] {
  const name = quotedName(certificate.commonName);
  return [
    ...(certificate.isCa ? [] : [`${name} is not a CA`]),
    ...(hasUsage(certificate, KEY_USAGE.certificateSign) ? [] : [`${name} may not sign certificates`]),
    ...(certificate.pathLength !== undefined && certificate.pathLength < below ? [`${name} allows too short a path`] : []),
  ];
}

function unknownRoot({ commonName, serial }: Certificate): string {
  return `its chain ends in ${quotedName(commonName)}, serial number ${serial}, which is neither NVIDIA's Device Identity CA nor a root that you named`;
}

function unreadable(fault: string): DeviceChain {
  return { certificates: [], simulated: false, faults: [fault] };
}
