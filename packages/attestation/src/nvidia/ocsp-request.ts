import { parseHex } from "@bauta/protocol";
import type { Certificate } from "../x509/x509.ts";
import { DER_TAG, writeElement, writeUnsigned } from "./der-writer.ts";

/** A nonce of this length is answered by all responders that take any. @see RFC 9654 §2.1 */
export const OCSP_NONCE_BYTES = 32;

/** OIDs as encoded. */
export const OCSP_OID = {
  /** 2.16.840.1.101.3.4.2.2 */
  sha384: "608648016503040202",
  /** 1.3.6.1.5.5.7.48.1.1, id-pkix-ocsp-basic */
  basic: "2b0601050507300101",
  /** 1.3.6.1.5.5.7.48.1.2, id-pkix-ocsp-nonce */
  nonce: "2b0601050507300102",
} as const;

/** Serial numbers have up to 20 bytes; the parser of certificates lets 32 pass. */
const MAX_HEX_BYTES = 32;
/** Tag of `requestExtensions [2]`. */
const REQUEST_EXTENSIONS = 0xa2;

/** Whose status is asked for: a certificate, and the one that issued it. */
export interface OcspSubject {
  readonly cert: Pick<Certificate, "serial">;
  readonly issuer: Pick<Certificate, "subject" | "publicKey">;
}

/** Names a certificate in OCSP: hashes of its issuer's name and key, and its serial number. */
export interface CertId {
  /** SHA-384 of the issuer's name, DER. */
  readonly issuerNameHash: Uint8Array<ArrayBuffer>;
  /** SHA-384 of the issuer's public key, without its algorithm. */
  readonly issuerKeyHash: Uint8Array<ArrayBuffer>;
  /** Hex, without leading zeros. */
  readonly serial: string;
}

/** Names a certificate by SHA-384, which NVIDIA's verifier and responder use. @see RFC 6960 §4.1.1 */
export async function createCertId({ cert, issuer }: OcspSubject): Promise<CertId> {
  const [issuerNameHash, issuerKeyHash] = await Promise.all([sha384(issuer.subject), sha384(issuer.publicKey)]);
  return { issuerNameHash, issuerKeyHash, serial: cert.serial };
}

/**
 * Writes an unsigned request for the status of one certificate.
 * @param nonce {@link OCSP_NONCE_BYTES} random bytes that the answer has to repeat; without them it may be an older one
 * @returns DER, to be posted as `application/ocsp-request`
 * @see RFC 6960 §4.1, RFC 9654
 */
export async function createOcspRequest(subject: OcspSubject, nonce?: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const { issuerNameHash, issuerKeyHash, serial } = await createCertId(subject);
  const certId = sequence(
    sequence(oid(OCSP_OID.sha384), writeElement(DER_TAG.null)),
    writeElement(DER_TAG.octetString, issuerNameHash),
    writeElement(DER_TAG.octetString, issuerKeyHash),
    writeUnsigned(hexBytes(serial)),
  );
  const requestList = sequence(sequence(certId));
  return sequence(nonce ? sequence(requestList, nonceExtensions(nonce)) : sequence(requestList));
}

function nonceExtensions(nonce: Uint8Array): Uint8Array<ArrayBuffer> {
  const value = writeElement(DER_TAG.octetString, writeElement(DER_TAG.octetString, nonce));
  return writeElement(REQUEST_EXTENSIONS, sequence(sequence(oid(OCSP_OID.nonce), value)));
}

function sequence(...members: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return writeElement(DER_TAG.sequence, ...members);
}

function oid(encoded: string): Uint8Array<ArrayBuffer> {
  return writeElement(DER_TAG.oid, hexBytes(encoded));
}

function hexBytes(hex: string): Uint8Array {
  const bytes = parseHex(hex, MAX_HEX_BYTES);
  if (!bytes) throw new RangeError("OCSP: a serial number that is not hex of up to 32 bytes");
  return bytes;
}

async function sha384(message: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-384", message));
}
