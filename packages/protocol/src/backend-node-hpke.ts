import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { type AEAD, type KDF, type KEM, type Key, LabeledExpand, LabeledExtract } from "hpke";
import type { HpkeParts } from "./backend.ts";
import { concatBytes, utf8 } from "./bytes.ts";

// OpenSSL under HPKE's steps, which stay the library's. Through WebCrypto each of some twenty steps crosses to another thread
// and back, and that, not the cryptography, is what it costs (bench/README.md).

const HASH_BYTES = 32;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** "KEM" ‖ 0x0020. @see RFC 9180 §4.1 */
const KEM_SUITE_ID = concatBytes(utf8("KEM"), Uint8Array.of(0, 0x20));
const NOTHING = new Uint8Array(0);

// Keys go in and out as JSON web keys: in DER, OpenSSL 3 takes ten times as long. @see RFC 8037 §2
const OKP = { kty: "OKP", crv: "X25519" } as const;

/** A key of OpenSSL's in the form that the library hands round; nothing prints or copies what it holds. */
class NodeKey implements Key {
  readonly algorithm = { name: "X25519" } as const;
  readonly extractable: boolean;
  readonly type: "private" | "public";
  readonly #handle: KeyObject;

  constructor(handle: KeyObject, extractable: boolean) {
    this.#handle = handle;
    this.extractable = extractable;
    this.type = handle.type === "private" ? "private" : "public";
  }

  static handleOf(key: NodeKey, type: NodeKey["type"]): KeyObject {
    if (!(#handle in key) || key.type !== type) throw new TypeError(`not a ${type} X25519 key of this backend`);
    return key.#handle;
  }
}

const hmac = (key: Uint8Array, bytes: Uint8Array): Uint8Array => createHmac("sha256", key).update(bytes).digest();

/** @see RFC 5869 */
const kdf: KDF = {
  id: 1,
  type: "KDF",
  name: "HKDF-SHA256",
  Nh: HASH_BYTES,
  stages: 2,
  Extract: async (salt, ikm) => hmac(salt, ikm),
  async Expand(prk, info, lengthBytes) {
    if (lengthBytes > 255 * HASH_BYTES) throw new RangeError("HKDF gives at most 255 blocks");
    const blocks: Uint8Array[] = [];
    let last: Uint8Array = NOTHING;
    for (let i = 1; blocks.length * HASH_BYTES < lengthBytes; i++) {
      last = hmac(prk, concatBytes(last, info, Uint8Array.of(i)));
      blocks.push(last);
    }
    return concatBytes(...blocks).subarray(0, lengthBytes);
  },
  Derive: () => Promise.reject(new TypeError("HKDF has two stages")),
};

/** @see RFC 9180 §4.1 */
const kem: KEM<NodeKey> = {
  id: 0x20,
  type: "KEM",
  name: "DHKEM(X25519, HKDF-SHA256)",
  Nsecret: KEY_BYTES,
  Nenc: KEY_BYTES,
  Npk: KEY_BYTES,
  Nsk: KEY_BYTES,
  async DeriveKeyPair(ikm, extractable) {
    const prk = await LabeledExtract(kdf, KEM_SUITE_ID, NOTHING, utf8("dkp_prk"), ikm);
    return pairOf(await LabeledExpand(kdf, KEM_SUITE_ID, prk, utf8("sk"), NOTHING, KEY_BYTES), extractable);
  },
  GenerateKeyPair: async (extractable) => generate(extractable),
  SerializePublicKey: async (key) => serialize(NodeKey.handleOf(key, "public")),
  DeserializePublicKey: async (bytes) => new NodeKey(publicKeyOf(bytes), true),
  async SerializePrivateKey(key) {
    if (!key.extractable) throw new TypeError("the private key cannot be exported");
    return fromBase64url(NodeKey.handleOf(key, "private").export({ format: "jwk" }).d);
  },
  DeserializePrivateKey: async (bytes, extractable) => pairOf(bytes, extractable).privateKey,
  async Encap(recipient) {
    const ephemeral = generate(false);
    const enc = serialize(NodeKey.handleOf(ephemeral.publicKey, "public"));
    const dh = agree(ephemeral.privateKey, NodeKey.handleOf(recipient, "public"));
    return { enc, shared_secret: await extractAndExpand(dh, enc, serialize(NodeKey.handleOf(recipient, "public"))) };
  },
  async Decap(enc, privateKey, publicKey) {
    const dh = agree(privateKey, publicKeyOf(enc));
    const own = publicKey ? NodeKey.handleOf(publicKey, "public") : createPublicKey(NodeKey.handleOf(privateKey, "private"));
    return extractAndExpand(dh, enc, serialize(own));
  },
};

const aead: AEAD = {
  id: 2,
  type: "AEAD",
  name: "AES-256-GCM",
  Nk: KEY_BYTES,
  Nn: NONCE_BYTES,
  Nt: TAG_BYTES,
  async Seal(key, nonce, aad, plaintext) {
    const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(aad);
    const body = cipher.update(plaintext);
    cipher.final();
    return concatBytes(body, cipher.getAuthTag());
  },
  async Open(key, nonce, aad, ciphertext) {
    if (ciphertext.length < TAG_BYTES) throw new TypeError("shorter than a tag");
    const end = ciphertext.length - TAG_BYTES;
    const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(aad);
    decipher.setAuthTag(ciphertext.subarray(end));
    const plaintext = decipher.update(ciphertext.subarray(0, end));
    decipher.final();
    return plaintext;
  },
};

/**
 * Any 32 bytes are a private key. Not `generateKeyPairSync`: Node frees its job when the garbage is collected, which takes
 * the lock of the key that the job made, and a collection while that key is being exported waits for itself, for ever.
 */
function generate(extractable: boolean) {
  const secret = randomBytes(KEY_BYTES);
  const pair = pairOf(secret, extractable);
  secret.fill(0);
  return pair;
}

function pairOf(secret: Uint8Array, extractable: boolean) {
  if (secret.length !== KEY_BYTES) throw new TypeError(`a private key has ${KEY_BYTES} bytes`);
  // The public half is computed from the private one; what stands for it here must only be there.
  const privateKey = createPrivateKey({ key: { ...OKP, d: toBase64url(secret), x: toBase64url(secret) }, format: "jwk" });
  return { privateKey: new NodeKey(privateKey, extractable), publicKey: new NodeKey(createPublicKey(privateKey), true) };
}

function publicKeyOf(bytes: Uint8Array): KeyObject {
  if (bytes.length !== KEY_BYTES) throw new TypeError(`a public key has ${KEY_BYTES} bytes`);
  return createPublicKey({ key: { ...OKP, x: toBase64url(bytes) }, format: "jwk" });
}

const serialize = (key: KeyObject): Uint8Array => fromBase64url(key.export({ format: "jwk" }).x);

const toBase64url = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64url");

const fromBase64url = (text: string | undefined): Uint8Array => Uint8Array.from(Buffer.from(text ?? "", "base64url"));

/** @throws for a point of small order, whose secret everybody knows; OpenSSL refuses these as well. @see RFC 9180 §7.1.4 */
function agree(privateKey: NodeKey, publicKey: KeyObject): Uint8Array {
  const dh = diffieHellman({ privateKey: NodeKey.handleOf(privateKey, "private"), publicKey });
  if (dh.every((byte) => byte === 0)) throw new TypeError("the shared secret is zero");
  return dh;
}

async function extractAndExpand(dh: Uint8Array, enc: Uint8Array, recipient: Uint8Array): Promise<Uint8Array> {
  const prk = await LabeledExtract(kdf, KEM_SUITE_ID, NOTHING, utf8("eae_prk"), dh);
  return LabeledExpand(kdf, KEM_SUITE_ID, prk, utf8("shared_secret"), concatBytes(enc, recipient), KEY_BYTES);
}

/** DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM by OpenSSL. */
export const nodeHpke: HpkeParts = { kem: () => kem, kdf: () => kdf, aead: () => aead };
