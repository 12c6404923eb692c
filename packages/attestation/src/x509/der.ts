import { toHex } from "@bauta/protocol";

/** Input that is not the strict DER that was expected. */
export class DerError extends Error {
  override readonly name = "DerError";
  readonly code = "der_malformed";
  readonly action = "stop";
}

const MAX_INTEGER_BYTES = 32;
/** No OID that is compared with has as many. */
const MAX_OID_BYTES = 32;

/** Tags that are read in more than one place. @see ITU-T X.680 §8.6 */
const INTEGER = 0x02;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;

/** One element: tag, whole encoding and contents, the latter two as views of the input. */
export interface DerElement {
  readonly tag: number;
  readonly der: Uint8Array<ArrayBuffer>;
  readonly body: Uint8Array<ArrayBuffer>;
}

/**
 * Reads the elements of a SEQUENCE, of which there must be from `min` to `max`. Strict DER only: single-byte tags, definite
 * lengths in their shortest form, nothing left over. It never recurses, so depth is bounded by the caller's own code.
 * @param tag another one where it is not a SEQUENCE
 * @throws DerError naming the byte at fault, counted in the buffer that the element is a view of
 * @see ITU-T X.690 §10
 */
export function readSequence(of: DerElement | undefined, min: number, max: number = min, tag: number = SEQUENCE): DerElement[] {
  return splitElements(readBody(of, tag), min, max);
}

/** Reads bytes that are exactly one element. */
export function readElement(bytes: Uint8Array<ArrayBuffer>): DerElement | undefined {
  return splitElements(bytes, 1, 1)[0];
}

/** The contents of an element, which must have this tag. */
export function readBody(of: DerElement | undefined, tag: number): Uint8Array<ArrayBuffer> {
  if (of?.tag !== tag) throw new DerError(`byte ${of?.der.byteOffset}: tag ${of?.tag.toString(16)} where ${tag.toString(16)} belongs`);
  return of.body;
}

function splitElements(bytes: Uint8Array<ArrayBuffer>, min: number, max: number): DerElement[] {
  const elements: DerElement[] = [];
  let start = 0;
  const fail = (problem: string): never => {
    throw new DerError(`byte ${bytes.byteOffset + start}: ${problem}`);
  };
  while (start < bytes.length) {
    if (elements.length === max) fail(`more than ${max} elements`);
    const tag = bytes[start] ?? 0;
    if ((tag & 0x1f) === 0x1f) fail("a tag of several bytes");
    let offset = start + 2;
    let length = bytes[start + 1] ?? fail("the end");
    if (length >= 0x80) {
      const lengthBytes = length & 0x7f;
      if (lengthBytes > 3) fail("a length of more than 3 bytes");
      length = 0;
      // A byte behind the end counts as 0: the length is then found to be too long, or not the shortest.
      for (let i = 0; i < lengthBytes; i++) length = length * 256 + (bytes[offset++] ?? 0);
      // An indefinite length comes out as 0 here.
      if (length < 0x80 || length < 256 ** (lengthBytes - 1)) fail("an indefinite or padded length");
    }
    const end = offset + length;
    if (end > bytes.length) fail("more than is there");
    elements.push({ tag, der: bytes.subarray(start, end), body: bytes.subarray(offset, end) });
    start = end;
  }
  if (elements.length < min) fail(`${elements.length} elements where ${min} belong`);
  return elements;
}

/** Reads an OBJECT IDENTIFIER as the hex of its encoding, which has one form only. */
export function readOid(of: DerElement | undefined): string {
  return toHex(readBody(of, 0x06).subarray(0, MAX_OID_BYTES));
}

/** Reads an INTEGER, or another element of its form, as a number from 0 to 2³² − 1. */
export function readUnsigned(of: DerElement | undefined, tag: number = INTEGER): number {
  const magnitude = readMagnitude(of, tag);
  if (magnitude.length > 4) throw new DerError("an integer of more than 32 bits");
  return magnitude.reduce((value, byte) => value * 256 + byte, 0);
}

/** Reads an INTEGER as big-endian bytes without a sign byte; it may not be negative, padded or of more than 256 bits. */
export function readMagnitude(of: DerElement | undefined, tag: number = INTEGER): Uint8Array<ArrayBuffer> {
  const body = readBody(of, tag);
  const [first = 0xff, second = 0xff] = body;
  const magnitude = first === 0 && body.length > 1 ? body.subarray(1) : body;
  if (first >= 0x80 || (first === 0 && second < 0x80) || magnitude.length > MAX_INTEGER_BYTES)
    throw new DerError("a malformed, negative or long integer");
  return magnitude;
}

/** Reads a BOOLEAN that is there although its default is false: it has to be true. DER writes that as ff. */
export function readTrue(of: DerElement | undefined): true {
  const [value, ...more] = readBody(of, 0x01);
  if (value !== 0xff || more.length > 0) throw new DerError("a malformed boolean");
  return true;
}

/** Reads a BIT STRING that must be whole bytes. */
export function readWholeBits(of: DerElement | undefined): Uint8Array<ArrayBuffer> {
  const body = readBody(of, 0x03);
  if (body[0] !== 0) throw new DerError("a malformed bit string");
  return body.subarray(1);
}

/**
 * Reads UTCTime or GeneralizedTime in the one form that certificates may use.
 * @returns milliseconds since 1970
 * @see RFC 5280 §4.1.2.5
 */
export function readTime(of: DerElement | undefined): number {
  const utc = of?.tag === UTC_TIME;
  const text = String.fromCharCode(...readBody(of, utc ? UTC_TIME : GENERALIZED_TIME).subarray(0, 16));
  const century = utc ? (text < "50" ? "20" : "19") : "";
  const iso = (century + text).replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6.000Z");
  const ms = Date.parse(iso);
  // Date.parse takes more forms than this one, and rolls 30 February over into March: a time must read back as written.
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== iso) throw new DerError("a malformed time");
  return ms;
}

/**
 * Reads an ECDSA-Sig-Value of a 256-bit curve into r ‖ s, as WebCrypto takes it.
 * @see RFC 3279 §2.2.3
 */
export function parseEcdsaSignature(der: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const signature = new Uint8Array(64);
  for (const [index, element] of readSequence(readElement(der), 2).entries()) {
    const value = readMagnitude(element);
    signature.set(value, (index + 1) * 32 - value.length);
  }
  return signature;
}
