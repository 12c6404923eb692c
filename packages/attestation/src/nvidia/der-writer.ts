import { concatBytes } from "@bauta/protocol";

/** Tags of what is written here. @see ITU-T X.680 §8.6 */
export const DER_TAG = { octetString: 0x04, null: 0x05, oid: 0x06, sequence: 0x30 } as const;

const INTEGER = 0x02;

/** Writes one element of up to 65,535 bytes of contents. @see ITU-T X.690 §10 */
export function writeElement(tag: number, ...contents: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const body = concatBytes(...contents);
  return concatBytes(Uint8Array.of(tag, ...lengthOf(body.length)), body);
}

/** Writes an INTEGER of an unsigned, big-endian number. */
export function writeUnsigned(magnitude: Uint8Array): Uint8Array<ArrayBuffer> {
  const start = magnitude.findIndex((byte) => byte !== 0);
  const shortest = start < 0 ? Uint8Array.of(0) : magnitude.subarray(start);
  const sign = (shortest[0] ?? 0) >= 0x80 ? Uint8Array.of(0) : new Uint8Array();
  return writeElement(INTEGER, sign, shortest);
}

function lengthOf(length: number): readonly number[] {
  if (length < 0x80) return [length];
  if (length > 0xffff) throw new RangeError(`DER: ${length} bytes in one element; more than 65535 are never written here`);
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}
