// What the vectors are made with: noble's primitives put together anew, not by way of packages/protocol.
import { gcm } from "@noble/ciphers/aes.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex as hex, concatBytes, hexToBytes, utf8ToBytes as utf8 } from "@noble/hashes/utils.js";

export { concatBytes, hex, hexToBytes, secp256k1, sha256, utf8 };

export const FIELD_PRIME = secp256k1.Point.Fp.ORDER;
export const GROUP_ORDER = secp256k1.Point.Fn.ORDER;

export const bytesOf = (label, length = 32) => sha256(utf8(`bauta test vector: ${label}`)).slice(0, length);
export const u32be = (value) => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
export const scalar = (value) => hexToBytes(value.toString(16).padStart(64, "0"));
export const flip = (bytes, at) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));

export function keyPair(label) {
  const secret = bytesOf(label);
  return { secret, public: secp256k1.getPublicKey(secret, false) };
}

export const model = keyPair("model key");
export const client = keyPair("client key");
export const enclaveEphemeral = keyPair("enclave ephemeral key");
export const stranger = keyPair("stranger");

export const sharedX = (secret, publicKey) => secp256k1.getSharedSecret(secret, publicKey, true).slice(1);
export const aesKey = (x) => hkdf(sha256, x, undefined, utf8("ecdsa_encryption"), 32);

export function seal(sender, recipientPublic, nonce, plaintext) {
  return concatBytes(sender.public, nonce, gcm(aesKey(sharedX(sender.secret, recipientPublic)), nonce).encrypt(plaintext));
}

export function negated(publicKey) {
  return secp256k1.Point.fromBytes(publicKey).negate().toBytes(false);
}

export const addressOf = (publicKey) => keccak_256(publicKey.slice(1)).slice(12);

export function eip191(text) {
  const message = utf8(text);
  return keccak_256(concatBytes(utf8(`\x19Ethereum Signed Message:\n${message.length}`), message));
}

export function sign(secret, text) {
  const [recovery, ...rs] = secp256k1.sign(eip191(text), secret, { prehash: false, lowS: true, format: "recovered" });
  return `0x${hex(Uint8Array.of(...rs, 27 + recovery))}`;
}

/** RFC 8785 for what receipts hold: no number in them is anything but a safe integer. */
export function jcs(value) {
  if (Array.isArray(value)) return `[${value.map(jcs).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${jcs(value[name])}`)
    .join(",")}}`;
}

export const receiptComment = (receipt) =>
  `bauta-receipt ${Buffer.from(jcs(receipt)).toString("base64url")} ${sign(model.secret, `bauta/receipt/1\n${jcs(receipt)}`)}`;
