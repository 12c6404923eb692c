import { toHex } from "@bauta/protocol";
import {
  type DerElement,
  DerError,
  readBody,
  readElement,
  readMagnitude,
  readOid,
  readSequence,
  readTime,
  readTrue,
  readUnsigned,
  readWholeBits,
} from "./der.ts";
import { assertSameAlgorithm, MAX_NAME_PARTS, openSigned, readCommonName, readExtensions } from "./fields.ts";

/** Intel's certificates have 650 to 1,300 bytes. */
export const MAX_CERTIFICATE_BYTES = 8 * 1024;

const BIT_STRING = 0x03;
/** OIDs as encoded. */
const OID = {
  /** 1.2.840.10045.2.1 */
  ecPublicKey: "2a8648ce3d0201",
  /** 1.2.840.10045.3.1.7 */
  p256: "2a8648ce3d030107",
  /** 2.5.29.15 */
  keyUsage: "551d0f",
  /** 2.5.29.19 */
  basicConstraints: "551d13",
} as const;
const KNOWN_EXTENSIONS = [OID.keyUsage, OID.basicConstraints];

/** Bits of the key usage extension's first byte. */
export const KEY_USAGE = { digitalSignature: 0x80, certificateSign: 0x04, crlSign: 0x02 } as const;

/** A certificate outside the profile that this project reads: X.509 v3, P-256, ECDSA with SHA-256. */
export class CertificateError extends Error {
  override readonly name = "CertificateError";
  readonly code = "certificate_malformed";
  readonly action = "stop";
}

/** A parsed certificate; nothing in it has been verified. */
export interface Certificate {
  readonly der: Uint8Array<ArrayBuffer>;
  /** What the signature covers. */
  readonly tbs: Uint8Array<ArrayBuffer>;
  /** Hex, without leading zeros. */
  readonly serial: string;
  /** Names as DER, compared byte for byte. */
  readonly issuer: Uint8Array<ArrayBuffer>;
  readonly subject: Uint8Array<ArrayBuffer>;
  readonly commonName: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** `04 ‖ x ‖ y` on P-256; whether it is on the curve shows when it is used. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  /** r ‖ s, 64 bytes. */
  readonly signature: Uint8Array<ArrayBuffer>;
  readonly isCa: boolean;
  readonly pathLength?: number;
  /** First byte of the key usage; see {@link KEY_USAGE}. */
  readonly keyUsage?: number;
  /** Contents of each extension's OCTET STRING by OID, hex as encoded. */
  readonly extensions: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/**
 * Reads one certificate. Unknown critical extensions, repeated extensions and other algorithms are refused.
 * @param der exactly one certificate, at most {@link MAX_CERTIFICATE_BYTES}
 * @throws CertificateError
 * @see RFC 5280 §4
 */
export function parseCertificate(der: Uint8Array): Certificate {
  return asCertificateError("certificate", () => {
    if (der.length > MAX_CERTIFICATE_BYTES) throw new DerError(`more than ${MAX_CERTIFICATE_BYTES} bytes`);
    return readCertificate(new Uint8Array(der));
  });
}

/** Runs a reader and turns its DerError into a CertificateError. */
export function asCertificateError<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DerError) throw new CertificateError(`${what}: ${error.message}`, { cause: error });
    throw error;
  }
}

function readCertificate(der: Uint8Array<ArrayBuffer>): Certificate {
  const { tbs, algorithm, signature } = openSigned(der);
  const [version, serial, signedAlgorithm, issuer, validity, subject, keyInfo, wrapper] = readSequence(tbs, 8);
  const [number] = readSequence(version, 1, 1, 0xa0);
  if (readUnsigned(number) !== 2) throw new DerError("version is not 3");
  assertSameAlgorithm(signedAlgorithm, algorithm);
  const [notBefore, notAfter] = readSequence(validity, 2);
  const [list] = readSequence(wrapper, 1, 1, 0xa3);
  const extensions = readExtensions(list, KNOWN_EXTENSIONS);
  readSequence(issuer, 0, MAX_NAME_PARTS);
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
    signature,
    ...readBasicConstraints(extensions.get(OID.basicConstraints)),
    ...readKeyUsage(extensions.get(OID.keyUsage)),
    extensions,
  };
}

function readPublicKey(keyInfo: DerElement | undefined): Uint8Array<ArrayBuffer> {
  const [algorithm, key] = readSequence(keyInfo, 2);
  const [type, curve] = readSequence(algorithm, 2).map((oid) => readOid(oid));
  const point = readWholeBits(key);
  if (type !== OID.ecPublicKey || curve !== OID.p256 || point.length !== 65 || point[0] !== 0x04)
    throw new DerError("a public key that is not on P-256");
  return point;
}

/** Reads the contents of basicConstraints; without them a certificate is no CA. @throws DerError */
export function readBasicConstraints(value: Uint8Array<ArrayBuffer> | undefined): Pick<Certificate, "isCa" | "pathLength"> {
  const [ca, pathLength] = value ? readSequence(readElement(value), 0, 2) : [];
  if (!ca) return { isCa: false };
  return { isCa: readTrue(ca), ...(pathLength && { pathLength: readUnsigned(pathLength) }) };
}

/** Reads the contents of keyUsage. @throws DerError */
export function readKeyUsage(value: Uint8Array<ArrayBuffer> | undefined): Pick<Certificate, "keyUsage"> {
  if (!value) return {};
  const [unused = 8, first, ...more] = readBody(readElement(value), BIT_STRING);
  if (unused > 7 || first === undefined || more.length > 1) throw new DerError("a malformed keyUsage");
  return { keyUsage: first };
}
