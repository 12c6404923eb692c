import { secp256k1 } from "@noble/curves/secp256k1.js";
import { expect, it, describe } from "vitest";
import { backends, bytes, noNative } from "../../../tests/support/backends.ts";
import { nativeBackend, opensslBackend } from "./backend-node.ts";
import { nobleCurve } from "./backend-noble-curve.ts";
import type { CryptoBackend, KeyPair } from "./backend.ts";
import { concatBytes, u32be, utf8 } from "./bytes.ts";
import { deriveEnvelopeKey } from "./envelope.ts";

const { ORDER } = secp256k1.Point.Fn;
const scalar = (value: bigint) => bytes(value.toString(16).padStart(64, "0"));
const digestOf = (backend: CryptoBackend, text: string) => {
  const hash = backend.createSha256();
  hash.update(utf8(text));
  return hash.digest();
};

const pair = nobleCurve.keyPairOf(scalar(0x1234_5678n)) as KeyPair;
const y = pair.publicKey.subarray(33);
const hybrid = (y[31] ?? 0) & 1 ? 7 : 6;

const badPoints: readonly (readonly [string, Uint8Array])[] = [
  ["off the curve (y)", bytes(`${Buffer.from(pair.publicKey).toString("hex").slice(0, -2)}00`)],
  ["off the curve (x = y = 0)", concatBytes(Uint8Array.of(4), new Uint8Array(64))],
  ["hybrid with the right parity", concatBytes(Uint8Array.of(hybrid), pair.publicKey.subarray(1))],
  ["hybrid with the wrong parity", concatBytes(Uint8Array.of(hybrid ^ 1), pair.publicKey.subarray(1))],
  ["compressed", secp256k1.getPublicKey(pair.secretKey, true)],
  ["compressed prefix, 65 bytes", concatBytes(Uint8Array.of(2), pair.publicKey.subarray(1))],
  ["64 bytes", pair.publicKey.subarray(1)],
  ["66 bytes", concatBytes(pair.publicKey, Uint8Array.of(0))],
  ["empty", new Uint8Array(0)],
  ["infinity, one zero byte", Uint8Array.of(0)],
  ["infinity, 65 zero bytes", new Uint8Array(65)],
  ["x = p", concatBytes(Uint8Array.of(4), scalar(secp256k1.Point.Fp.ORDER), y)],
];

const badSecrets: readonly (readonly [string, Uint8Array])[] = [
  ["zero", new Uint8Array(32)],
  ["the group's order", scalar(ORDER)],
  ["all ones", new Uint8Array(32).fill(0xff)],
  ["31 bytes", new Uint8Array(31).fill(1)],
  ["33 bytes", new Uint8Array(33).fill(1)],
  ["empty", new Uint8Array(0)],
];

it.skipIf(noNative)("the native backend is loaded and is not the JavaScript fallback", () => {
  expect(nativeBackend?.name).toBe("native");
  expect(nativeBackend?.ecdhX).not.toBe(opensslBackend.ecdhX);
  expect(nativeBackend?.sign).not.toBe(opensslBackend.sign);
});

describe.each(backends.map((backend) => [backend.name, backend] as const))("%s", (_name, backend) => {
  it("gives random bytes of the length asked for", () => {
    expect(backend.randomBytes(32)).toHaveLength(32);
    expect(backend.randomBytes(32)).not.toEqual(backend.randomBytes(32));
    expect(backend.randomBytes(0)).toHaveLength(0);
  });

  it("encodes texts as the platform does, lone surrogates and a byte order mark included", () => {
    for (const text of ["", "a", "é世🎭", "\ufeffmark", "a\ud800b", "\udc00", "x".repeat(100_000)])
      expect(Uint8Array.from(backend.utf8(text))).toEqual(utf8(text));
  });

  it("writes lower-case hex, of views too", () => {
    expect(backend.toHex(Uint8Array.of(0, 0xab, 0xff))).toBe("00abff");
    expect(backend.toHex(Uint8Array.of(1, 2, 3, 4).subarray(1, 3))).toBe("0203");
    expect(backend.toHex(Buffer.from([1, 2, 3, 4]).subarray(1, 3))).toBe("0203");
    expect(backend.toHex(new Uint8Array(0))).toBe("");
  });

  it("reads hex of either case and refuses everything else", () => {
    expect(Uint8Array.from(backend.parseHex("00aBfF", 3) ?? [])).toEqual(Uint8Array.of(0, 0xab, 0xff));
    expect(backend.parseHex("", 3)).toHaveLength(0);
    expect(backend.parseHex("00", 1)).toHaveLength(1);
    for (const text of [
      "0",
      "000",
      "0g",
      "g0",
      "0x00",
      " 00",
      "00 ",
      "0 ",
      "-1",
      "\u01300",
      "0\u0130",
      "\uff10\uff10",
      "0\u0000",
      "\ud83d\ude00",
      "é0",
      "00".repeat(4),
    ]) {
      expect(backend.parseHex(text, 3), JSON.stringify(text)).toBeUndefined();
    }
    // Each character of the first 512, in both places.
    for (let code = 0; code < 512; code++) {
      const char = String.fromCharCode(code);
      const digit = /[0-9a-fA-F]/.test(char);
      expect(backend.parseHex(`${char}0`, 1) !== undefined, `U+${code.toString(16)}`).toBe(digit);
      expect(backend.parseHex(`0${char}`, 1) !== undefined, `U+${code.toString(16)}`).toBe(digit);
    }
  });

  it("makes key pairs that are on the curve and differ", () => {
    const [a, b] = [backend.createKeyPair(), backend.createKeyPair()];
    for (const made of [a, b]) {
      expect(made.secretKey).toHaveLength(32);
      expect(Uint8Array.from(made.publicKey)).toEqual(secp256k1.getPublicKey(Uint8Array.from(made.secretKey), false));
      expect(backend.isPublicKey(made.publicKey)).toBe(true);
    }
    expect(a.secretKey).not.toEqual(b.secretKey);
  });

  it.each(badSecrets)("refuses a secret key: %s", (_why, secretKey) => {
    expect(backend.keyPairOf(secretKey)).toBeUndefined();
    expect(backend.ecdhX(secretKey, pair.publicKey)).toBeUndefined();
  });

  it("derives the pair of a secret key", () => {
    for (const value of [1n, 2n, ORDER - 1n]) {
      expect(Uint8Array.from(backend.keyPairOf(scalar(value))?.publicKey ?? [])).toEqual(secp256k1.getPublicKey(scalar(value), false));
    }
  });

  it.each(badPoints)("refuses a public key in the same way everywhere: %s", (_why, publicKey) => {
    const { secretKey } = backend.createKeyPair();
    expect(backend.isPublicKey(publicKey)).toBe(false);
    expect(backend.ecdhX(secretKey, publicKey)).toBeUndefined();
    expect(deriveEnvelopeKey(backend, secretKey, publicKey)).toBeUndefined();
  });

  it("HKDF gives RFC 5869's first case, and takes no salt", async () => {
    const okm = await backend.hkdfSha256(
      new Uint8Array(22).fill(0x0b),
      bytes("000102030405060708090a0b0c"),
      bytes("f0f1f2f3f4f5f6f7f8f9"),
      42,
    );
    expect(backend.toHex(okm)).toBe("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    const unsalted = await backend.hkdfSha256(new Uint8Array(22).fill(0x0b), new Uint8Array(0), new Uint8Array(0), 42);
    expect(backend.toHex(unsalted)).toBe("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
  });

  it("seals prefix, nonce, ciphertext and tag in one, opens them, and has one outcome for every fault", async () => {
    const aead = await backend.createAead(new Uint8Array(32).fill(7));
    const nonce = concatBytes(new Uint8Array(8), u32be(1));
    const sealed = await aead.seal(utf8("prefix"), nonce, utf8("text"));
    expect(Uint8Array.from(sealed.subarray(0, 18))).toEqual(concatBytes(utf8("prefix"), nonce));
    const body = sealed.subarray(18);
    expect(body).toHaveLength(4 + 16);
    expect(Uint8Array.from((await aead.open(nonce, body)) ?? [])).toEqual(utf8("text"));
    const wrongKey = await backend.createAead(new Uint8Array(32).fill(8));
    expect(await wrongKey.open(nonce, body)).toBeUndefined();
    expect(await aead.open(new Uint8Array(12), body)).toBeUndefined();
    for (let length = 0; length < body.length; length++) expect(await aead.open(nonce, body.subarray(0, length))).toBeUndefined();
  });

  it("hashes in parts", () => {
    const hash = backend.createSha256();
    hash.update(utf8("a"));
    hash.update(utf8("bc"));
    expect(backend.toHex(hash.digest())).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });

  it("signs deterministically with low s, and recovers the key", () => {
    for (let i = 0; i < 8; i++) {
      const digest = digestOf(backend, `text ${i}`);
      const signed = backend.sign(digest, pair.secretKey);
      const again = backend.sign(digest, pair.secretKey);
      expect(Uint8Array.from(signed.signature)).toEqual(Uint8Array.from(again.signature));
      expect(BigInt(`0x${backend.toHex(signed.signature.slice(32))}`) <= ORDER / 2n).toBe(true);
      expect(Uint8Array.from(backend.recover(digest, signed) ?? [])).toEqual(Uint8Array.from(pair.publicKey));
      const other = backend.recover(digestOf(backend, "other"), signed);
      expect(other === undefined || backend.toHex(other) !== backend.toHex(pair.publicKey)).toBe(true);
    }
  });

  it("does not recover from high s, zeros, the group's order, a bad recovery id or a bad length", () => {
    const digest = digestOf(backend, "text");
    const { signature, recovery } = backend.sign(digest, pair.secretKey);
    const r = signature.slice(0, 32);
    const s = signature.slice(32);
    const high = scalar(ORDER - BigInt(`0x${backend.toHex(s)}`));
    const cases: [string, Uint8Array, number][] = [
      ["high s", concatBytes(r, high), recovery ^ 1],
      ["r = 0", concatBytes(new Uint8Array(32), s), recovery],
      ["s = 0", concatBytes(r, new Uint8Array(32)), recovery],
      ["r = n", concatBytes(scalar(ORDER), s), recovery],
      ["s = n", concatBytes(r, scalar(ORDER)), recovery],
      ["recovery 4", signature, 4],
      ["recovery -1", signature, -1],
      ["recovery 2, with an r that leaves no room", signature, 2],
      ["63 bytes", signature.slice(0, 63), recovery],
      ["65 bytes", concatBytes(signature, Uint8Array.of(0)), recovery],
    ];
    for (const [why, bad, id] of cases) expect(backend.recover(digest, { signature: bad, recovery: id }), why).toBeUndefined();
    expect(backend.recover(digest.slice(1), { signature, recovery }), "digest of 31 bytes").toBeUndefined();
  });
});

const pairsOfBackends = backends.flatMap((a) => backends.map((b) => [a.name, b.name, a, b] as const));

describe.each(pairsOfBackends)("%s with %s", (_a, _b, one, other) => {
  it("agree on a key, in both directions", async () => {
    const [alice, bob] = [one.createKeyPair(), other.createKeyPair()];
    expect(one.toHex(one.ecdhX(alice.secretKey, bob.publicKey) as Uint8Array)).toBe(
      other.toHex(other.ecdhX(bob.secretKey, alice.publicKey) as Uint8Array),
    );
    const nonce = one.randomBytes(12);
    const sealer = await deriveEnvelopeKey(one, alice.secretKey, bob.publicKey);
    const opener = await deriveEnvelopeKey(other, bob.secretKey, alice.publicKey);
    const sealed = (await sealer?.seal(new Uint8Array(0), nonce, utf8("ciao"))) as Uint8Array;
    expect(Uint8Array.from((await opener?.open(nonce, sealed.subarray(12))) ?? [])).toEqual(utf8("ciao"));
  });

  it("make the same signature, and one recovers the other's key", () => {
    const { secretKey, publicKey } = one.createKeyPair();
    const digest = digestOf(one, "same");
    const signed = one.sign(digest, secretKey);
    const theirs = other.sign(digest, secretKey);
    expect(other.toHex(theirs.signature)).toBe(one.toHex(signed.signature));
    expect(theirs.recovery).toBe(signed.recovery);
    expect(other.toHex(other.recover(digest, signed) as Uint8Array)).toBe(one.toHex(publicKey));
  });
});
