import type { CryptoBackend } from "../backend.ts";
import { concatBytes } from "../bytes.ts";
import { deriveResponseKeys, RESPONSE_NONCE_BYTES } from "./response-keys.ts";

/** Seals one answer, frame by frame. */
export interface BodySealer {
  /** The value of `Ehbp-Response-Nonce`: 64 lower-case hex digits. */
  readonly nonceHex: string;
  /**
   * One whole frame, to be written and flushed as it is: u32be(length) ‖ ciphertext ‖ tag. Frames go out in the order of
   * the calls. No bytes for an empty plaintext; several frames for one above 1 MiB.
   */
  seal(plaintext: Uint8Array): Promise<Uint8Array>;
}

const MAX_FRAME_PLAINTEXT_BYTES = 1024 * 1024;
const NOTHING = new Uint8Array(0);
const LENGTH_BYTES = 4;
const NONCE_BYTES = 12;

/** @param secret 32 bytes exported from the request's HPKE context */
export async function createBodySealer(backend: CryptoBackend, secret: Uint8Array, encapsulatedKey: Uint8Array): Promise<BodySealer> {
  const responseNonce = backend.randomBytes(RESPONSE_NONCE_BYTES);
  const keys = await deriveResponseKeys(backend, secret, encapsulatedKey, responseNonce);

  async function sealFrame(plaintext: Uint8Array): Promise<Uint8Array> {
    const sealed = await keys.aead.seal(NOTHING, keys.nextNonce(), plaintext);
    // The backend puts the nonce first. Both ends know it: its last four bytes make room for the length, without a copy.
    const frame = sealed.subarray(NONCE_BYTES - LENGTH_BYTES);
    new DataView(frame.buffer, frame.byteOffset, LENGTH_BYTES).setUint32(0, frame.length - LENGTH_BYTES);
    return frame;
  }

  return {
    nonceHex: backend.toHex(responseNonce),

    async seal(plaintext) {
      if (plaintext.length === 0) return NOTHING;
      if (plaintext.length <= MAX_FRAME_PLAINTEXT_BYTES) return await sealFrame(plaintext);
      const frames: Promise<Uint8Array>[] = [];
      for (let at = 0; at < plaintext.length; at += MAX_FRAME_PLAINTEXT_BYTES) {
        frames.push(sealFrame(plaintext.subarray(at, at + MAX_FRAME_PLAINTEXT_BYTES)));
      }
      return concatBytes(...(await Promise.all(frames)));
    },
  };
}
