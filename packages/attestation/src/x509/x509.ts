import { equalBytes, toHex } from "@bauta/protocol";
import {
  DerError,
  DerReader,
  parseBoolean,
  parseEcdsaSignature,
  parseMagnitude,
  parseOid,
  parseTime,
  parseUnsigned,
  parseWholeBits,
  TAG,
} from "./der.ts";

/** Intel's certificates have 650 to 1,300 bytes. */
export const MAX_CERTIFICATE_BYTES = 8 * 1024;
const MAX_EXTENSIONS = 32;
const MAX_NAME_PARTS = 16;

const OID = {
  ecPublicKey: "1.2.840.10045.2.1",
  p256: "1.2.840.10045.3.1.7",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  commonName: "2.5.4.3",
  keyUsage: "2.5.29.15",
  basicConstraints: "2.5.29.19",
} as const;

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
  /** Contents of each extension's OCTET STRING by OID. */
  readonly extensions: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

/**
 * Reads one certificate. Unknown critical extensions, repeated extensions and other algorithms are refused.
 * @param der exactly one certificate, at most {@link MAX_CERTIFICATE_BYTES}
 * @throws CertificateError
 * @see RFC 5280 §4
 */
export function parseCertificate(der: Uint8Array): Certificate {
  if (der.length > MAX_CERTIFICATE_BYTES) {
    throw new CertificateError(`certificate: ${der.length} bytes are more than the ${MAX_CERTIFICATE_BYTES} that are read`);
  }
  return asCertificateError("certificate", () => readCertificate(new Uint8Array(der)));
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
  const input = new DerReader(der);
  const outer = input.enter(TAG.sequence, "certificate");
  input.end("certificate");
  const tbs = outer.read(TAG.sequence, "tbsCertificate");
  const algorithm = outer.read(TAG.sequence, "signatureAlgorithm");
  const signature = outer.read(TAG.bitString, "signatureValue");
  outer.end("signatureValue");

  const fields = new DerReader(tbs.body);
  const version = fields.enter(0xa0, "version");
  if (parseUnsigned(version.read(TAG.integer, "version").body) !== 2) throw new DerError("version is not 3");
  version.end("version");
  const serial = toHex(parseMagnitude(fields.read(TAG.integer, "serialNumber").body));
  const signedAlgorithm = fields.read(TAG.sequence, "signature");
  if (!equalBytes(signedAlgorithm.der, algorithm.der)) throw new DerError("the signed and the outer algorithm differ");
  readSignatureAlgorithm(algorithm.body);
  const issuer = fields.read(TAG.sequence, "issuer");
  const validity = fields.enter(TAG.sequence, "validity");
  const notBeforeMs = parseTime(validity.readAny("notBefore"));
  const notAfterMs = parseTime(validity.readAny("notAfter"));
  validity.end("notAfter");
  const subject = fields.read(TAG.sequence, "subject");
  const publicKey = readPublicKey(fields.enter(TAG.sequence, "subjectPublicKeyInfo"));
  const extensions = readExtensions(fields.enter(0xa3, "extensions"));
  fields.end("extensions");

  return {
    der,
    tbs: tbs.der,
    serial,
    issuer: issuer.der,
    subject: subject.der,
    commonName: readCommonName(subject.body),
    notBeforeMs,
    notAfterMs,
    publicKey,
    signature: parseEcdsaSignature(parseWholeBits(signature.body), 32),
    ...readBasicConstraints(extensions.get(OID.basicConstraints)),
    ...readKeyUsage(extensions.get(OID.keyUsage)),
    extensions,
  };
}

function readSignatureAlgorithm(body: Uint8Array<ArrayBuffer>): void {
  const parts = new DerReader(body);
  const oid = parseOid(parts.read(TAG.oid, "signature algorithm").body);
  if (oid !== OID.ecdsaWithSha256) throw new DerError(`signature algorithm ${oid} is not ECDSA with SHA-256`);
  parts.end("signature algorithm");
}

function readPublicKey(info: DerReader): Uint8Array<ArrayBuffer> {
  const algorithm = info.enter(TAG.sequence, "public key algorithm");
  const type = parseOid(algorithm.read(TAG.oid, "public key type").body);
  const curve = type === OID.ecPublicKey ? parseOid(algorithm.read(TAG.oid, "curve").body) : "";
  if (curve !== OID.p256) throw new DerError(`public key is not on P-256 (type ${type}, curve ${curve || "none"})`);
  algorithm.end("curve");
  const point = parseWholeBits(info.read(TAG.bitString, "public key").body);
  info.end("public key");
  if (point.length !== 65 || point[0] !== 0x04) throw new DerError("public key is not an uncompressed P-256 point");
  return point;
}

function readCommonName(name: Uint8Array<ArrayBuffer>): string {
  const parts = new DerReader(name);
  const found: string[] = [];
  for (let count = 0; !parts.done; count++) {
    if (count === MAX_NAME_PARTS) throw new DerError(`a name of more than ${MAX_NAME_PARTS} parts`);
    const part = parts.enter(TAG.set, "name part");
    const attribute = part.enter(TAG.sequence, "name attribute");
    part.end("name attribute");
    const oid = parseOid(attribute.read(TAG.oid, "name attribute type").body);
    const value = attribute.readAny("name attribute value");
    attribute.end("name attribute value");
    if (oid !== OID.commonName) continue;
    if (value.tag !== TAG.utf8String && value.tag !== TAG.printableString) throw new DerError("a common name of an unexpected type");
    found.push(new TextDecoder().decode(value.body));
  }
  // Two common names would let two readers see two different roles.
  if (found.length > 1) throw new DerError("a name with several common names");
  return found[0] ?? "";
}

function readExtensions(wrapper: DerReader): Map<string, Uint8Array<ArrayBuffer>> {
  const list = wrapper.enter(TAG.sequence, "extensions");
  wrapper.end("extensions");
  const extensions = new Map<string, Uint8Array<ArrayBuffer>>();
  while (!list.done) {
    const extension = list.enter(TAG.sequence, "extension");
    const oid = parseOid(extension.read(TAG.oid, "extension type").body);
    const criticalElement = extension.readIf(TAG.boolean, "critical");
    const critical = criticalElement ? parseBoolean(criticalElement.body) : false;
    if (criticalElement && !critical) throw new DerError(`extension ${oid} encodes its default`);
    const value = extension.read(TAG.octetString, "extension value").body;
    extension.end("extension value");
    if (extensions.has(oid)) throw new DerError(`extension ${oid} appears twice`);
    if (extensions.size === MAX_EXTENSIONS) throw new DerError(`more than ${MAX_EXTENSIONS} extensions`);
    if (critical && oid !== OID.keyUsage && oid !== OID.basicConstraints) {
      throw new DerError(`extension ${oid} is critical and not known here`);
    }
    extensions.set(oid, value);
  }
  return extensions;
}

function readBasicConstraints(value: Uint8Array<ArrayBuffer> | undefined): Pick<Certificate, "isCa" | "pathLength"> {
  if (!value) return { isCa: false };
  const outer = new DerReader(value);
  const constraints = outer.enter(TAG.sequence, "basicConstraints");
  outer.end("basicConstraints");
  const ca = constraints.readIf(TAG.boolean, "cA");
  const isCa = ca ? parseBoolean(ca.body) : false;
  if (ca && !isCa) throw new DerError("basicConstraints encode their default");
  const pathLength = constraints.readIf(TAG.integer, "pathLenConstraint");
  constraints.end("basicConstraints");
  if (pathLength && !isCa) throw new DerError("a path length without the CA flag");
  return { isCa, ...(pathLength && { pathLength: parseUnsigned(pathLength.body) }) };
}

function readKeyUsage(value: Uint8Array<ArrayBuffer> | undefined): Pick<Certificate, "keyUsage"> {
  if (!value) return {};
  const outer = new DerReader(value);
  const bits = outer.read(TAG.bitString, "keyUsage").body;
  outer.end("keyUsage");
  const [unused, first] = bits;
  if (unused === undefined || unused > 7 || first === undefined || bits.length > 3) throw new DerError("keyUsage is malformed");
  return { keyUsage: first };
}
