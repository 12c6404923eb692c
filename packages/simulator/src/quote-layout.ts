const REGISTER_BYTES = 48;

/** Fields of quotes, little-endian. */
export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** @throws RangeError unless it is exactly so many bytes */
export function hexBytes(digits: string, length: number): Buffer {
  const bytes = Buffer.from(digits, "hex");
  if (bytes.length !== length || digits.length !== 2 * length)
    throw new RangeError(`${length} bytes in hex are ${2 * length} digits, not "${digits}"`);
  return bytes;
}

/** A measurement register. */
export function register(digits: string): Buffer {
  return hexBytes(digits, REGISTER_BYTES);
}

/** The quote formats that a simulator writes: version 4, or 5 with one of three TD reports. */
export const QUOTE_FORMATS = {
  v4: { version: 4, bodyType: undefined },
  "v5-td10": { version: 5, bodyType: 2 },
  "v5-td15": { version: 5, bodyType: 3 },
  "v5-td15-extended": { version: 5, bodyType: 4 },
} as const;
export type QuoteFormat = keyof typeof QUOTE_FORMATS;
