import { createECDH, createHash, createHmac, createPrivateKey, type KeyObject, randomBytes, sign } from "node:crypto";

/** What sets the curves apart: P-256 is Intel's and P-384 NVIDIA's. Each is used with the hash of its own strength. */
const CURVES = {
  "P-256": {
    openssl: "prime256v1",
    hash: "sha256",
    scalarBytes: 32,
    order: BigInt("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
  },
  "P-384": {
    openssl: "secp384r1",
    hash: "sha384",
    scalarBytes: 48,
    order: BigInt("0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"),
  },
} as const;
export type Curve = keyof typeof CURVES;

/** A key pair of the simulator. */
export interface SigningKeyPair {
  readonly curve: Curve;
  readonly privateKey: KeyObject;
  /** x ‖ y, 64 or 96 bytes. */
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
export function createKeyPair(secrets: SecretSource, label: string, curve: Curve = "P-256"): SigningKeyPair {
  const { openssl, scalarBytes, order } = CURVES[curve];
  for (let attempt = 0; ; attempt++) {
    const scalar = secrets(`key/${label}/${attempt}`, scalarBytes);
    const value = BigInt(`0x${scalar.toString("hex")}`);
    // One scalar in 2³² lies outside the group of P-256; the next attempt takes its place.
    if (value === 0n || value >= order) continue;
    const ecdh = createECDH(openssl);
    ecdh.setPrivateKey(scalar);
    const point = ecdh.getPublicKey().subarray(1);
    const privateKey = createPrivateKey({
      format: "jwk",
      key: {
        kty: "EC",
        crv: curve,
        d: scalar.toString("base64url"),
        x: point.subarray(0, scalarBytes).toString("base64url"),
        y: point.subarray(scalarBytes).toString("base64url"),
      },
    });
    return { curve, privateKey, point };
  }
}

/** ECDSA with the curve's hash as r ‖ s, 64 or 96 bytes. */
export function signRaw(key: SigningKeyPair, message: Uint8Array): Buffer {
  return sign(CURVES[key.curve].hash, message, { key: key.privateKey, dsaEncoding: "ieee-p1363" });
}

/** ECDSA with the curve's hash as DER, for certificates and what their issuers sign besides. */
export function signDer(key: SigningKeyPair, message: Uint8Array): Buffer {
  return sign(CURVES[key.curve].hash, message, { key: key.privateKey, dsaEncoding: "der" });
}
