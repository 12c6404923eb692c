// Sealing and opening one chunk of an answer, in several ways, in one run. Each method seals a text to hex and opens hex to a
// text; what it seals is opened by packages/protocol before anything is timed.
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync, randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { gcm } from "@noble/ciphers/aes.js";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { nativeBackend, opensslBackend } from "../packages/protocol/dist/backend-node.js";
import { webBackend } from "../packages/protocol/dist/backend-web.js";
import { createEnvelopeOpener, createEnvelopeSealer, deriveEnvelopeKey, parseEnvelope } from "../packages/protocol/dist/envelope.js";

const INFO = new TextEncoder().encode("ecdsa_encryption");
/** Envelopes that opening goes through: fewer where each costs a key agreement to make. */
const POOL = { keyEachChunk: 16, keyEachStream: 256 };
const client = nativeBackend?.createKeyPair() ?? opensslBackend.createKeyPair();

/** The page's way: elliptic for the curve, noble for the rest, a key pair and a key agreement for every chunk. */
async function createPageMethod() {
  const elliptic = await import("elliptic").catch(() => undefined);
  if (!elliptic) return { name: "page's sample (elliptic)", skipped: "elliptic is not installed" };
  const curve = () => new elliptic.default.ec("secp256k1");
  const keyOf = (own, other) => hkdf(sha256, Uint8Array.from(own.derive(other.getPublic()).toArray("be", 32)), undefined, INFO, 32);
  return {
    name: "page's sample (elliptic)",
    keys: "keyEachChunk",
    seal(text) {
      const ec = curve();
      const ephemeral = ec.genKeyPair();
      const nonce = randomBytes(12);
      const sealed = gcm(keyOf(ephemeral, ec.keyFromPublic(client.publicKey)), nonce).encrypt(new TextEncoder().encode(text));
      return Buffer.concat([Uint8Array.from(ephemeral.getPublic(false, "array")), nonce, sealed]).toString("hex");
    },
    open(hex) {
      const raw = new Uint8Array(hex.length / 2);
      for (let i = 0; i < raw.length; i++) raw[i] = Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16);
      const ec = curve();
      const key = keyOf(ec.keyFromPrivate(client.secretKey), ec.keyFromPublic(raw.slice(0, 65)));
      return new TextDecoder().decode(gcm(key, raw.slice(65, 77)).decrypt(raw.slice(77)));
    },
  };
}

/** noble for everything, a new key for every chunk. */
const nobleMethod = {
  name: "noble, a key each chunk",
  keys: "keyEachChunk",
  seal(text) {
    const { secretKey } = secp256k1.keygen();
    const nonce = randomBytes(12);
    const key = hkdf(sha256, secp256k1.getSharedSecret(secretKey, client.publicKey, true).slice(1), undefined, INFO, 32);
    return Buffer.concat([secp256k1.getPublicKey(secretKey, false), nonce, gcm(key, nonce).encrypt(Buffer.from(text))]).toString("hex");
  },
  open(hex) {
    const raw = Uint8Array.from(Buffer.from(hex, "hex"));
    const key = hkdf(sha256, secp256k1.getSharedSecret(client.secretKey, raw.subarray(0, 65), true).slice(1), undefined, INFO, 32);
    return Buffer.from(gcm(key, raw.subarray(65, 77)).decrypt(raw.subarray(77))).toString();
  },
};

const takeX = (x) => x;

/** HKDF-SHA256 with no salt, for one block of output, as RFC 5869 spells it. */
function hkdfBlock(secret) {
  const prk = createHmac("sha256", new Uint8Array(32)).update(secret).digest();
  return createHmac("sha256", prk).update(INFO).update(Uint8Array.of(1)).digest();
}

function cipherTo(key, sender, nonce, text) {
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  return Buffer.concat([sender, nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]).toString("hex");
}

function decipherFrom(key, raw) {
  const decipher = createDecipheriv("aes-256-gcm", key, raw.subarray(65, 77));
  decipher.setAuthTag(raw.subarray(-16));
  return decipher.update(raw.subarray(77, -16), undefined, "utf8") + decipher.final("utf8");
}

/** libsecp256k1 and OpenSSL, a new key for every chunk. */
function createAddonMethod() {
  const name = "libsecp256k1, a key each chunk";
  if (!nativeBackend) return { name, skipped: "the secp256k1 addon has no build here" };
  const addon = createRequire(import.meta.url)("secp256k1/bindings.js");
  const keyOf = (own, other) => createSecretKey(hkdfBlock(addon.ecdh(other, own, { hashfn: takeX }, new Uint8Array(32))));
  return {
    name,
    keys: "keyEachChunk",
    seal(text) {
      const own = randomBytes(32);
      const sender = addon.publicKeyCreate(own, false, new Uint8Array(65));
      return cipherTo(keyOf(own, client.publicKey), sender, randomBytes(12), text);
    },
    open(hex) {
      const raw = Buffer.from(hex, "hex");
      return decipherFrom(keyOf(client.secretKey, raw.subarray(0, 65)), raw);
    },
  };
}

/** What one would write by hand with node:crypto for one key per stream: the reference of the ratios. */
function createReferenceMethod() {
  const own = opensslBackend.createKeyPair();
  const x = opensslBackend.ecdhX(own.secretKey, client.publicKey);
  const key = createSecretKey(Buffer.from(hkdfSync("sha256", x, "", INFO, 32)));
  const sender = Buffer.from(own.publicKey);
  const prefix = randomBytes(8);
  let counter = 0;
  return {
    name: "node:crypto, a key each stream (reference)",
    reference: true,
    keys: "keyEachStream",
    seal(text) {
      const nonce = Buffer.alloc(12);
      prefix.copy(nonce);
      nonce.writeUInt32BE(counter++, 8);
      return cipherTo(key, sender, nonce, text);
    },
    open(hex) {
      const raw = Buffer.from(hex, "hex");
      if (!raw.subarray(0, 65).equals(sender)) throw new Error("another sender");
      return decipherFrom(key, raw);
    },
  };
}

/** packages/protocol: what an enclave runs for each chunk, and a client for each that arrives. */
async function createOwnMethod(backend) {
  const sender = backend.createKeyPair();
  const sealer = createEnvelopeSealer(backend, await deriveEnvelopeKey(backend, sender.secretKey, client.publicKey), sender.publicKey);
  const opener = createEnvelopeOpener(backend, client.secretKey);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const decode = (bytes) => decoder.decode(bytes, { stream: true });
  return {
    name: `bauta, ${backend.name} backend`,
    keys: "keyEachStream",
    seal(text) {
      const sealed = sealer.seal(text);
      return sealed instanceof Promise ? sealed.then(({ hex }) => hex) : sealed.hex;
    },
    open(hex) {
      const opened = opener.open(parseEnvelope(backend, hex, 1024));
      return opened instanceof Promise ? opened.then(decode) : decode(opened);
    },
  };
}

async function assertOpens(method, text) {
  const hex = await method.seal(text);
  const opened = await createEnvelopeOpener(opensslBackend, client.secretKey).open(parseEnvelope(opensslBackend, hex, 1024));
  if (Buffer.from(opened ?? "").toString() !== text || (await method.open(hex)) !== text)
    throw new Error(`${method.name} does not seal or open as the others do`);
}

async function nanosecondsOf(run, count) {
  const start = performance.now();
  for (let i = 0; i < count; i++) {
    const result = run(i);
    if (result instanceof Promise) await result;
  }
  return ((performance.now() - start) * 1e6) / count;
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/**
 * Times every method in interleaved rounds, so that a slower minute of the machine slows all of them.
 * @param options chunkBytes, rounds, roundMs: how long one method runs in one round, for sealing and for opening
 * @returns for each method microseconds and ratio to the reference, as medians over the rounds
 */
export async function measureSealOpen({ chunkBytes = 20, rounds = 25, roundMs = 40 } = {}) {
  const text = "abcdefghijklmnopqrstuvwxyz".repeat(Math.ceil(chunkBytes / 26)).slice(0, chunkBytes);
  const methods = [
    await createPageMethod(),
    nobleMethod,
    createAddonMethod(),
    createReferenceMethod(),
    ...(nativeBackend ? [await createOwnMethod(nativeBackend)] : []),
    await createOwnMethod(opensslBackend),
    await createOwnMethod(webBackend),
  ];

  const runs = [];
  for (const method of methods) {
    if (method.skipped) continue;
    await assertOpens(method, text);
    const pool = [];
    for (let i = 0; i < POOL[method.keys]; i++) pool.push(await method.seal(text));
    const seal = () => method.seal(text);
    const open = (i) => method.open(pool[i % pool.length]);
    // Warm-up, which also tells how many calls fill a round.
    const counts = {};
    for (const [name, run] of Object.entries({ seal, open })) {
      await nanosecondsOf(run, 20);
      const nanoseconds = await nanosecondsOf(run, 40);
      counts[name] = Math.max(4, Math.round((roundMs * 1e6) / nanoseconds));
      await nanosecondsOf(run, counts[name]);
    }
    runs.push({ method, seal, open, counts, times: { seal: [], open: [] } });
  }

  const reference = runs.find((run) => run.method.reference);
  for (let round = 0; round < rounds; round++) {
    // Another method comes first each time: who goes before decides how full the heap is.
    for (let i = 0; i < runs.length; i++) {
      const run = runs[(i + round) % runs.length];
      for (const step of ["seal", "open"]) run.times[step].push(await nanosecondsOf(run[step], run.counts[step]));
    }
  }
  const result = (run, step) => ({
    microseconds: median(run.times[step]) / 1000,
    ratio: median(run.times[step].map((time, round) => time / reference.times[step][round])),
  });
  return methods.map((method) => {
    const run = runs.find((one) => one.method === method);
    return run
      ? { name: method.name, seal: result(run, "seal"), open: result(run, "open") }
      : { name: method.name, skipped: method.skipped };
  });
}
