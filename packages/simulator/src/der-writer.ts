const OID_ARC = 128;

/** One DER element with this tag and these contents. @see ITU-T X.690 §10 */
function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  return Buffer.concat([Buffer.of(tag), lengthOf(body.length), body]);
}

export function sequence(...members: readonly Uint8Array[]): Buffer {
  return element(0x30, ...members);
}

export function set(...members: readonly Uint8Array[]): Buffer {
  return element(0x31, ...members);
}

/** A constructed, context-specific element: `[n]`. */
export function explicit(n: number, ...members: readonly Uint8Array[]): Buffer {
  return element(0xa0 | n, ...members);
}

/** An INTEGER of a number up to 2⁵³ − 1 or of an unsigned big-endian magnitude. */
export function integer(value: number | Uint8Array): Buffer {
  const magnitude = typeof value === "number" ? bigEndian(value) : Buffer.from(value);
  const start = magnitude.findIndex((byte) => byte !== 0);
  const shortest = start < 0 ? Buffer.of(0) : magnitude.subarray(start);
  return element(0x02, ...((shortest[0] ?? 0) >= 0x80 ? [Buffer.of(0), shortest] : [shortest]));
}

export function enumerated(value: number): Buffer {
  return element(0x0a, bigEndian(value));
}

export function boolean(value: boolean): Buffer {
  return element(0x01, Buffer.of(value ? 0xff : 0x00));
}

export function octetString(value: Uint8Array): Buffer {
  return element(0x04, value);
}

/** A BIT STRING of whole bytes, or with some bits of its last byte unused. */
export function bitString(value: Uint8Array, unusedBits = 0): Buffer {
  return element(0x03, Buffer.of(unusedBits), value);
}

export function utf8String(text: string): Buffer {
  return element(0x0c, Buffer.from(text));
}

export function ia5(tag: number, text: string): Buffer {
  return element(tag, Buffer.from(text, "latin1"));
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return element(0x06, ...[first * 40 + second, ...rest].map(arc));
}

/** A context-specific element that replaces another's tag: `[n] IMPLICIT`. */
export function implicit(n: number, value: Uint8Array): Buffer {
  return element(0x80 | n, value);
}

/** GeneralizedTime, whatever the year. */
export function generalizedTime(ms: number): Buffer {
  const iso = new Date(ms).toISOString();
  return ia5(0x18, `${iso.slice(0, 19).replace(/[-:T]/g, "")}Z`);
}

/** UTCTime until 2049, GeneralizedTime from 2050 on. @see RFC 5280 §4.1.2.5 */
export function time(ms: number): Buffer {
  const general = generalizedTime(ms);
  return new Date(ms).getUTCFullYear() < 2050 ? element(0x17, general.subarray(4)) : general;
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const bytes = bigEndian(length);
  return Buffer.concat([Buffer.of(0x80 | bytes.length), bytes]);
}

function bigEndian(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; rest > 0 || bytes.length === 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.from(bytes);
}

function arc(value: number): Buffer {
  const bytes = [value % OID_ARC];
  for (let rest = Math.floor(value / OID_ARC); rest > 0; rest = Math.floor(rest / OID_ARC)) bytes.unshift(0x80 | (rest % OID_ARC));
  return Buffer.from(bytes);
}
