import { equalBytes } from "@bauta/protocol";
import { orFault, quotedName } from "../x509/issued.ts";
import { parsePemCertificates, PemError } from "../x509/pem.ts";
import { type Certificate, CertificateError } from "../x509/x509.ts";
import { type CertificatePool, pathFaults } from "./certificate-path.ts";
import { type DeviceNames, readDeviceNames } from "./device-certificate.ts";
import type { GpuTrustRoots } from "./nvidia-roots.ts";

/** Report signer, boot ROM, provisioner, family, root. */
const CHAIN_LENGTH = 5;

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
  const root = read.at(-1);
  if (!root || read.length !== CHAIN_LENGTH) return unreadable(`its chain has ${read.length} certificates, not ${CHAIN_LENGTH}`);
  const genuine = equalBytes(root.der, roots.device.der);
  const simulated = !genuine && roots.named.some(({ der }) => equalBytes(der, root.der));
  const names = readDeviceNames(read.map(({ commonName }) => commonName));
  const faults = [
    ...(genuine || simulated ? [] : [unknownRoot(root)]),
    ...(typeof names === "string" ? [names] : []),
    ...(await pathFaults(read, nowMs, pool)),
  ];
  return { certificates: read, simulated, faults, names: typeof names === "string" ? undefined : names };
}

function unknownRoot({ commonName, serial }: Certificate): string {
  return `its chain ends in ${quotedName(commonName)}, serial number ${serial}, which is neither NVIDIA's Device Identity CA nor a root that you named`;
}

function unreadable(fault: string): DeviceChain {
  return { certificates: [], simulated: false, faults: [fault] };
}
