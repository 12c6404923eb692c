/** The longest DER input that is read; Intel's largest CRLs are a few kilobytes. */
export const MAX_DER_BYTES = 1024 * 1024;
const MAX_OID_BYTES = 32;

/** Input that is not the strict DER that was expected. */
export class DerError extends Error {
  override readonly name = "DerError";
  readonly code = "der_malformed";
  readonly action = "stop";
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One element: tag, whole encoding and contents, the latter two as views of the input. */
export interface DerElement {
  readonly tag: number;
  readonly der: Uint8Array<ArrayBuffer>;
  readonly body: Uint8Array<ArrayBuffer>;
}

/**
 * Reads elements one after the other. Strict DER only: single-byte tags, definite lengths in their shortest form,
 * nothing left over. It never recurses, so depth is bounded by the caller's own code.
 * @see ITU-T X.690 §10
 */
export class DerReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #offset = 0;

  /** @throws DerError when the input is longer than {@link MAX_DER_BYTES} */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    if (bytes.length > MAX_DER_BYTES) throw new DerError(`${bytes.length} bytes are more than the ${MAX_DER_BYTES} that are read`);
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#offset === this.#bytes.length;
  }

  /** Reads the next element, which must have this tag. */
  read(tag: number, what: string): DerElement {
    if (this.done) throw new DerError(`${what} is missing`);
    const element = this.#element(what);
    if (element.tag !== tag) throw new DerError(`${what} has tag ${hexByte(element.tag)} instead of ${hexByte(tag)}`);
    return element;
  }

  /** Reads the next element if it has this tag. */
  readIf(tag: number, what: string): DerElement | undefined {
    return this.#bytes[this.#offset] === tag ? this.#element(what) : undefined;
  }

  /** Reads the next element, whatever its tag. */
  readAny(what: string): DerElement {
    if (this.done) throw new DerError(`${what} is missing`);
    return this.#element(what);
  }

  /** Enters the next element, which must have this tag. */
  enter(tag: number, what: string): DerReader {
    return new DerReader(this.read(tag, what).body);
  }

  /** Asserts that nothing is left. */
  end(what: string): void {
    if (!this.done) throw new DerError(`${what} is followed by ${this.#bytes.length - this.#offset} bytes that do not belong there`);
  }

  #element(what: string): DerElement {
    const bytes = this.#bytes;
    const start = this.#offset;
    const tag = bytes[start] ?? 0;
    if ((tag & 0x1f) === 0x1f) throw new DerError(`${what} has a tag of several bytes`);
    let offset = start + 1;
    let length = bytes[offset++];
    if (length === undefined) throw new DerError(`${what} ends before its length`);
    if (length >= 0x80) {
      const lengthBytes = length & 0x7f;
      if (lengthBytes === 0) throw new DerError(`${what} has an indefinite length`);
      if (lengthBytes > 3) throw new DerError(`${what} claims a length of ${lengthBytes} bytes`);
      if (offset + lengthBytes > bytes.length) throw new DerError(`${what} ends within its length`);
      length = 0;
      for (let i = 0; i < lengthBytes; i++) length = length * 256 + (bytes[offset++] ?? 0);
      const shortest = length < 0x80 ? 0 : length < 0x100 ? 1 : length < 0x1_0000 ? 2 : 3;
      if (shortest !== lengthBytes) throw new DerError(`${what} has a length that is not in its shortest form`);
    }
    const end = offset + length;
    if (end > bytes.length) throw new DerError(`${what} claims ${length} bytes where ${bytes.length - offset} are left`);
    this.#offset = end;
    return { tag, der: bytes.subarray(start, end), body: bytes.subarray(offset, end) };
  }
}

/** Reads an OBJECT IDENTIFIER's contents as dotted decimals. */
export function parseOid(body: Uint8Array): string {
  if (body.length === 0 || body.length > MAX_OID_BYTES) throw new DerError(`an OID of ${body.length} bytes`);
  const arcs: number[] = [];
  let arc = 0;
  let first = true;
  for (const byte of body) {
    if (first && byte === 0x80) throw new DerError("an OID with a padded arc");
    arc = arc * 128 + (byte & 0x7f);
    if (arc > 0xffff_ffff) throw new DerError("an OID with an arc above 32 bits");
    first = byte < 0x80;
    if (first) {
      arcs.push(arc);
      arc = 0;
    }
  }
  if (!first) throw new DerError("an OID that ends within an arc");
  const [head = 0, ...rest] = arcs;
  const root = Math.min(2, Math.floor(head / 40));
  return [root, head - 40 * root, ...rest].join(".");
}

/** Reads an INTEGER's contents as a number from 0 to 2³² − 1. */
export function parseUnsigned(body: Uint8Array): number {
  const magnitude = parseMagnitude(body);
  if (magnitude.length > 4) throw new DerError(`an integer of ${magnitude.length} bytes where a small number is expected`);
  let value = 0;
  for (const byte of magnitude) value = value * 256 + byte;
  return value;
}

/** Reads an INTEGER's contents as big-endian bytes without a sign byte; it may not be negative or padded. */
export function parseMagnitude(body: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>;
export function parseMagnitude(body: Uint8Array): Uint8Array;
export function parseMagnitude(body: Uint8Array): Uint8Array {
  const [first, second] = body;
  if (first === undefined) throw new DerError("an integer without contents");
  if (first >= 0x80) throw new DerError("a negative integer");
  if (first !== 0 || second === undefined) return body;
  if (second < 0x80) throw new DerError("an integer with padding");
  return body.subarray(1);
}

/** Reads a BOOLEAN's contents; DER knows only 00 and ff. */
export function parseBoolean(body: Uint8Array): boolean {
  const [value] = body;
  if (body.length !== 1 || (value !== 0 && value !== 0xff)) throw new DerError("a boolean that is neither 00 nor ff");
  return value === 0xff;
}

/** Reads a BIT STRING's contents that must be whole bytes. */
export function parseWholeBits(body: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (body[0] !== 0) throw new DerError("a bit string that is not whole bytes");
  return body.subarray(1);
}

/**
 * Reads UTCTime or GeneralizedTime in the one form that certificates may use.
 * @returns milliseconds since 1970
 * @see RFC 5280 §4.1.2.5
 */
export function parseTime(element: DerElement): number {
  const text = String.fromCharCode(...element.body.subarray(0, 16));
  const utc = element.tag === TAG.utcTime;
  const form = utc ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
  const match = (utc || element.tag === TAG.generalizedTime) && element.body.length <= 15 ? form.exec(text) : null;
  if (!match) throw new DerError("a time that is not YYMMDDhhmmssZ or YYYYMMDDhhmmssZ");
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  const fullYear = utc ? year + (year >= 50 ? 1900 : 2000) : year;
  const ms = Date.UTC(fullYear, month - 1, day, hour, minute, second);
  const date = new Date(ms);
  const rolledOver = date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59;
  if (rolledOver || fullYear < 1950) throw new DerError(`a time that does not exist: ${text}`);
  return ms;
}

/**
 * Reads an ECDSA-Sig-Value into r ‖ s of `size` bytes each, as WebCrypto takes it.
 * @see RFC 3279 §2.2.3
 */
export function parseEcdsaSignature(der: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  const outer = new DerReader(der);
  const inner = outer.enter(TAG.sequence, "signature");
  outer.end("signature");
  const signature = new Uint8Array(2 * size);
  for (const [index, what] of ["r", "s"].entries()) {
    const value = parseMagnitude(inner.read(TAG.integer, what).body);
    if (value.length > size) throw new DerError(`${what} has ${value.length} bytes, more than ${size}`);
    signature.set(value, size * (index + 1) - value.length);
  }
  inner.end("s");
  return signature;
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, "0");
}
