import { nativeBackend, opensslBackend } from "../../packages/protocol/src/backend-node.ts";
import type { CryptoBackend } from "../../packages/protocol/src/backend.ts";
import { webBackend } from "../../packages/protocol/src/backend-web.ts";
import { skipUnless } from "./vectors.ts";

/** True when the secp256k1 addon has no build here; the other two backends are tested all the same. */
export const noNative = skipUnless(nativeBackend !== undefined, "native", "the secp256k1 package has no build for this platform");

/** Every backend of this machine. */
export const backends: readonly CryptoBackend[] = [...(nativeBackend ? [nativeBackend] : []), opensslBackend, webBackend];

/** The backend for tests that do not turn on it. */
export const anyBackend: CryptoBackend = nativeBackend ?? opensslBackend;

/** Bytes from hex; throws where a test's own input is not hex. */
export function bytes(hex: string): Uint8Array<ArrayBuffer> {
  const parsed = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  if (hex.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(hex)) throw new Error("a test's own hex is not hex");
  return parsed;
}

/** The same bytes with one bit turned. */
export function flipBit(bytes: Uint8Array, bit: number): Uint8Array<ArrayBuffer> {
  const flipped = new Uint8Array(bytes);
  flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return flipped;
}
