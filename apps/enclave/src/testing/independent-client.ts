import { randomBytes } from "node:crypto";
import { gcm } from "@noble/ciphers/aes.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { keccak_256 } from "@noble/hashes/sha3.js";

/**
 * The published protocol, written a second time with nothing but @noble: what the enclave's own code says about
 * itself must not be all that its tests rest on.
 */
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

export interface IndependentClient {
  readonly publicKeyHex: string;
  /** Seals one text with this client's own key as the sender's. */
  seal(text: string, modelKeyHex: string): string;
  open(envelopeHex: string): string;
}

export function createIndependentClient(): IndependentClient {
  const secretKey = secp256k1.utils.randomSecretKey();
  return {
    publicKeyHex: hex(secp256k1.getPublicKey(secretKey, false)),
    seal: (text, modelKeyHex) => sealWith(secretKey, text, modelKeyHex),
    open(envelopeHex) {
      const raw = Buffer.from(envelopeHex, "hex");
      return new TextDecoder("utf-8", { fatal: true }).decode(
        gcm(deriveKey(secretKey, raw.subarray(0, 65)), raw.subarray(65, 77)).decrypt(raw.subarray(77)),
      );
    },
  };
}

/** Seals one text to a model key, with a key pair of its own. */
export function sealText(text: string, modelKeyHex: string): string {
  return sealWith(secp256k1.utils.randomSecretKey(), text, modelKeyHex);
}

function sealWith(secretKey: Uint8Array, text: string, modelKeyHex: string): string {
  const nonce = randomBytes(12);
  const sealed = gcm(deriveKey(secretKey, Buffer.from(modelKeyHex, "hex")), nonce).encrypt(new TextEncoder().encode(text));
  return hex(secp256k1.getPublicKey(secretKey, false)) + hex(nonce) + hex(sealed);
}

function deriveKey(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const shared = secp256k1.getSharedSecret(secretKey, publicKey, false);
  return hkdf(sha256, shared.subarray(1, 33), undefined, new TextEncoder().encode("ecdsa_encryption"), 32);
}

/** The address that signed a text under EIP-191: `0x` and 40 digits. */
export function signerOf(text: string, signature: string): string {
  const raw = Buffer.from(signature.slice(2), "hex");
  const message = Buffer.from(text);
  const digest = keccak_256(Buffer.concat([Buffer.from(`\x19Ethereum Signed Message:\n${message.length}`), message]));
  const recovered = secp256k1.recoverPublicKey(Buffer.concat([Buffer.of((raw[64] as number) - 27), raw.subarray(0, 64)]), digest, {
    prehash: false,
  });
  const point = secp256k1.Point.fromBytes(recovered).toBytes(false);
  return `0x${hex(keccak_256(point.subarray(1)).subarray(12))}`;
}

/** RFC 8785 for what receipts hold: ASCII names, integers, strings, null, lists. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(",")}}`;
}

export const sha256Hex = (bytes: Uint8Array): string => hex(sha256(bytes));

/** The envelope digest of a receipt, from the chunks of a stream. */
export function envelopesSha256(chunks: readonly Chunk[]): string {
  const parts: Buffer[] = [];
  for (const { choices } of chunks) {
    const delta = choices[0]?.delta;
    for (const [code, envelope] of [
      [0, delta?.content],
      [1, delta?.reasoning_content],
    ] as const) {
      if (envelope === undefined) continue;
      const bytes = Buffer.from(envelope, "hex");
      const head = Buffer.alloc(9);
      head.writeUInt8(code, 4);
      head.writeUInt32BE(bytes.length, 5);
      parts.push(head, bytes);
    }
  }
  return sha256Hex(Buffer.concat(parts));
}

export interface Chunk {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
  readonly choices: readonly {
    readonly index: number;
    readonly delta: { readonly role?: string; readonly content?: string; readonly reasoning_content?: string };
    readonly finish_reason: string | null;
  }[];
  readonly usage?: object;
}

export interface ReadStream {
  readonly chunks: readonly Chunk[];
  readonly error: { readonly code: string; readonly message: string } | undefined;
  readonly done: boolean;
  readonly receipt: { readonly receipt: Record<string, unknown>; readonly signature: string } | undefined;
  /** SHA-256 of the bytes up to the end of `[DONE]`. */
  readonly sha256: string;
}

/** Reads a whole recorded stream, line by line. */
export function readStream(bytes: Uint8Array): ReadStream {
  const text = Buffer.from(bytes).toString("utf8");
  const chunks: Chunk[] = [];
  let error: ReadStream["error"];
  let receipt: ReadStream["receipt"];
  for (const block of text.split("\n\n")) {
    if (block.startsWith(": bauta-receipt ")) {
      const [, , body = "", signature = ""] = block.split(" ");
      receipt = { receipt: JSON.parse(Buffer.from(body, "base64url").toString()) as Record<string, unknown>, signature };
    } else if (block.startsWith("data: {")) {
      const value = JSON.parse(block.slice(6)) as Chunk & { error?: { code: string; message: string } };
      if (value.error) error = value.error;
      else chunks.push(value);
    }
  }
  const end = text.indexOf("data: [DONE]\n\n");
  const hashed = end === -1 ? bytes : bytes.subarray(0, Buffer.byteLength(text.slice(0, end)) + 14);
  return { chunks, error, done: end !== -1, receipt, sha256: sha256Hex(hashed) };
}
