import type { Aead, CryptoBackend } from "../backend.ts";
import { concatBytes, utf8 } from "../bytes.ts";

/** Bytes of `Ehbp-Response-Nonce`. */
export const RESPONSE_NONCE_BYTES = 32;

const KEY_LABEL = utf8("key");
const NONCE_LABEL = utf8("nonce");
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
/** Frames of one answer. No answer comes near it; the reference implementation stops here, too. */
const MAX_FRAMES = 2 ** 32;

/** What seals, or opens, the frames of one answer. */
export interface ResponseKeys {
  readonly aead: Aead;
  /** The nonce of the next frame. @throws {RangeError} when no further frame may be sealed or opened */
  nextNonce(): Uint8Array;
}

/**
 * Derives an answer's keys from what only the two ends of its request know.
 * @param secret 32 bytes exported from the request's HPKE context
 * @param encapsulatedKey the request's, 32 bytes
 * @param responseNonce 32 bytes, fresh for each answer
 * @see spec/sealed-bodies.md; RFC 9458 §4.4
 */
export async function deriveResponseKeys(
  backend: CryptoBackend,
  secret: Uint8Array,
  encapsulatedKey: Uint8Array,
  responseNonce: Uint8Array,
): Promise<ResponseKeys> {
  const salt = concatBytes(encapsulatedKey, responseNonce);
  const key = await backend.hkdfSha256(secret, salt, KEY_LABEL, KEY_BYTES);
  const base = await backend.hkdfSha256(secret, salt, NONCE_LABEL, NONCE_BYTES);
  const aead = await backend.createAead(key);
  key.fill(0);
  let index = 0;

  return {
    aead,
    nextNonce() {
      if (index >= MAX_FRAMES) throw new RangeError(`an answer has at most ${MAX_FRAMES} frames`);
      const nonce = Uint8Array.from(base);
      // XOR with u64be(index) in the last eight bytes, whose upper half is zero below 2^32.
      const low = new DataView(nonce.buffer, NONCE_BYTES - 4);
      low.setUint32(0, (low.getUint32(0) ^ index) >>> 0);
      index += 1;
      return nonce;
    },
  };
}
