import { keccak_256 } from "@noble/hashes/sha3.js";
import canonicalize from "canonicalize";
import type { CryptoBackend } from "./backend.ts";
import { concatBytes, equalBytes, utf8 } from "./bytes.ts";
import { parseHex, toHex } from "./hex.ts";
import { addressOf } from "./public-key.ts";

/** The kinds of statement that an attested key signs, beside the documented receipt. */
export type StatementTag = "bauta/keys/1" | "bauta/receipt/1";

// The package is CommonJS with ES typings; what Node and bundlers import is the function itself.
const serialize = canonicalize as unknown as (value: unknown) => string | undefined;

/**
 * The text of a statement: its tag, a line feed and RFC 8785 JSON. A verifier fixes the tag beforehand, so that a
 * signature over one kind never passes for another.
 * @see spec/protocol.md, "Signed texts"
 */
export function statementText(tag: StatementTag, members: object): string {
  return `${tag}\n${canonicalJson(members)}`;
}

/** RFC 8785 JSON. @throws {TypeError} for what JSON cannot hold */
export function canonicalJson(value: object): string {
  const text = serialize(value);
  if (text === undefined) throw new TypeError("this value has no canonical JSON");
  return text;
}

function eip191Digest(text: string): Uint8Array {
  const message = utf8(text);
  return keccak_256(concatBytes(utf8(`\x19Ethereum Signed Message:\n${message.length}`), message));
}

/** Signs a text as EIP-191 has it: `0x` ‖ r ‖ s ‖ v as hex, RFC 6979, low s, v 27 or 28. */
export function signText(backend: CryptoBackend, secretKey: Uint8Array, text: string): string {
  const { signature, recovery } = backend.sign(eip191Digest(text), secretKey);
  return `0x${toHex(signature)}${toHex(Uint8Array.of(27 + recovery))}`;
}

/**
 * True when the key with this address signed the text. High-s signatures and other encodings are refused.
 * @param address 20 bytes, derived from an attested key; never an answer's `signing_address`
 */
export function verifyTextSignature(backend: CryptoBackend, address: Uint8Array, text: string, signature: string): boolean {
  const raw = signature.startsWith("0x") ? parseHex(signature.slice(2), 65) : undefined;
  if (raw?.length !== 65) return false;
  const v = raw[64] as number;
  if (v !== 27 && v !== 28) return false;
  const key = backend.recover(eip191Digest(text), { signature: raw.slice(0, 64), recovery: v - 27 });
  return key !== undefined && equalBytes(addressOf(key), address);
}
