import { andThen, type Awaitable } from "./awaitable.ts";
import type { Aead, CryptoBackend } from "./backend.ts";
import { utf8 } from "./bytes.ts";
import { PUBLIC_KEY_BYTES } from "./public-key.ts";

const NONCE_BYTES = 12;
const NONCE_PREFIX_BYTES = 8;
const TAG_BYTES = 16;
const SEALED_OFFSET = PUBLIC_KEY_BYTES + NONCE_BYTES;

/** The smallest envelope, around an empty plaintext: 93 bytes, 186 hex digits. */
export const MIN_ENVELOPE_BYTES = SEALED_OFFSET + TAG_BYTES;
export const MIN_ENVELOPE_HEX = MIN_ENVELOPE_BYTES * 2;

const HKDF_INFO = utf8("ecdsa_encryption");
const NO_SALT = new Uint8Array(0);

/** A message envelope, taken apart: `sender key(65) ‖ nonce(12) ‖ ciphertext ‖ tag(16)`. */
export interface Envelope {
  /** All of it, as hashed into receipts. */
  readonly bytes: Uint8Array;
  readonly senderKey: Uint8Array;
  readonly nonce: Uint8Array;
  readonly sealed: Uint8Array;
}

/** An envelope as bytes (for the receipt) and as the hex that travels. */
export interface SealedText {
  readonly bytes: Uint8Array;
  readonly hex: string;
}

/**
 * Takes hex in either case apart; nothing is opened yet.
 * @returns undefined for anything but hex of at least 93 bytes and at most `maxPlaintextBytes` of plaintext
 * @see spec/protocol.md, "Envelope"
 */
export function parseEnvelope(backend: CryptoBackend, hex: string, maxPlaintextBytes: number): Envelope | undefined {
  if (hex.length < MIN_ENVELOPE_HEX) return undefined;
  const bytes = backend.parseHex(hex, MIN_ENVELOPE_BYTES + maxPlaintextBytes);
  return (
    bytes && {
      bytes,
      senderKey: bytes.subarray(0, PUBLIC_KEY_BYTES),
      nonce: bytes.subarray(PUBLIC_KEY_BYTES, SEALED_OFFSET),
      sealed: bytes.subarray(SEALED_OFFSET),
    }
  );
}

/**
 * The AES key that two parties share: ECDH, then HKDF-SHA256 over the x-coordinate.
 * @returns undefined when the public key is not an uncompressed point on the curve
 * @see spec/protocol.md, "Envelope"
 */
export function deriveEnvelopeKey(backend: CryptoBackend, secretKey: Uint8Array, publicKey: Uint8Array): Awaitable<Aead | undefined> {
  const x = backend.ecdhX(secretKey, publicKey);
  if (!x) return undefined;
  return andThen(backend.hkdfSha256(x, NO_SALT, HKDF_INFO, 32), (key) => {
    x.fill(0);
    return andThen(backend.createAead(key), (aead) => {
      key.fill(0);
      return aead;
    });
  });
}

export interface EnvelopeSealer {
  /** Seals one text. Calls must not overlap in order of use: each takes the next nonce. */
  seal(text: string): Awaitable<SealedText>;
}

/**
 * Seals any number of texts under one key agreement. Nonces are 8 random bytes, constant for this sealer, and a
 * 32-bit counter from 0 that never wraps, so no nonce repeats under the key.
 * @throws {RangeError} from `seal` after 2³² envelopes
 * @see spec/protocol.md, "One key agreement per response"
 */
export function createEnvelopeSealer(backend: CryptoBackend, aead: Aead, senderKey: Uint8Array): EnvelopeSealer {
  const nonceBase = new Uint8Array(NONCE_BYTES);
  nonceBase.set(backend.randomBytes(NONCE_PREFIX_BYTES), 0);
  const senderHex = backend.toHex(senderKey);
  let counter = 0;

  return {
    seal(text) {
      if (counter > 0xffffffff) throw new RangeError("an envelope sealer takes 2^32 texts");
      const nonce = nonceBase.slice();
      nonce[8] = counter >>> 24;
      nonce[9] = counter >>> 16;
      nonce[10] = counter >>> 8;
      nonce[11] = counter;
      counter++;
      return andThen(aead.seal(senderKey, nonce, backend.utf8(text)), (bytes) => ({
        bytes,
        hex: senderHex + backend.toHex(bytes.subarray(PUBLIC_KEY_BYTES)),
      }));
    },
  };
}

export interface EnvelopeOpener {
  /** The plaintext's bytes; undefined when the sender's key is no point or the envelope does not open. */
  open(envelope: Envelope): Awaitable<Uint8Array | undefined>;
}

/**
 * Opens envelopes for one secret key. The shared key of the last sender is kept, since one sender's envelopes come in
 * a row; every other sender costs a key agreement.
 */
export function createEnvelopeOpener(backend: CryptoBackend, secretKey: Uint8Array): EnvelopeOpener {
  let lastSender: Uint8Array | undefined;
  let lastAead: Aead | undefined;

  return {
    open(envelope) {
      if (lastAead && lastSender && sameKey(lastSender, envelope.senderKey)) {
        return lastAead.open(envelope.nonce, envelope.sealed);
      }
      return andThen(deriveEnvelopeKey(backend, secretKey, envelope.senderKey), (aead) => {
        if (!aead) return undefined;
        lastSender = envelope.senderKey;
        lastAead = aead;
        return aead.open(envelope.nonce, envelope.sealed);
      });
    },
  };
}

/** Public values, so the comparison may stop early. */
function sameKey(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < PUBLIC_KEY_BYTES; i++) if (a[i] !== b[i]) return false;
  return true;
}
