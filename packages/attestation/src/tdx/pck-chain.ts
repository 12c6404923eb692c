import { hasUsage, issuerFaults, orFault, quotedName, readChain, validityFaults, validityOf } from "../x509/issued.ts";
import type { Finding } from "../result.ts";
import type { CollateralCache, Verified } from "./collateral-cache.ts";
import { faultsOf, judged } from "./judged.ts";
import { parseSgxExtension, type SgxExtension } from "./sgx-extension.ts";
import { findAnchor, type TrustAnchor, type TrustRoots } from "./trust-roots.ts";
import { type Certificate, CertificateError, KEY_USAGE } from "../x509/x509.ts";

const PCK_CA_NAME = /^Intel SGX PCK (?:Platform|Processor) CA$/;
const PCK_NAME = "Intel SGX PCK Certificate";

/** The certificates that a quote embeds, with all that is wrong with them at any time. */
export interface PckChain extends Verified {
  /** In the order leaf, CA, root; empty when they cannot be read. */
  readonly certificates: readonly Certificate[];
  /** The machine's own certificate; its key signed the quoting enclave's report. */
  readonly leaf?: Certificate;
  readonly ca?: Certificate;
  readonly machine?: SgxExtension | undefined;
  /** The CA is one, and the root signed it: it can speak about revocation if the root is trusted. */
  readonly caHolds: boolean;
  /** The trusted root that the chain ends in. */
  readonly anchor?: TrustAnchor | undefined;
}

/**
 * Verifies leaf ← PCK CA ← root: roles, names, signatures, Intel's extension, and that the root is Intel's or a named
 * one, byte for byte. All faults are collected. Nothing that depends on the time.
 * @param embedded the chain as the quote holds it
 * @see Intel SGX PCK Certificate and CRL Profile Specification §1.3, RFC 5280 §6.1
 */
export async function verifyPckChain(embedded: Uint8Array<ArrayBuffer>, roots: TrustRoots, cache: CollateralCache): Promise<PckChain> {
  const pem = new TextDecoder().decode(embedded);
  const chain = await cache.remember(`pck|${pem}`, () => verifyChain(pem));
  const root = chain.certificates[2];
  const anchor = root && findAnchor(roots, root.der);
  // What is remembered says nothing about whom this caller trusts.
  return root && !anchor ? { ...chain, faults: [...unknownRoot(root), ...chain.faults] } : { ...chain, anchor };
}

/** Judges a chain for a moment: all of its certificates have to be valid. */
export function judgePckChain({ certificates, faults, anchor }: PckChain, nowMs: number): Finding {
  const all = [...faults, ...certificates.flatMap((certificate) => validityFaults(validityOf(certificate), nowMs))];
  const root = anchor?.named ? "a root that you named (SIMULATED)" : "Intel's SGX Root CA";
  return judged("tdx.pck-chain", all, `the PCK certificate leads to ${root}`);
}

async function verifyChain(pem: string): Promise<PckChain> {
  const read = readChain(pem, 3);
  const certificates = typeof read === "string" ? [] : read;
  const [leaf, ca, root] = certificates;
  if (!leaf || !ca || !root) return { certificates, caHolds: false, faults: [`the quote's chain (PCK, CA, root) ${read as string}`] };
  const name = quotedName(leaf.commonName);
  const machine = orFault(CertificateError, () => parseSgxExtension(leaf));
  const [leafSignature, caSignature] = await Promise.all([issuerFaults(name, leaf, ca), issuerFaults(quotedName(ca.commonName), ca, root)]);
  const caFaults = [
    ...faultsOf([
      !PCK_CA_NAME.test(ca.commonName),
      `the second certificate is ${quotedName(ca.commonName)}, not a PCK Platform or Processor CA`,
    ]),
    ...authorityFaults(ca, 0),
    ...authorityFaults(root, 1),
    ...caSignature,
  ];
  const leafFaults = faultsOf(
    [leaf.commonName !== PCK_NAME, `the first certificate is ${name}, not "${PCK_NAME}"`],
    [leaf.isCa, `${name} is marked as a CA`],
    [!hasUsage(leaf, KEY_USAGE.digitalSignature), `${name} may not sign data`],
    [typeof machine === "string", `the PCK certificate's ${machine as string}`],
  );
  return {
    certificates,
    leaf,
    ca,
    machine: typeof machine === "string" ? undefined : machine,
    caHolds: caFaults.length === 0,
    faults: [...leafFaults, ...leafSignature, ...caFaults],
  };
}

function unknownRoot({ commonName, serial }: Certificate): string[] {
  return [
    `the chain ends in ${quotedName(commonName)}, serial number ${serial}, which is neither Intel's SGX Root CA nor a trust root that you named`,
  ];
}

/** What is wrong with a CA's role. */
function authorityFaults(certificate: Certificate, below: number): string[] {
  const name = quotedName(certificate.commonName);
  return faultsOf(
    [!certificate.isCa, `${name} is not a CA`],
    [!hasUsage(certificate, KEY_USAGE.certificateSign), `${name} may not sign certificates`],
    [certificate.pathLength !== undefined && certificate.pathLength < below, `${name} allows too short a path`],
  );
}
