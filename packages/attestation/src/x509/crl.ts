import { toHex } from "@bauta/protocol";
import { type DerElement, DerError, readElement, readMagnitude, readSequence, readTime, readUnsigned } from "./der.ts";
import { assertSameAlgorithm, openSigned, readCommonName, readExtensions } from "./fields.ts";

/** Intel's revocation lists have 300 to 3,400 bytes and up to a hundred entries. */
export const MAX_CRL_BYTES = 256 * 1024;
export const MAX_CRL_ENTRIES = 8192;

/** OIDs as encoded: 2.5.29.20, 2.5.29.35; 2.5.29.21, 2.5.29.24. */
const CRL_NUMBER = "551d14";
const KNOWN_LIST_EXTENSIONS = [CRL_NUMBER, "551d23"];
const KNOWN_ENTRY_EXTENSIONS = ["551d15", "551d18"];
/**
 * Critical or not, these change what a list or an entry speaks about: delta lists (2.5.29.27), parts of a list (.28),
 * other issuers' certificates (.29).
 */
const FOREIGN_EXTENSIONS = ["551d1b", "551d1c", "551d1d"];

/** A parsed revocation list; nothing in it has been verified. */
export interface RevocationList {
  /** What the signature covers. */
  readonly tbs: Uint8Array<ArrayBuffer>;
  /** Name as DER, compared byte for byte. */
  readonly issuer: Uint8Array<ArrayBuffer>;
  readonly issuerName: string;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
  /** Serial numbers, hex without leading zeros. */
  readonly revoked: ReadonlySet<string>;
  /** r ‖ s, 64 bytes. */
  readonly signature: Uint8Array<ArrayBuffer>;
}

/**
 * Reads one complete revocation list of version 2, with a number and a next update; entries in any order, or none. What the
 * number is says nothing: in all of Intel's lists it is 1.
 * Partial and indirect lists, and critical extensions that are not known, are refused.
 * @param der exactly one list, at most {@link MAX_CRL_BYTES} and {@link MAX_CRL_ENTRIES}
 * @throws DerError
 * @see RFC 5280 §5
 */
export function parseCrl(der: Uint8Array): RevocationList {
  if (der.length > MAX_CRL_BYTES) throw new DerError(`more than ${MAX_CRL_BYTES} bytes`);
  const { tbs, algorithm, signature } = openSigned(new Uint8Array(der));
  const [version, signedAlgorithm, issuer, thisUpdate, nextUpdate, ...rest] = readSequence(tbs, 6, 7);
  const wrapper = rest.pop();
  const [entries] = rest;
  if (!tbs || !issuer || readUnsigned(version) !== 1) throw new DerError("version is not 2");
  assertSameAlgorithm(signedAlgorithm, algorithm);
  const [list] = readSequence(wrapper, 1, 1, 0xa0);
  readMagnitude(readElement(readOwn(list, KNOWN_LIST_EXTENSIONS).get(CRL_NUMBER) ?? new Uint8Array()));
  return {
    tbs: tbs.der,
    issuer: issuer.der,
    issuerName: readCommonName(issuer),
    thisUpdateMs: readTime(thisUpdate),
    nextUpdateMs: readTime(nextUpdate),
    revoked: new Set(entries && readSequence(entries, 0, MAX_CRL_ENTRIES).map(readEntry)),
    signature,
  };
}

/** Reads an entry's serial number. Its date is not: what is withdrawn is withdrawn. */
function readEntry(entry: DerElement): string {
  const [serial, , extensions] = readSequence(entry, 2, 3);
  if (extensions) readOwn(extensions, KNOWN_ENTRY_EXTENSIONS);
  return toHex(readMagnitude(serial));
}

/** Reads extensions that leave the list a whole one, of its issuer's own certificates. */
function readOwn(list: DerElement | undefined, known: readonly string[]): ReadonlyMap<string, Uint8Array<ArrayBuffer>> {
  const extensions = readExtensions(list, known);
  if (FOREIGN_EXTENSIONS.some((oid) => extensions.has(oid))) throw new DerError("a partial or indirect list");
  return extensions;
}
