import { sha256 } from "@noble/hashes/sha2.js";
import type { CryptoBackend } from "./backend.ts";
import { concatBytes, utf8 } from "./bytes.ts";
import { nobleCurve } from "./backend-noble-curve.ts";
import { parseHex, toHex } from "./hex.ts";

const asBuffer = (bytes: Uint8Array) => bytes as Uint8Array<ArrayBuffer>;

/** Browsers, Deno, Bun and workers: noble for the curve (once per stream), WebCrypto for HKDF and AES-GCM. */
export const webBackend: CryptoBackend = {
  name: "web",
  ...nobleCurve,

  randomBytes(length) {
    return crypto.getRandomValues(new Uint8Array(length));
  },

  utf8,
  toHex,
  parseHex,

  createKeyPair() {
    for (;;) {
      const pair = nobleCurve.keyPairOf(crypto.getRandomValues(new Uint8Array(32)));
      if (pair) return pair;
    }
  },

  async hkdfSha256(secret, salt, info, lengthBytes) {
    const key = await crypto.subtle.importKey("raw", asBuffer(secret), "HKDF", false, ["deriveBits"]);
    const bits = await crypto.subtle.deriveBits(
      { name: "HKDF", hash: "SHA-256", salt: asBuffer(salt), info: asBuffer(info) },
      key,
      lengthBytes * 8,
    );
    return new Uint8Array(bits);
  },

  async createAead(rawKey) {
    const key = await crypto.subtle.importKey("raw", asBuffer(rawKey), "AES-GCM", false, ["encrypt", "decrypt"]);
    return {
      async seal(prefix, nonce, plaintext) {
        const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: asBuffer(nonce) }, key, asBuffer(plaintext));
        return concatBytes(prefix, nonce, new Uint8Array(sealed));
      },
      async open(nonce, sealed) {
        try {
          return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: asBuffer(nonce) }, key, asBuffer(sealed)));
        } catch {
          return undefined;
        }
      },
    };
  },

  createSha256() {
    const state = sha256.create();
    return { update: (bytes) => void state.update(bytes), digest: () => state.digest() };
  },
};

export { webBackend as backend };
