import { createECDH, createHash, createHmac, createPrivateKey, type KeyObject, randomBytes, sign } from "node:crypto";

const P256_ORDER = BigInt("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");

/** A P-256 key pair of the simulator. */
export interface SigningKeyPair {
  readonly privateKey: KeyObject;
  /** x ‖ y, 64 bytes. */
  readonly point: Buffer;
}

/** Where keys and identifiers come from: a fresh secret, or a seed that a test gives. */
export type SecretSource = (label: string, length?: number) => Buffer;

/**
 * Makes a source of secrets. With a seed everything that follows is the same each time: for tests only.
 * @param seed any bytes or text; left out, 32 random bytes
 */
export function createSecretSource(seed: string | Uint8Array | undefined): SecretSource {
  const secret = seed === undefined ? randomBytes(32) : createHash("sha256").update(seed).digest();
  return (label, length = 32) => createHmac("sha512", secret).update(label).digest().subarray(0, length);
}

/** Makes the key pair that belongs to a label. */
export function createKeyPair(secrets: SecretSource, label: string): SigningKeyPair {
  for (let attempt = 0; ; attempt++) {
    const scalar = secrets(`key/${label}/${attempt}`);
    const value = BigInt(`0x${scalar.toString("hex")}`);
    // One scalar in 2³² lies outside the group; the next attempt takes its place.
    if (value === 0n || value >= P256_ORDER) continue;
    const ecdh = createECDH("prime256v1");
    ecdh.setPrivateKey(scalar);
    const point = ecdh.getPublicKey().subarray(1);
    const privateKey = createPrivateKey({
      format: "jwk",
      key: {
        kty: "EC",
        crv: "P-256",
        d: scalar.toString("base64url"),
        x: point.subarray(0, 32).toString("base64url"),
        y: point.subarray(32).toString("base64url"),
      },
    });
    return { privateKey, point };
  }
}

/** ECDSA with SHA-256 as r ‖ s, 64 bytes. */
export function signRaw(key: SigningKeyPair, message: Uint8Array): Buffer {
  return sign("sha256", message, { key: key.privateKey, dsaEncoding: "ieee-p1363" });
}

/** ECDSA with SHA-256 as DER, for certificates and CRLs. */
export function signDer(key: SigningKeyPair, message: Uint8Array): Buffer {
  return sign("sha256", message, { key: key.privateKey, dsaEncoding: "der" });
}
