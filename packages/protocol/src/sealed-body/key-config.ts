import { concatBytes } from "../bytes.ts";
import { KEM_KEY_BYTES, SUITE_IDS } from "./suite-ids.ts";

/** A recipient's key and the suites that it takes, of which ours is one. */
export interface KeyConfig {
  /** 0–255; only a name, sealed bodies do not carry it. */
  readonly keyId: number;
  /** 32 bytes, X25519. Whether it is a usable point shows when something is sealed to it. */
  readonly publicKey: Uint8Array;
}

const SUITES_AT = 1 + 2 + KEM_KEY_BYTES + 2;
const PAIR_BYTES = 4;
/** More pairs of KDF and AEAD than are registered. */
const MAX_PAIRS = 64;

/**
 * Reads one key configuration: u8 id ‖ u16 KEM ‖ public key ‖ u16 length ‖ (u16 KDF ‖ u16 AEAD)…
 * @returns undefined unless the KEM is X25519, HKDF-SHA256 with AES-256-GCM is listed exactly once (others may stand
 * beside it), and no byte is missing or left over
 * @see RFC 9458 §3.1
 */
export function parseKeyConfig(bytes: Uint8Array): KeyConfig | undefined {
  const pairsBytes = bytes.length - SUITES_AT;
  if (pairsBytes < PAIR_BYTES || pairsBytes % PAIR_BYTES !== 0 || pairsBytes > MAX_PAIRS * PAIR_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint16(1) !== SUITE_IDS.kem || view.getUint16(SUITES_AT - 2) !== pairsBytes) return undefined;
  let known = 0;
  for (let at = SUITES_AT; at < bytes.length; at += PAIR_BYTES) {
    if (view.getUint16(at) === SUITE_IDS.kdf && view.getUint16(at + 2) === SUITE_IDS.aead) known += 1;
  }
  if (known !== 1) return undefined;
  return { keyId: view.getUint8(0), publicKey: bytes.slice(3, 3 + KEM_KEY_BYTES) };
}

/**
 * Writes the configuration of a key with our suite alone: 41 bytes.
 * @throws {RangeError} for an id that is no byte or a key that is not 32 bytes
 */
export function writeKeyConfig({ keyId, publicKey }: KeyConfig): Uint8Array<ArrayBuffer> {
  if (!Number.isInteger(keyId) || keyId < 0 || keyId > 255) throw new RangeError(`a key id is 0 to 255, not ${keyId}`);
  if (publicKey.length !== KEM_KEY_BYTES) throw new RangeError(`an X25519 key has ${KEM_KEY_BYTES} bytes, not ${publicKey.length}`);
  return concatBytes(Uint8Array.of(keyId), u16be(SUITE_IDS.kem), publicKey, u16be(PAIR_BYTES), u16be(SUITE_IDS.kdf), u16be(SUITE_IDS.aead));
}

function u16be(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}
