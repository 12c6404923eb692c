import { createCipheriv, createDecipheriv, createECDH, createHash, createSecretKey, hkdfSync, randomBytes } from "node:crypto";
import type { CryptoBackend } from "./backend.ts";
import { nobleCurve } from "./backend-noble-curve.ts";
import { loadSecp256k1 } from "./backend-node-addon.ts";
import { PUBLIC_KEY_BYTES } from "./public-key.ts";

const CURVE = "secp256k1";
const TAG_BYTES = 16;

function fromSecretKey(secretKey: Uint8Array) {
  const ecdh = createECDH(CURVE);
  ecdh.setPrivateKey(secretKey);
  return ecdh;
}

/** OpenSSL for everything but signatures, whose recovery id and RFC 6979 nonces it does not offer (noble's do). */
export const opensslBackend: CryptoBackend = {
  name: "openssl",
  ...nobleCurve,

  randomBytes: (length) => randomBytes(length),

  // From Buffer's pool, which for short texts is three times as fast as TextEncoder.
  utf8: (text) => Buffer.from(text),

  toHex: (bytes) => (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).toString("hex"),

  parseHex(text, maxBytes) {
    if (text.length % 2 !== 0 || text.length > maxBytes * 2) return undefined;
    // Only ASCII has as many bytes as characters. Decoding would take U+0130 for a "0": it drops the upper byte.
    if (Buffer.byteLength(text) !== text.length) return undefined;
    // Decoding stops at the first character that is no digit, which then shows in the length.
    const bytes = Buffer.from(text, "hex");
    return bytes.length === text.length / 2 ? bytes : undefined;
  },

  createKeyPair() {
    const ecdh = createECDH(CURVE);
    const publicKey = ecdh.generateKeys();
    const raw = ecdh.getPrivateKey();
    // OpenSSL drops leading zero bytes.
    const secretKey = new Uint8Array(32);
    secretKey.set(raw, 32 - raw.length);
    raw.fill(0);
    return { secretKey, publicKey };
  },

  keyPairOf(secretKey) {
    if (secretKey.length !== 32) return undefined;
    try {
      return { secretKey, publicKey: fromSecretKey(secretKey).getPublicKey() };
    } catch {
      return undefined;
    }
  },

  ecdhX(secretKey, publicKey) {
    if (secretKey.length !== 32 || publicKey.length !== PUBLIC_KEY_BYTES || publicKey[0] !== 0x04) return undefined;
    try {
      return fromSecretKey(secretKey).computeSecret(publicKey);
    } catch {
      return undefined;
    }
  },

  hkdfSha256: (secret, salt, info, lengthBytes) => new Uint8Array(hkdfSync("sha256", secret, salt, info, lengthBytes)),

  createAead(rawKey) {
    // A KeyObject: handing over raw bytes each time costs four times as much on Node 24.
    const key = createSecretKey(rawKey);
    return {
      seal(prefix, nonce, plaintext) {
        const cipher = createCipheriv("aes-256-gcm", key, nonce);
        const body = cipher.update(plaintext);
        cipher.final();
        const bodyAt = prefix.length + nonce.length;
        // From Buffer's pool: an allocation of its own costs more than sealing a short text.
        const sealed = Buffer.allocUnsafe(bodyAt + body.length + TAG_BYTES);
        sealed.set(prefix, 0);
        sealed.set(nonce, prefix.length);
        sealed.set(body, bodyAt);
        sealed.set(cipher.getAuthTag(), bodyAt + body.length);
        return sealed;
      },
      open(nonce, sealed) {
        if (sealed.length < TAG_BYTES || nonce.length !== 12) return undefined;
        const end = sealed.length - TAG_BYTES;
        const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
        decipher.setAuthTag(sealed.subarray(end));
        const plaintext = decipher.update(sealed.subarray(0, end));
        try {
          decipher.final();
        } catch {
          return undefined;
        }
        return plaintext;
      },
    };
  },

  createSha256() {
    const hash = createHash("sha256");
    return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest() };
  },

  loadHpke: async () => (await import("./backend-node-hpke.ts")).nodeHpke,
};

/** libsecp256k1 for the curve, OpenSSL for the rest; undefined where the addon has no build for this platform. */
export const nativeBackend: CryptoBackend | undefined = createNativeBackend();

function createNativeBackend(): CryptoBackend | undefined {
  const curve = loadSecp256k1(randomBytes(32));
  return curve && { ...opensslBackend, ...curve, name: "native" };
}

/** The best backend of this machine. `backend.name` says which one it is. */
export const backend: CryptoBackend = nativeBackend ?? opensslBackend;
