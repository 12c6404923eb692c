// HPKE's base mode and EHBP's answers over node:crypto alone: shares no line with the package or with `hpke`, so that the
// tests compare two implementations. @see RFC 9180 §4, §5; RFC 9458 §4.4
import { createCipheriv, createDecipheriv, createHmac, createPrivateKey, createPublicKey, diffieHellman } from "node:crypto";

const KEM_ID = 0x0020;
const KDF_ID = 0x0001;
const AEADS = { 1: { cipher: "aes-128-gcm", keyBytes: 16 }, 2: { cipher: "aes-256-gcm", keyBytes: 32 } } as const;
type AeadId = keyof typeof AEADS;

const ascii = (text: string) => Buffer.from(text, "latin1");
const u16 = (value: number) => Buffer.of(value >> 8, value & 0xff);
const hmac = (key: Uint8Array, data: Uint8Array) => createHmac("sha256", key).update(data).digest();

const extract = (salt: Uint8Array, secret: Uint8Array) => hmac(salt.length === 0 ? Buffer.alloc(32) : salt, secret);

function expand(prk: Uint8Array, info: Uint8Array, length: number): Buffer {
  let block = Buffer.alloc(0);
  let out = Buffer.alloc(0);
  for (let i = 1; out.length < length; i++) {
    block = hmac(prk, Buffer.concat([block, info, Buffer.of(i)]));
    out = Buffer.concat([out, block]);
  }
  return out.subarray(0, length);
}

function labelled(suiteId: Buffer) {
  const version = ascii("HPKE-v1");
  return {
    extract: (salt: Uint8Array, label: string, secret: Uint8Array) =>
      extract(salt, Buffer.concat([version, suiteId, ascii(label), secret])),
    expand: (prk: Uint8Array, label: string, info: Uint8Array, length: number) =>
      expand(prk, Buffer.concat([u16(length), version, suiteId, ascii(label), info]), length),
  };
}

const PRIVATE_PREFIX = Buffer.from("302e020100300506032b656e04220420", "hex");
const PUBLIC_PREFIX = Buffer.from("302a300506032b656e032100", "hex");
const privateKey = (raw: Uint8Array) => createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, raw]), format: "der", type: "pkcs8" });
const publicKey = (raw: Uint8Array) => createPublicKey({ key: Buffer.concat([PUBLIC_PREFIX, raw]), format: "der", type: "spki" });

/** The raw X25519 public key of a raw private key. */
export function publicKeyOf(rawPrivate: Uint8Array): Buffer {
  return createPublicKey(privateKey(rawPrivate)).export({ format: "der", type: "spki" }).subarray(-32);
}

export interface PlainContext {
  readonly sharedSecret: Buffer;
  readonly key: Buffer;
  readonly baseNonce: Buffer;
  readonly exporterSecret: Buffer;
  seal(plaintext: Uint8Array, aad?: Uint8Array): Buffer;
  open(ciphertext: Uint8Array): Buffer;
  export(context: string, length: number): Buffer;
}

function schedule(dh: Buffer, enc: Uint8Array, recipient: Uint8Array, info: Uint8Array, aeadId: AeadId): PlainContext {
  const kem = labelled(Buffer.concat([ascii("KEM"), u16(KEM_ID)]));
  const sharedSecret = kem.expand(kem.extract(Buffer.alloc(0), "eae_prk", dh), "shared_secret", Buffer.concat([enc, recipient]), 32);
  const hpke = labelled(Buffer.concat([ascii("HPKE"), u16(KEM_ID), u16(KDF_ID), u16(aeadId)]));
  const none = Buffer.alloc(0);
  const context = Buffer.concat([Buffer.of(0), hpke.extract(none, "psk_id_hash", none), hpke.extract(none, "info_hash", info)]);
  const secret = hpke.extract(sharedSecret, "secret", none);
  const { cipher, keyBytes } = AEADS[aeadId];
  const key = hpke.expand(secret, "key", context, keyBytes);
  const baseNonce = hpke.expand(secret, "base_nonce", context, 12);
  const exporterSecret = hpke.expand(secret, "exp", context, 32);
  let index = 0n;

  return {
    sharedSecret,
    key,
    baseNonce,
    exporterSecret,
    seal: (plaintext, aad) => gcmSeal(cipher, key, nonceAt(baseNonce, index++), plaintext, aad),
    open: (ciphertext) => gcmOpen(cipher, key, nonceAt(baseNonce, index++), ciphertext),
    export: (exporterContext, length) => hpke.expand(exporterSecret, "sec", ascii(exporterContext), length),
  };
}

/** The sender's context, with an ephemeral key of the caller's choice. */
export function plainSender(ephemeral: Uint8Array, recipient: Uint8Array, info: Uint8Array, aeadId: AeadId = 2) {
  const enc = publicKeyOf(ephemeral);
  const dh = diffieHellman({ privateKey: privateKey(ephemeral), publicKey: publicKey(recipient) });
  return { enc, context: schedule(dh, enc, recipient, info, aeadId) };
}

/** The recipient's context. */
export function plainRecipient(recipientPrivate: Uint8Array, enc: Uint8Array, info: Uint8Array, aeadId: AeadId = 2): PlainContext {
  const dh = diffieHellman({ privateKey: privateKey(recipientPrivate), publicKey: publicKey(enc) });
  return schedule(dh, enc, publicKeyOf(recipientPrivate), info, aeadId);
}

/** The keys of an answer, and its frames at any index. */
export function plainResponse(secret: Uint8Array, enc: Uint8Array, responseNonce: Uint8Array) {
  const prk = extract(Buffer.concat([enc, responseNonce]), secret);
  const key = expand(prk, ascii("key"), 32);
  const base = expand(prk, ascii("nonce"), 12);
  return {
    key,
    base,
    seal: (index: bigint, plaintext: Uint8Array) => gcmSeal("aes-256-gcm", key, nonceAt(base, index), plaintext),
    open: (index: bigint, ciphertext: Uint8Array) => gcmOpen("aes-256-gcm", key, nonceAt(base, index), ciphertext),
  };
}

/** u32be(length) ‖ ciphertext. */
export function plainFrame(ciphertext: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(ciphertext.length);
  return Buffer.concat([length, ciphertext]);
}

/** The ciphertexts of a whole body. */
export function plainFrames(body: Uint8Array): Buffer[] {
  const bytes = Buffer.from(body);
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt32BE(at)) {
    if (bytes.readUInt32BE(at) > 0) frames.push(bytes.subarray(at + 4, at + 4 + bytes.readUInt32BE(at)));
  }
  return frames;
}

function nonceAt(base: Buffer, index: bigint): Buffer {
  const nonce = Buffer.from(base);
  nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ index, 4);
  return nonce;
}

function gcmSeal(name: "aes-128-gcm" | "aes-256-gcm", key: Buffer, nonce: Buffer, plaintext: Uint8Array, aad?: Uint8Array): Buffer {
  const cipher = createCipheriv(name, key, nonce);
  if (aad) cipher.setAAD(aad);
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

function gcmOpen(name: "aes-128-gcm" | "aes-256-gcm", key: Buffer, nonce: Buffer, sealed: Uint8Array): Buffer {
  const decipher = createDecipheriv(name, key, nonce);
  decipher.setAuthTag(sealed.subarray(sealed.length - 16));
  return Buffer.concat([decipher.update(sealed.subarray(0, sealed.length - 16)), decipher.final()]);
}
