import { keccak_256 } from "@noble/hashes/sha3.js";
import { parseHex } from "./hex.ts";

/** Bytes of an uncompressed secp256k1 point, `04 ‖ x ‖ y`. */
export const PUBLIC_KEY_BYTES = 65;

/**
 * Reads a model key as servers write it: 128 or 130 hex digits, with or without `0x`.
 * The prefix is judged by length only, since x may itself begin with `04`.
 * @returns 65 bytes `04 ‖ x ‖ y`, not yet known to be on the curve; undefined for anything else
 * @see spec/protocol.md, "Keys"
 */
export function parseModelKey(text: string): Uint8Array<ArrayBuffer> | undefined {
  const digits = text.startsWith("0x") ? text.slice(2) : text;
  return parseUncompressed(digits.length === 128 ? `04${digits}` : digits);
}

/**
 * Reads a client key: exactly 130 hex digits that begin with `04`.
 * @returns 65 bytes, not yet known to be on the curve; undefined for anything else
 * @see spec/protocol.md, "Keys"
 */
export function parseClientKey(text: string): Uint8Array<ArrayBuffer> | undefined {
  return parseUncompressed(text);
}

function parseUncompressed(digits: string): Uint8Array<ArrayBuffer> | undefined {
  if (digits.length !== PUBLIC_KEY_BYTES * 2) return undefined;
  const key = parseHex(digits, PUBLIC_KEY_BYTES);
  return key?.[0] === 0x04 ? key : undefined;
}

/**
 * The Ethereum-style address of a key: the last 20 bytes of keccak-256 over `x ‖ y`.
 * @param publicKey 65 bytes `04 ‖ x ‖ y`
 */
export function addressOf(publicKey: Uint8Array): Uint8Array<ArrayBuffer> {
  if (publicKey.length !== PUBLIC_KEY_BYTES || publicKey[0] !== 0x04) {
    throw new RangeError("addressOf needs an uncompressed key of 65 bytes that begins with 04");
  }
  return keccak_256(publicKey.subarray(1)).slice(12);
}
