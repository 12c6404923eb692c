import { equalBytes } from "@bauta/protocol";
import {
  type DerElement,
  DerError,
  parseEcdsaSignature,
  readBody,
  readElement,
  readOid,
  readSequence,
  readTrue,
  readWholeBits,
} from "./der.ts";

/** Tags. @see ITU-T X.680 §8.6 */
const OCTET_STRING = 0x04;
const UTF8_STRING = 0x0c;
const PRINTABLE_STRING = 0x13;
const SET = 0x31;
const MAX_EXTENSIONS = 32;
export const MAX_NAME_PARTS = 16;
/** OIDs as encoded: 1.2.840.10045.4.3.2 and 2.5.4.3. */
const ECDSA_WITH_SHA256 = "2a8648ce3d040302";
const COMMON_NAME = "550403";

/** What certificates and revocation lists have in common: signed contents, the algorithm, the signature. */
export interface SignedFields {
  readonly tbs: DerElement | undefined;
  /** To be found again inside the signed contents. */
  readonly algorithm: DerElement | undefined;
  /** r ‖ s, 64 bytes. */
  readonly signature: Uint8Array<ArrayBuffer>;
}

/** Opens SEQUENCE { contents, algorithm, signature }; the algorithm must be ECDSA with SHA-256. */
export function openSigned(der: Uint8Array<ArrayBuffer>): SignedFields {
  const [tbs, algorithm, signature] = readSequence(readElement(der), 3);
  const [oid] = readSequence(algorithm, 1);
  if (readOid(oid) !== ECDSA_WITH_SHA256) throw new DerError("signature algorithm is not ECDSA with SHA-256");
  return { tbs, algorithm, signature: parseEcdsaSignature(readWholeBits(signature)) };
}

/** Asserts that the algorithm inside the signed contents is the one outside: only the one inside is signed. */
export function assertSameAlgorithm(inside: DerElement | undefined, outside: DerElement | undefined): void {
  if (!inside || !outside || !equalBytes(inside.der, outside.der)) throw new DerError("two signature algorithms");
}

/** Reads the one common name of a distinguished name; empty when it has none. */
export function readCommonName(name: DerElement | undefined): string {
  const found = readSequence(name, 0, MAX_NAME_PARTS).flatMap((part) => {
    const [attribute] = readSequence(part, 1, 1, SET);
    const [oid, value] = readSequence(attribute, 2);
    return readOid(oid) === COMMON_NAME && value ? [value] : [];
  });
  const [value] = found;
  if (!value) return "";
  // Two common names would let two readers see two different roles.
  if (found.length > 1 || (value.tag !== UTF8_STRING && value.tag !== PRINTABLE_STRING))
    throw new DerError("a malformed common name, or several");
  return new TextDecoder().decode(value.body);
}

/**
 * Reads a list of extensions. Repeated ones, and critical ones that the caller does not know, are refused.
 * @returns contents of each extension's OCTET STRING by OID, as encoded
 * @see RFC 5280 §4.2, §5.2 and §5.3
 */
export function readExtensions(list: DerElement | undefined, known: readonly string[]): Map<string, Uint8Array<ArrayBuffer>> {
  const extensions = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const extension of readSequence(list, 0, MAX_EXTENSIONS)) {
    const [type, flag, last] = readSequence(extension, 2, 3);
    const oid = readOid(type);
    const critical = last !== undefined && readTrue(flag);
    if (extensions.has(oid)) throw new DerError(`extension ${oid} appears twice`);
    if (critical && !known.includes(oid)) throw new DerError(`extension ${oid} is critical and not known here`);
    extensions.set(oid, readBody(last ?? flag, OCTET_STRING));
  }
  return extensions;
}
