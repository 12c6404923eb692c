import { DerError, readElement, readOid, readSequence, readTime, readUnsigned, readWholeBits } from "../x509/der.ts";
import { assertSameAlgorithm, readCommonName, readExtensions } from "../x509/fields.ts";
import { asCertificateError, type Certificate, MAX_CERTIFICATE_BYTES, readBasicConstraints, readKeyUsage } from "../x509/x509.ts";
import { OID, readP384Signature } from "./p384-certificate.ts";

/** OIDs as encoded: 1.2.840.113549.1.1.11, and 2.5.29.37, whose purposes bind nobody who signs tokens. */
const RSA_WITH_SHA256 = "2a864886f70d01010b";
const EXTENDED_KEY_USAGE = "551d25";
const MIN_MODULUS_BITS = 2048;
const MAX_MODULUS_BITS = 4096;

const ECDSA = { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" } as const;
const RSA = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } as const;

/** A certificate of NRAS's authorities, of which some have RSA keys; nothing in it has been verified. */
export interface NrasCertificate extends Pick<
  Certificate,
  "der" | "tbs" | "issuer" | "subject" | "commonName" | "notBeforeMs" | "notAfterMs" | "isCa" | "pathLength" | "keyUsage"
> {
  /** SubjectPublicKeyInfo, DER. */
  readonly keyInfo: Uint8Array<ArrayBuffer>;
  readonly algorithm: typeof ECDSA | typeof RSA;
  /** As {@link NrasCertificate.algorithm} has it: r ‖ s, or a number. */
  readonly signature: Uint8Array<ArrayBuffer>;
}

/**
 * Reads one certificate of the chain that NRAS serves with its keys: signed by ECDSA on P-384 with SHA-384, or by RSA with SHA-256.
 * @throws CertificateError
 * @see RFC 5280 §4
 */
export function parseNrasCertificate(der: Uint8Array): NrasCertificate {
  return asCertificateError("NRAS certificate", () => {
    if (der.length > MAX_CERTIFICATE_BYTES) throw new DerError(`more than ${MAX_CERTIFICATE_BYTES} bytes`);
    return readCertificate(new Uint8Array(der));
  });
}

function readCertificate(der: Uint8Array<ArrayBuffer>): NrasCertificate {
  const [tbs, outside, bits] = readSequence(readElement(der), 3);
  const [version, , inside, issuer, validity, subject, keyInfo, wrapper] = readSequence(tbs, 8);
  const [number] = readSequence(version, 1, 1, 0xa0);
  if (readUnsigned(number) !== 2) throw new DerError("version is not 3");
  assertSameAlgorithm(inside, outside);
  const [oid] = readSequence(outside, 1, 2);
  const algorithm = readOid(oid);
  const byEcdsa = algorithm === OID.ecdsaWithSha384;
  if (!byEcdsa && algorithm !== RSA_WITH_SHA256) throw new DerError("its signature is neither ECDSA with SHA-384 nor RSA with SHA-256");
  const [notBefore, notAfter] = readSequence(validity, 2);
  const [list] = readSequence(wrapper, 1, 1, 0xa3);
  const extensions = readExtensions(list, [OID.keyUsage, OID.basicConstraints, EXTENDED_KEY_USAGE]);
  const signature = readWholeBits(bits);
  return {
    der,
    tbs: tbs?.der ?? der,
    issuer: issuer?.der ?? der,
    subject: subject?.der ?? der,
    commonName: readCommonName(subject),
    notBeforeMs: readTime(notBefore),
    notAfterMs: readTime(notAfter),
    keyInfo: keyInfo?.der ?? der,
    algorithm: byEcdsa ? ECDSA : RSA,
    signature: byEcdsa ? readP384Signature(signature) : signature,
    ...readBasicConstraints(extensions.get(OID.basicConstraints)),
    ...readKeyUsage(extensions.get(OID.keyUsage)),
  };
}

/** Whether a certificate was signed by the key of another; false also where that key cannot be used. */
export async function isSignedBy({ algorithm, signature, tbs }: NrasCertificate, by: NrasCertificate): Promise<boolean> {
  const key = await crypto.subtle.importKey("spki", by.keyInfo, algorithm, false, ["verify"]).catch(() => undefined);
  if (!key || !isUsable(key)) return false;
  return crypto.subtle.verify(algorithm, key, signature, tbs);
}

function isUsable({ algorithm }: CryptoKey): boolean {
  if (!("modulusLength" in algorithm)) return true;
  const { modulusLength } = algorithm as RsaKeyAlgorithm;
  return modulusLength >= MIN_MODULUS_BITS && modulusLength <= MAX_MODULUS_BITS;
}
