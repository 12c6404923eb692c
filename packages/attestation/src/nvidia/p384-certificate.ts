import { equalBytes, toHex } from "@bauta/protocol";
import {
  type DerElement,
  DerError,
  readBody,
  readElement,
  readMagnitude,
  readOid,
  readSequence,
  readTime,
  readUnsigned,
  readWholeBits,
} from "../x509/der.ts";
import { assertSameAlgorithm, readCommonName, readExtensions } from "../x509/fields.ts";
import { quotedName } from "../x509/issued.ts";
import { asCertificateError, type Certificate, MAX_CERTIFICATE_BYTES, readBasicConstraints, readKeyUsage } from "../x509/x509.ts";
import { verifyP384 } from "./p384.ts";

const INTEGER = 0x02;
const SCALAR_BYTES = 48;
/** OIDs as encoded. */
export const OID = {
  /** 1.2.840.10045.2.1 */
  ecPublicKey: "2a8648ce3d0201",
  /** 1.3.132.0.34 */
  p384: "2b81040022",
  /** 1.2.840.10045.4.3.3 */
  ecdsaWithSha384: "2a8648ce3d040303",
  /** 2.5.29.15 */
  keyUsage: "551d0f",
  /** 2.5.29.19 */
  basicConstraints: "551d13",
} as const;

/**
 * Reads one certificate in NVIDIA's profile: X.509 v3, P-384, ECDSA with SHA-384. Otherwise as `parseCertificate` does.
 * @returns its public key has 97 bytes and its signature 96
 * @throws CertificateError
 * @see RFC 5280 §4, RFC 5480 §2
 */
export function parseP384Certificate(der: Uint8Array): Certificate {
  return asCertificateError("certificate", () => {
    if (der.length > MAX_CERTIFICATE_BYTES) throw new DerError(`more than ${MAX_CERTIFICATE_BYTES} bytes`);
    return readP384Certificate(new Uint8Array(der));
  });
}

/** What is wrong with the issuer and signature of a certificate: nothing if they are this issuer's. */
export async function p384IssuerFaults({ commonName, issuer, tbs, signature }: Certificate, by: Certificate): Promise<string[]> {
  const [what, name] = [quotedName(commonName), quotedName(by.commonName)];
  if (!equalBytes(issuer, by.subject)) return [`${what} names another issuer than ${name}`];
  return (await verifyP384(by.publicKey, signature, tbs)) ? [] : [`the signature of ${what} is not by the key of ${name}`];
}

/** As {@link parseP384Certificate}, for callers that know further extensions, which may then be critical. @throws DerError */
export function readP384Certificate(der: Uint8Array<ArrayBuffer>, alsoKnown: readonly string[] = []): Certificate {
  const [tbs, algorithm, signature] = readSequence(readElement(der), 3);
  const [version, serial, signedAlgorithm, issuer, validity, subject, keyInfo, wrapper] = readSequence(tbs, 8);
  const [number] = readSequence(version, 1, 1, 0xa0);
  if (readUnsigned(number) !== 2) throw new DerError("version is not 3");
  const [oid] = readSequence(algorithm, 1);
  if (readOid(oid) !== OID.ecdsaWithSha384) throw new DerError("signature algorithm is not ECDSA with SHA-384");
  assertSameAlgorithm(signedAlgorithm, algorithm);
  const [notBefore, notAfter] = readSequence(validity, 2);
  const [list] = readSequence(wrapper, 1, 1, 0xa3);
  const extensions = readExtensions(list, [OID.keyUsage, OID.basicConstraints, ...alsoKnown]);
  return {
    der,
    tbs: tbs?.der ?? der,
    serial: toHex(readMagnitude(serial)),
    issuer: issuer?.der ?? der,
    subject: subject?.der ?? der,
    commonName: readCommonName(subject),
    notBeforeMs: readTime(notBefore),
    notAfterMs: readTime(notAfter),
    publicKey: readPublicKey(keyInfo),
    signature: readP384Signature(readWholeBits(signature)),
    ...readBasicConstraints(extensions.get(OID.basicConstraints)),
    ...readKeyUsage(extensions.get(OID.keyUsage)),
    extensions,
  };
}

function readPublicKey(keyInfo: DerElement | undefined): Uint8Array<ArrayBuffer> {
  const [algorithm, key] = readSequence(keyInfo, 2);
  const [type, curve] = readSequence(algorithm, 2).map((oid) => readOid(oid));
  const point = readWholeBits(key);
  if (type !== OID.ecPublicKey || curve !== OID.p384 || point.length !== 2 * SCALAR_BYTES + 1 || point[0] !== 0x04)
    throw new DerError("a public key that is not on P-384");
  return point;
}

/** Reads an ECDSA-Sig-Value into r ‖ s. @see RFC 3279 §2.2.3 */
export function readP384Signature(der: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const signature = new Uint8Array(2 * SCALAR_BYTES);
  for (const [index, element] of readSequence(readElement(der), 2).entries()) {
    const body = readBody(element, INTEGER);
    const [first = 0xff, second = 0xff] = body;
    const value = first === 0 && body.length > 1 ? body.subarray(1) : body;
    if (first >= 0x80 || (first === 0 && second < 0x80) || value.length > SCALAR_BYTES) throw new DerError("a malformed signature");
    signature.set(value, (index + 1) * SCALAR_BYTES - value.length);
  }
  return signature;
}
