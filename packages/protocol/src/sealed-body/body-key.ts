import type { CipherSuite, KeyPair, RecipientContext } from "hpke";
import type { CryptoBackend } from "../backend.ts";
import { concatBytes } from "../bytes.ts";
import { WireError } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import { parseFixedHex } from "./body-opener.ts";
import { type BodySealer, createBodySealer } from "./body-sealer.ts";
import { createFrameReader } from "./frames.ts";
import { writeKeyConfig } from "./key-config.ts";
import { KEM_KEY_BYTES } from "./suite-ids.ts";
import { createSuite, exportResponseSecret, SETUP_OPTIONS } from "./suite.ts";

/** A key that bodies are sealed to. The private half cannot be exported. */
export interface BodyKey {
  /** What `bauta/keys/1` carries. @see RFC 9458 §3 */
  readonly keyConfig: Uint8Array;
  readonly keyId: number;
  /**
   * Opens a whole request body.
   * @param encapsulatedKeyHex the value of `Ehbp-Encapsulated-Key`
   * @throws {WireError} `too_large`; `body_not_opened` for everything wrong with header and frames; `key_config` when
   * already the first frame does not open, which is how a body for another key looks
   */
  open(encapsulatedKeyHex: string, bytes: Uint8Array): Promise<OpenedBody>;
  /** Forgets the private half: nothing opens any more. */
  destroy(): void;
}

/** A request's plaintext, and what seals its answer. */
export interface OpenedBody {
  readonly plaintext: Uint8Array;
  /** What seals the answer. Works once: a request has one answer. */
  sealResponse(): Promise<BodySealer>;
}

/** Frames of one request. Each costs a call into WebCrypto where that does the work, and a body of tiny ones would cost seconds. */
const MAX_REQUEST_FRAMES = 1024;

/**
 * Makes a key pair.
 * @param keyId 0–255, a name for the key among those of this enclave
 */
export async function createBodyKey(backend: CryptoBackend, keyId = 0): Promise<BodyKey> {
  return await bodyKeyOf(backend, await (await createSuite(backend)).GenerateKeyPair(false), keyId);
}

/** The key of a pair that is there already. */
export async function bodyKeyOf(backend: CryptoBackend, keyPair: KeyPair, keyId: number): Promise<BodyKey> {
  const suite = await createSuite(backend);
  const keyConfig = writeKeyConfig({ keyId, publicKey: await suite.SerializePublicKey(keyPair.publicKey) });
  let held: KeyPair | undefined = keyPair;

  return {
    keyConfig,
    keyId,
    async open(encapsulatedKeyHex, bytes) {
      // 1. The form, which everybody on the way can judge as well.
      if (bytes.length > LIMITS.requestBodyBytes) throw new WireError("too_large");
      const encapsulatedKey = parseFixedHex(encapsulatedKeyHex, KEM_KEY_BYTES);
      const frames = readFrames(bytes);
      if (!encapsulatedKey || !frames) throw new WireError("body_not_opened");

      // 2. The first frame decides whether the key is right: a body names none.
      const context = held && (await setUpRecipient(suite, held, encapsulatedKey));
      const first = context && (await openFrame(context, frames[0]));
      if (!context || !first) throw new WireError("key_config");

      // 3. The others, in order, under the same context.
      const opened = [first];
      for (const frame of frames.slice(1)) {
        const plaintext = await openFrame(context, frame);
        if (!plaintext) throw new WireError("body_not_opened");
        opened.push(plaintext);
      }

      // 4. The answer's secret; the context is let go.
      let secret: Uint8Array | undefined = await exportResponseSecret(context);
      return {
        plaintext: opened.length === 1 ? first : concatBytes(...opened),
        async sealResponse() {
          if (!secret) throw new TypeError("the answer to this request is being sealed already");
          const own = secret;
          secret = undefined;
          try {
            return await createBodySealer(backend, own, encapsulatedKey);
          } finally {
            own.fill(0);
          }
        },
      };
    },
    destroy() {
      held = undefined;
    },
  };
}

/**
 * Opens a body with whichever of an enclave's keys it was sealed to: the current one, or the one before it.
 * @throws {WireError} as `BodyKey.open`, with `key_config` when it opens with none of them
 */
export async function openBody<K extends BodyKey>(
  keys: readonly K[],
  encapsulatedKeyHex: string,
  bytes: Uint8Array,
): Promise<OpenedBody & { readonly key: K }> {
  for (const key of keys) {
    try {
      return { ...(await key.open(encapsulatedKeyHex, bytes)), key };
    } catch (error) {
      if (!(error instanceof WireError && error.code === "key_config")) throw error;
    }
  }
  throw new WireError("key_config");
}

/** At least one: without a tag nothing would tie the encapsulated key to whoever wrote the body. */
function readFrames(bytes: Uint8Array): [Uint8Array, ...Uint8Array[]] | undefined {
  const reader = createFrameReader(LIMITS.requestBodyBytes);
  const [first, ...others] = reader.push(bytes) ?? [];
  if (!first || reader.pending || others.length >= MAX_REQUEST_FRAMES) return undefined;
  return [first, ...others];
}

async function setUpRecipient(suite: CipherSuite, keyPair: KeyPair, encapsulatedKey: Uint8Array): Promise<RecipientContext | undefined> {
  try {
    return await suite.SetupRecipient(keyPair, encapsulatedKey, SETUP_OPTIONS);
  } catch {
    return undefined;
  }
}

async function openFrame(context: RecipientContext, ciphertext: Uint8Array): Promise<Uint8Array | undefined> {
  try {
    return await context.Open(ciphertext);
  } catch {
    return undefined;
  }
}
