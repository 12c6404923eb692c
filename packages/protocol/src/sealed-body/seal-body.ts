import type { CryptoBackend } from "../backend.ts";
import { toHex } from "../hex.ts";
import { LIMITS } from "../limits.ts";
import { RefusalError } from "../refusals.ts";
import { type BodyOpener, createBodyOpener } from "./body-opener.ts";
import { writeFrame } from "./frames.ts";
import { parseKeyConfig } from "./key-config.ts";
import { TAG_BYTES } from "./suite-ids.ts";

export interface SealBodyOptions {
  readonly backend: CryptoBackend;
  /** The enclave's, as its attested key signed it. @see RFC 9458 §3 */
  readonly keyConfig: Uint8Array;
  /** The whole request body. */
  readonly plaintext: Uint8Array;
}

/** A sealed request, and what opens its answer. */
export interface SealedBody {
  /** The value of `Ehbp-Encapsulated-Key`: 64 lower-case hex digits. */
  readonly encapsulatedKey: string;
  /** The request body to send, byte for byte: one frame, so that nothing can be cut off it. */
  readonly body: Uint8Array<ArrayBuffer>;
  /**
   * What opens the answer. Works once: a request has one answer.
   * @param responseNonceHex the answer's `Ehbp-Response-Nonce`, absent or not
   * @throws {RefusalError} `plaintext_received` without the header, `body_not_opened` for a value that is none
   */
  openResponse(responseNonceHex: string | null | undefined): Promise<BodyOpener>;
  /** Forgets the secret of an answer that will not be read. May be called at any time. */
  dispose(): void;
}

const FRAMING_BYTES = 4 + TAG_BYTES;

/**
 * Seals a request body to an enclave's HPKE key, under a key of its own.
 * @throws {RefusalError} `invalid_key_config`, `invalid_request` for an empty body, `body_too_large`, and
 * `sealing_unavailable` where WebCrypto has no X25519
 * @see spec/sealed-bodies.md; RFC 9180 §5.1.1
 */
export async function sealBody({ backend, keyConfig, plaintext }: SealBodyOptions): Promise<SealedBody> {
  const config = parseKeyConfig(keyConfig);
  if (!config) throw new RefusalError("invalid_key_config");
  // An empty body would carry no tag, and nothing would tie the answer to whoever sent the encapsulated key.
  if (plaintext.length === 0) throw new RefusalError("invalid_request");
  if (plaintext.length > LIMITS.requestBodyBytes - FRAMING_BYTES) throw new RefusalError("body_too_large");

  // Loaded when it is first needed: many pages never speak version 2.
  const { createSuite, exportResponseSecret, isUnsupported, SETUP_OPTIONS } = await import("./suite.ts");
  const suite = await createSuite(backend);
  const setUp = async () => suite.SetupSender(await suite.DeserializePublicKey(config.publicKey), SETUP_OPTIONS);
  const { encapsulatedSecret, ctx } = await setUp().catch((error: unknown) => {
    // Otherwise the point is of small order: whoever offers it would know every key.
    throw new RefusalError(isUnsupported(error) ? "sealing_unavailable" : "invalid_key_config");
  });
  const body = writeFrame(await ctx.Seal(plaintext));
  let secret: Uint8Array | undefined = await exportResponseSecret(ctx);

  function dispose(): void {
    // Best effort: JavaScript gives no promise that no copy was made.
    secret?.fill(0);
    secret = undefined;
  }

  return {
    encapsulatedKey: toHex(encapsulatedSecret),
    body,
    async openResponse(responseNonceHex) {
      if (!secret) throw new TypeError("the answer to this request was opened already, or given up");
      const own = Uint8Array.from(secret);
      dispose();
      try {
        return await createBodyOpener(backend, own, encapsulatedSecret, responseNonceHex);
      } finally {
        own.fill(0);
      }
    },
    dispose,
  };
}
