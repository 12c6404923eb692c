import { equalBytes, toHex } from "@bauta/protocol";
import { sha256, verifyP256 } from "../x509/ecdsa.ts";
import { parsePemCertificates, PemError } from "../x509/pem.ts";
import { failed, type Finding, passed } from "../result.ts";
import { parseSgxExtension, type SgxExtension } from "./sgx-extension.ts";
import type { TrustRoots } from "./trust-roots.ts";
import { type Certificate, CertificateError, KEY_USAGE, parseCertificate } from "../x509/x509.ts";

const ID = "tdx.pck-chain";
const PCK_CA_NAMES = new Set(["Intel SGX PCK Platform CA", "Intel SGX PCK Processor CA"]);
const PCK_NAME = "Intel SGX PCK Certificate";

/** The certificates that vouch for a quoting enclave, as far as they could be read. */
export interface PckChain {
  readonly finding: Finding;
  /** The machine's own certificate; its key signed the QE report. Present even if the chain does not hold. */
  readonly leaf?: Certificate;
  readonly machine?: SgxExtension;
  /** The chain ends in a root that the caller named, not in Intel's. */
  readonly simulated: boolean;
}

/**
 * Verifies leaf ← PCK CA ← root: roles, names, signatures, validity, Intel's extension, and that the root is
 * Intel's or a named one, byte for byte. All faults are collected into one finding.
 * @param embedded the chain as the quote holds it
 * @param nowMs the moment at which the certificates must be valid
 * @see Intel SGX PCK Certificate and CRL Profile Specification §1.3, RFC 5280 §6.1
 */
export async function verifyPckChain(embedded: Uint8Array<ArrayBuffer>, roots: TrustRoots, nowMs: number): Promise<PckChain> {
  const read = readChain(embedded);
  if ("fault" in read) return { finding: failed(ID, read.fault), simulated: false };
  const [leaf, ca, root] = read.certificates;
  const named = roots.named.some((candidate) => equalBytes(candidate.der, root.der));
  const machine = readMachine(leaf);
  const faults = [
    ...(named || equalBytes(roots.intel.der, root.der) ? [] : [await unknownRoot(root)]),
    ...roleFaults(leaf, ca, root),
    ...("fault" in machine ? [machine.fault] : []),
    ...[leaf, ca, root].flatMap((certificate) => validityFaults(certificate, nowMs)),
    ...(await Promise.all([signatureFaults(leaf, ca), signatureFaults(ca, root), signatureFaults(root, root)])).flat(),
  ];
  return {
    finding: faults.length > 0 ? failed(ID, faults.join("; ")) : passed(ID, describe(named), { issuer: ca.commonName }),
    leaf,
    ...("machine" in machine && { machine: machine.machine }),
    simulated: named,
  };
}

type Chain = readonly [leaf: Certificate, ca: Certificate, root: Certificate];

function readChain(embedded: Uint8Array<ArrayBuffer>): { certificates: Chain } | { fault: string } {
  try {
    const [leaf, ca, root, ...more] = parsePemCertificates(new TextDecoder().decode(embedded)).map(parseCertificate);
    if (!leaf || !ca || !root || more.length > 0)
      return { fault: "the quote's chain does not consist of three certificates (PCK, its CA, root)" };
    return { certificates: [leaf, ca, root] };
  } catch (error) {
    if (error instanceof PemError || error instanceof CertificateError)
      return { fault: `the quote's certificates cannot be read: ${error.message}` };
    throw error;
  }
}

function readMachine(leaf: Certificate): { machine: SgxExtension } | { fault: string } {
  try {
    return { machine: parseSgxExtension(leaf) };
  } catch (error) {
    if (error instanceof CertificateError) return { fault: `the PCK certificate's ${error.message}` };
    throw error;
  }
}

async function unknownRoot(root: Certificate): Promise<string> {
  const fingerprint = toHex(await sha256(root.der));
  return `the chain ends in ${quoted(root)} (SHA-256 ${fingerprint}), which is neither Intel's SGX Root CA nor a trust root that you named`;
}

function roleFaults(leaf: Certificate, ca: Certificate, root: Certificate): string[] {
  const faults: string[] = [];
  if (leaf.commonName !== PCK_NAME) faults.push(`the first certificate is ${quoted(leaf)}, not "${PCK_NAME}"`);
  if (leaf.isCa) faults.push(`${quoted(leaf)} is marked as a CA`);
  if (!hasUsage(leaf, KEY_USAGE.digitalSignature)) faults.push(`${quoted(leaf)} may not sign data`);
  if (!PCK_CA_NAMES.has(ca.commonName)) faults.push(`the second certificate is ${quoted(ca)}, not a PCK Platform or Processor CA`);
  for (const [certificate, below] of [
    [ca, 0],
    [root, 1],
  ] as const) {
    if (!certificate.isCa) faults.push(`${quoted(certificate)} is not a CA`);
    if (!hasUsage(certificate, KEY_USAGE.certificateSign)) faults.push(`${quoted(certificate)} may not sign certificates`);
    if (certificate.pathLength !== undefined && certificate.pathLength < below)
      faults.push(`${quoted(certificate)} allows too short a path`);
  }
  return faults;
}

async function signatureFaults(certificate: Certificate, issuer: Certificate): Promise<string[]> {
  if (!equalBytes(certificate.issuer, issuer.subject)) return [`${quoted(certificate)} names another issuer than ${quoted(issuer)}`];
  const verified = await verifyP256(issuer.publicKey, certificate.signature, certificate.tbs);
  return verified ? [] : [`the signature of ${quoted(certificate)} is not by the key of ${quoted(issuer)}`];
}

function validityFaults(certificate: Certificate, nowMs: number): string[] {
  const early = nowMs < certificate.notBeforeMs;
  if (!early && nowMs <= certificate.notAfterMs) return [];
  const bound = new Date(early ? certificate.notBeforeMs : certificate.notAfterMs).toISOString();
  return [
    `${quoted(certificate)} ${early ? "is valid only from" : "was valid only until"} ${bound}, and this check ran for ${new Date(nowMs).toISOString()}: if that time is wrong, set the clock`,
  ];
}

function hasUsage(certificate: Certificate, usage: number): boolean {
  return certificate.keyUsage !== undefined && (certificate.keyUsage & usage) !== 0;
}

function describe(named: boolean): string {
  return named ? "the PCK certificate leads to a root that you named (SIMULATED)" : "the PCK certificate leads to Intel's SGX Root CA";
}

/** A certificate's own name, as it may stand in a sentence: it comes from the evidence. */
function quoted(certificate: Certificate): string {
  return `"${certificate.commonName.slice(0, 64).replace(/[^\x20-\x7e]/g, "?")}"`;
}
