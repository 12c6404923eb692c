import { equalBytes } from "@bauta/protocol";
import { verifyP256 } from "./ecdsa.ts";
import { parsePemCertificates, PemError } from "./pem.ts";
import { type Certificate, CertificateError, parseCertificate } from "./x509.ts";

/** A name out of a certificate or list, as it may stand in a sentence. */
export function quotedName(name: string): string {
  return `"${name.slice(0, 64).replace(/[^\x20-\x7e]/g, "?")}"`;
}

/**
 * Runs a parser.
 * @param ownError what it throws when its input is at fault
 * @returns what it read, or the error's message
 */
export function orFault<T>(ownError: abstract new (...args: never[]) => Error, read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    if (error instanceof ownError) return error.message;
    throw error;
  }
}

/**
 * Reads a chain of this many certificates from PEM.
 * @returns a clause instead when it cannot be read
 */
export function readChain(pem: string, count: number): readonly Certificate[] | string {
  const ders = orFault(PemError, () => parsePemCertificates(pem));
  const chain = typeof ders === "string" ? ders : orFault(CertificateError, () => ders.map(parseCertificate));
  if (typeof chain === "string") return `cannot be read: ${chain}`;
  return chain.length === count ? chain : `has ${chain.length} certificates, not ${count}`;
}

/** Whether a certificate's key usage has this bit; one without the extension has none. */
export function hasUsage(certificate: Certificate, usage: number): boolean {
  return ((certificate.keyUsage ?? 0) & usage) !== 0;
}

/** What certificates and revocation lists have in common: somebody signed them. */
type Signed = Pick<Certificate, "issuer" | "tbs" | "signature">;

/**
 * What is wrong with the issuer and signature of a certificate or revocation list: nothing if they are this issuer's.
 * @param what names it in a sentence
 */
export async function issuerFaults(what: string, { issuer, tbs, signature }: Signed, by: Certificate): Promise<string[]> {
  const name = quotedName(by.commonName);
  if (!equalBytes(issuer, by.subject)) return [`${what} names another issuer than ${name}`];
  return (await verifyP256(by.publicKey, signature, tbs)) ? [] : [`the signature of ${what} is not by the key of ${name}`];
}

/** A span of time, both ends included, and what it belongs to. @see RFC 5280 §4.1.2.5 */
export interface Validity {
  readonly what: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

export function validityOf(certificate: Certificate): Validity {
  return { what: quotedName(certificate.commonName), fromMs: certificate.notBeforeMs, untilMs: certificate.notAfterMs };
}

/** Says so when a moment lies outside a span. */
export function validityFaults({ what, fromMs, untilMs }: Validity, nowMs: number): string[] {
  const early = nowMs < fromMs;
  if (!early && nowMs <= untilMs) return [];
  const [bound, now] = [early ? fromMs : untilMs, nowMs].map((ms) => new Date(ms).toISOString());
  return [`${what} ${early ? "is valid only from" : "was valid only until"} ${bound}, and now is ${now}: if that is wrong, set the clock`];
}
