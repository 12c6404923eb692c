import type { AEADFactory, KDFFactory, KEMFactory } from "hpke";
import type { Awaitable } from "./awaitable.ts";

/** A secp256k1 key pair. `secretKey` is zeroed by whoever made it once it is of no more use. */
export interface KeyPair {
  /** 32 bytes, big-endian. */
  readonly secretKey: Uint8Array;
  /** 65 bytes `04 ‖ x ‖ y`. */
  readonly publicKey: Uint8Array;
}

/** AES-256-GCM under one key, without additional data, tag of 16 bytes behind the ciphertext. */
export interface Aead {
  /** `prefix ‖ nonce ‖ ciphertext ‖ tag`, joined here because a copy less is felt on the hot path. */
  seal(prefix: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): Awaitable<Uint8Array>;
  /** The plaintext, or undefined when nonce, key or bytes do not belong together: one outcome for every fault. */
  open(nonce: Uint8Array, sealed: Uint8Array): Awaitable<Uint8Array | undefined>;
}

export interface Sha256 {
  update(bytes: Uint8Array): void;
  /** 32 bytes. The state is spent afterwards. */
  digest(): Uint8Array;
}

/** An ECDSA signature with the means to find its key. */
export interface RecoverableSignature {
  /** r ‖ s, 64 bytes, s in the lower half. */
  readonly signature: Uint8Array;
  /** 0 or 1 (2 and 3 exist and are never met). */
  readonly recovery: number;
}

/** What HPKE's steps stand on: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. @see RFC 9180 §7 */
export interface HpkeParts {
  readonly kem: KEMFactory;
  readonly kdf: KDFFactory;
  readonly aead: AEADFactory;
}

/**
 * The cryptography that the protocol stands on, once per platform. Public keys are always 65 bytes that begin with 04.
 * @see spec/protocol.md, "Cryptography"
 */
export interface CryptoBackend {
  /** `native`: libsecp256k1 and OpenSSL; `openssl`: OpenSSL alone; `web`: noble and WebCrypto. */
  readonly name: "native" | "openssl" | "web";
  randomBytes(length: number): Uint8Array;
  /** UTF-8 bytes of a text; a lone surrogate becomes U+FFFD. */
  utf8(text: string): Uint8Array;
  /** Lower-case hex. */
  toHex(bytes: Uint8Array): string;
  /** Undefined for anything but an even number of hex digits, either case. */
  parseHex(text: string, maxBytes: number): Uint8Array | undefined;
  createKeyPair(): KeyPair;
  /** The pair of a given secret key; undefined when it is zero or not below the group order. */
  keyPairOf(secretKey: Uint8Array): KeyPair | undefined;
  /** True when the bytes are an uncompressed point on the curve (not hybrid, not compressed, not infinity). */
  isPublicKey(publicKey: Uint8Array): boolean;
  /** x-coordinate (32 bytes) of the shared point; undefined when a key is not valid. */
  ecdhX(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
  /** HKDF-SHA256 (RFC 5869). */
  hkdfSha256(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, lengthBytes: number): Awaitable<Uint8Array>;
  createAead(key: Uint8Array): Awaitable<Aead>;
  createSha256(): Sha256;
  /** Loads what sealed bodies stand on where that is not WebCrypto. */
  loadHpke?(): Promise<HpkeParts>;
  /** RFC 6979, low s. */
  sign(digest: Uint8Array, secretKey: Uint8Array): RecoverableSignature;
  /** The key that made the signature; undefined when there is none or s is high. */
  recover(digest: Uint8Array, signature: RecoverableSignature): Uint8Array | undefined;
}
