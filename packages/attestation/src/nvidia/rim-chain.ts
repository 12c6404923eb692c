import { equalBytes } from "@bauta/protocol";
import { orFault, quotedName } from "../x509/issued.ts";
import { type Certificate, CertificateError } from "../x509/x509.ts";
import { type CertificatePool, pathFaults } from "./certificate-path.ts";

/** The certificates of a manifest, with all that is wrong with them. */
export interface RimChain {
  /** Signer first; as the document holds them, so the root may be missing. Empty when they cannot be read. */
  readonly certificates: readonly Certificate[];
  /** The trusted root that the chain ends in; it says nothing while there are faults. */
  readonly root?: Certificate;
  /** Clauses; nothing when the chain leads to the root. */
  readonly faults: readonly string[];
}

/**
 * Verifies signer ← … ← root: names, signatures, roles and validity at `nowMs`. All faults are collected.
 * @param ders as the manifest holds them, signer first; it may leave the root out
 * @param roots one of which the chain has to end in, byte for byte
 * @see RFC 5280 §6.1
 */
export async function verifyRimChain(
  ders: readonly Uint8Array<ArrayBuffer>[],
  roots: readonly Certificate[],
  nowMs: number,
  pool: CertificatePool,
): Promise<RimChain> {
  const certificates = orFault(CertificateError, () => ders.map((der) => pool.read(der)));
  if (typeof certificates === "string") return { certificates: [], faults: [certificates] };
  const [signer, ...above] = certificates;
  const last = certificates.at(-1);
  const named = last && roots.find(({ der }) => equalBytes(der, last.der));
  const root = named ?? (last && roots.find(({ subject }) => equalBytes(subject, last.issuer)));
  if (!signer || !root) return { certificates, faults: [unknownRoot(last)] };
  const authorities = named ? above : [...above, root];
  if (authorities.length === 0) return { certificates, faults: ["it is signed by the root itself"] };
  return { certificates, root, faults: await pathFaults([signer, ...authorities], nowMs, pool) };
}

function unknownRoot(last: Certificate | undefined): string {
  return `its certificates end in ${quotedName(last?.commonName ?? "")}, which is no root for manifests that is trusted, nor issued by one`;
}
