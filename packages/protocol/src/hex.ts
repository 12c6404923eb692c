const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Value of each ASCII hex digit; the top bit marks every other character. */
const INVALID = 0x80;
const VALUES = new Uint8Array(128).fill(INVALID);
for (let i = 0; i < 16; i++) {
  VALUES["0123456789abcdef".charCodeAt(i)] = i;
  VALUES["0123456789ABCDEF".charCodeAt(i)] = i;
}

/** Lower-case hex, two digits a byte, no prefix: the only form that the project writes. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += DIGITS[bytes[i] as number];
  return text;
}

/**
 * Reads hex in either case, without a prefix.
 * @returns the bytes, or undefined when the text is not hex, has an odd number of digits or more than `maxBytes` bytes
 */
export function parseHex(text: string, maxBytes: number): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 2 !== 0 || text.length > maxBytes * 2) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  // Faults are gathered and judged once: this loop runs for every envelope that arrives.
  let codes = 0;
  let faults = 0;
  for (let i = 0, at = 0; i < bytes.length; i++, at += 2) {
    const first = text.charCodeAt(at);
    const second = text.charCodeAt(at + 1);
    const high = VALUES[first & 0x7f] as number;
    const low = VALUES[second & 0x7f] as number;
    codes |= first | second;
    faults |= high | low;
    bytes[i] = (high << 4) | low;
  }
  return codes > 0x7f || faults >= INVALID ? undefined : bytes;
}
