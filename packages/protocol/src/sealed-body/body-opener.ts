import type { CryptoBackend } from "../backend.ts";
import { parseHex } from "../hex.ts";
import { HEADERS } from "../headers.ts";
import { LIMITS } from "../limits.ts";
import { RefusalError } from "../refusals.ts";
import { createFrameReader } from "./frames.ts";
import { deriveResponseKeys, RESPONSE_NONCE_BYTES } from "./response-keys.ts";

/** Opens one answer as it arrives. That it opened to its end says nothing of completeness: that is for what it holds. */
export interface BodyOpener {
  /**
   * Takes the next bytes, split anywhere; returns the plaintexts of the frames that they completed, in order.
   * @throws {RefusalError} `body_not_opened` for a frame that is forged, repeated, out of order, or too long; from then
   * on every call throws it
   */
  push(bytes: Uint8Array): Promise<Uint8Array[]>;
  /** To be called when the body has ended. @throws {RefusalError} `body_cut` when it ended within a frame */
  end(): void;
}

/**
 * @param secret 32 bytes exported from the request's HPKE context
 * @param responseNonceHex the answer's `Ehbp-Response-Nonce`; an answer without it is not sealed, and refused
 * @throws {RefusalError} `plaintext_received`, `body_not_opened`
 */
export async function createBodyOpener(
  backend: CryptoBackend,
  secret: Uint8Array,
  encapsulatedKey: Uint8Array,
  responseNonceHex: string | null | undefined,
): Promise<BodyOpener> {
  if (responseNonceHex === null || responseNonceHex === undefined) throw new RefusalError("plaintext_received", HEADERS.responseNonce);
  const responseNonce = parseFixedHex(responseNonceHex, RESPONSE_NONCE_BYTES);
  if (!responseNonce) throw new RefusalError("body_not_opened", HEADERS.responseNonce);
  const keys = await deriveResponseKeys(backend, secret, encapsulatedKey, responseNonce);
  const reader = createFrameReader(LIMITS.sealedFrameBytes);
  let failed = false;

  function fail(): never {
    failed = true;
    throw new RefusalError("body_not_opened");
  }

  return {
    async push(bytes) {
      if (failed) fail();
      const frames = reader.push(bytes) ?? fail();
      // Nonces are given out before anything is awaited, so that calls that overlap keep their order.
      const numbered = frames.map((ciphertext) => ({ ciphertext, nonce: keys.nextNonce() }));
      const opened: Uint8Array[] = [];
      for (const { ciphertext, nonce } of numbered) {
        const plaintext = await keys.aead.open(nonce, ciphertext);
        // A frame that fails ends the answer, also for what comes behind it and opens.
        if (failed || !plaintext) fail();
        opened.push(plaintext);
      }
      return opened;
    },

    end() {
      if (failed) fail();
      if (reader.pending) throw new RefusalError("body_cut");
    },
  };
}

/** Lower-case hex of exactly so many bytes: a value has one form, so that none can be sent twice in two. */
export function parseFixedHex(text: string, lengthBytes: number): Uint8Array | undefined {
  return text.length === 2 * lengthBytes && !/[A-F]/.test(text) ? parseHex(text, lengthBytes) : undefined;
}
