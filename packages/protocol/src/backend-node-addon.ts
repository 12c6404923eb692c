import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import type { CryptoBackend } from "./backend.ts";
import { PUBLIC_KEY_BYTES } from "./public-key.ts";

interface Secp256k1Addon {
  contextRandomize(seed: Uint8Array): void;
  privateKeyVerify(secretKey: Uint8Array): boolean;
  publicKeyCreate(secretKey: Uint8Array, compressed: boolean, output: Uint8Array): Uint8Array;
  publicKeyVerify(publicKey: Uint8Array): boolean;
  ecdh(
    publicKey: Uint8Array,
    secretKey: Uint8Array,
    options: { hashfn: (x: Uint8Array, y: Uint8Array) => Uint8Array; xbuf: Uint8Array; ybuf: Uint8Array },
    output: Uint8Array,
  ): Uint8Array;
  ecdsaSign(digest: Uint8Array, secretKey: Uint8Array): { signature: Uint8Array; recid: number };
  ecdsaRecover(signature: Uint8Array, recovery: number, digest: Uint8Array, compressed: boolean): Uint8Array;
  signatureNormalize(signature: Uint8Array): Uint8Array;
}

type Curve = Pick<CryptoBackend, "createKeyPair" | "keyPairOf" | "isPublicKey" | "ecdhX" | "sign" | "recover">;

/**
 * Loads the `secp256k1` package's native half only: its main entry would fall back, silently, to a JavaScript
 * library that is not constant-time.
 * @param seed 32 random bytes that blind the library's multiplications
 * @returns undefined when the package or a build for this platform is missing
 */
export function loadSecp256k1(seed: Uint8Array): Curve | undefined {
  let addon: Secp256k1Addon;
  try {
    addon = createRequire(import.meta.url)("secp256k1/bindings.js") as Secp256k1Addon;
    addon.contextRandomize(seed);
  } catch {
    return undefined;
  }

  const isUncompressed = (key: Uint8Array) => key.length === PUBLIC_KEY_BYTES && key[0] === 0x04;
  const takeX = (x: Uint8Array) => x;
  const publicKeyOf = (secretKey: Uint8Array) => addon.publicKeyCreate(secretKey, false, new Uint8Array(PUBLIC_KEY_BYTES));

  return {
    createKeyPair() {
      for (;;) {
        const secretKey = new Uint8Array(randomBytes(32));
        if (addon.privateKeyVerify(secretKey)) return { secretKey, publicKey: publicKeyOf(secretKey) };
      }
    },

    keyPairOf(secretKey) {
      if (secretKey.length !== 32 || !addon.privateKeyVerify(secretKey)) return undefined;
      return { secretKey, publicKey: publicKeyOf(secretKey) };
    },

    // The library would also take the hybrid prefixes 06 and 07.
    isPublicKey: (publicKey) => isUncompressed(publicKey) && addon.publicKeyVerify(publicKey),

    ecdhX(secretKey, publicKey) {
      if (!isUncompressed(publicKey)) return undefined;
      // Buffers of our own, so that no copy of the shared point stays behind in the library's.
      const xbuf = new Uint8Array(32);
      const ybuf = new Uint8Array(32);
      try {
        return addon.ecdh(publicKey, secretKey, { hashfn: takeX, xbuf, ybuf }, new Uint8Array(32));
      } catch {
        return undefined;
      } finally {
        xbuf.fill(0);
        ybuf.fill(0);
      }
    },

    sign(digest, secretKey) {
      const { signature, recid } = addon.ecdsaSign(digest, secretKey);
      return { signature, recovery: recid };
    },

    recover(digest, { signature, recovery }) {
      try {
        // A copy: normalising works in place, and a Buffer's slice would be the same bytes.
        const low = addon.signatureNormalize(new Uint8Array(signature));
        if (!low.every((byte, i) => byte === signature[i])) return undefined;
        return addon.ecdsaRecover(signature, recovery, digest, false);
      } catch {
        return undefined;
      }
    },
  };
}
