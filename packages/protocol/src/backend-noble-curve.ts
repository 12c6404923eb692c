import { secp256k1 } from "@noble/curves/secp256k1.js";
import type { CryptoBackend } from "./backend.ts";
import { PUBLIC_KEY_BYTES } from "./public-key.ts";

/** secp256k1 by noble: all of it in browsers, and signatures in Node where the native library is missing. */
export const nobleCurve: Pick<CryptoBackend, "keyPairOf" | "isPublicKey" | "ecdhX" | "sign" | "recover"> = {
  keyPairOf(secretKey) {
    if (!secp256k1.utils.isValidSecretKey(secretKey)) return undefined;
    return { secretKey, publicKey: secp256k1.getPublicKey(secretKey, false) };
  },

  isPublicKey(publicKey) {
    return publicKey.length === PUBLIC_KEY_BYTES && publicKey[0] === 0x04 && secp256k1.utils.isValidPublicKey(publicKey, false);
  },

  ecdhX(secretKey, publicKey) {
    if (publicKey.length !== PUBLIC_KEY_BYTES || publicKey[0] !== 0x04) return undefined;
    try {
      return secp256k1.getSharedSecret(secretKey, publicKey, true).slice(1);
    } catch {
      return undefined;
    }
  },

  sign(digest, secretKey) {
    const recovered = secp256k1.sign(digest, secretKey, { prehash: false, lowS: true, format: "recovered" });
    return { signature: recovered.slice(1), recovery: recovered[0] as number };
  },

  recover(digest, { signature, recovery }) {
    if (signature.length !== 64 || digest.length !== 32 || !(recovery >= 0 && recovery <= 3)) return undefined;
    try {
      const parsed = secp256k1.Signature.fromBytes(Uint8Array.of(recovery, ...signature), "recovered");
      if (parsed.hasHighS()) return undefined;
      return parsed.recoverPublicKey(digest).toBytes(false);
    } catch {
      return undefined;
    }
  },
};
