import { describe, expect, it } from "vitest";
import { backends, bytes } from "../../../tests/support/backends.ts";
import { noVectors, vectorCases } from "../../../tests/support/vectors.ts";
import type { CryptoBackend } from "./backend.ts";
import { concatBytes } from "./bytes.ts";

type Result = "valid" | "invalid" | "acceptable";
interface Case {
  readonly tcId: number;
  readonly comment: string;
  readonly result: Result;
}
interface Group<T> {
  readonly tests: readonly (T & Case)[];
}
type EcdhCase = { public: string; private: string; shared: string };
type HkdfCase = { ikm: string; salt: string; info: string; size: number; okm: string };
type GcmCase = { key: string; iv: string; aad: string; msg: string; ct: string; tag: string };
type GcmGroup = Group<GcmCase> & { ivSize: number; keySize: number; tagSize: number };
type EcdsaCase = { msg: string; sig: string };
type EcdsaGroup = Group<EcdsaCase> & { publicKey: { uncompressed: string } };

const groupsOf = (file: string): readonly unknown[] =>
  vectorCases<unknown>(`wycheproof/${file}`, (json) => (json as { testGroups: unknown[] }).testGroups);
const count = (cases: readonly Case[], result: Result) => cases.filter((one) => one.result === result).length;
const label = ({ tcId, comment }: Case) => `tcId ${tcId} ${comment}`;

// ECDH: the file has SPKI keys. Ours are raw, so the cases that apply are those with the named curve's header (23 bytes)
// before 65 bytes; the rest try a DER parser that is not here. The one "acceptable" case (745) is a point off the curve,
// which Wycheproof lets a lax parser use and we must refuse.
const SPKI = "3056301006072a8648ce3d020106052b8104000a034200";
const ecdh = (groupsOf("ecdh_secp256k1_test.json") as Group<EcdhCase>[])
  .flatMap((group) => group.tests)
  .filter((one) => one.public.startsWith(SPKI) && one.public.length === SPKI.length + 130);

/** A private key of the file as 32 bytes; it is written as a DER integer. */
const privateKey = (hex: string) => bytes(hex.replace(/^0+/, "").padStart(64, "0"));

const hkdf = (groupsOf("hkdf_sha256_test.json") as Group<HkdfCase>[]).flatMap((group) => group.tests);

const gcm = (groupsOf("aes_gcm_test.json") as GcmGroup[])
  .filter((group) => group.keySize === 256 && group.ivSize === 96 && group.tagSize === 128)
  .flatMap((group) => group.tests)
  .filter((one) => one.aad === "");

// ECDSA: signatures here are r ‖ s of 64 bytes, so the cases that apply are strict DER of two integers that fit.
const ecdsa = (groupsOf("ecdsa_secp256k1_sha256_bitcoin_test.json") as EcdsaGroup[]).flatMap((group) =>
  group.tests.flatMap((one) => {
    const signature = compact(bytes(one.sig));
    return signature ? [{ ...one, signature, key: group.publicKey.uncompressed }] : [];
  }),
);

/** r ‖ s of a strict DER signature; undefined for other encodings and for integers that are negative or too long. */
function compact(der: Uint8Array): Uint8Array | undefined {
  if (der[0] !== 0x30 || der[1] !== der.length - 2 || der.length > 72) return undefined;
  const integer = (at: number) => {
    const length = der[at + 1] ?? 0;
    const body = der.subarray(at + 2, at + 2 + length);
    const minimal =
      body.length === length && length > 0 && (body[0] ?? 0) < 0x80 && !(length > 1 && body[0] === 0 && (body[1] ?? 0) < 0x80);
    const value = body[0] === 0 ? body.subarray(1) : body;
    if (der[at] !== 0x02 || !minimal || value.length > 32) return undefined;
    return { end: at + 2 + length, value: concatBytes(new Uint8Array(32 - value.length), value) };
  };
  const r = integer(2);
  const s = r && integer(r.end);
  return r && s && s.end === der.length ? concatBytes(r.value, s.value) : undefined;
}

/** Verification as the protocol does it: some recovery id leads to the key. */
function verifies(backend: CryptoBackend, digest: Uint8Array, signature: Uint8Array, key: string): boolean {
  return [0, 1, 2, 3].some((recovery) => {
    const recovered = backend.recover(digest, { signature, recovery });
    return recovered !== undefined && backend.toHex(recovered) === key;
  });
}

it.skipIf(noVectors)("the files hold the cases that are expected of them", () => {
  expect(ecdh).toHaveLength(492);
  expect([count(ecdh, "valid"), count(ecdh, "invalid"), count(ecdh, "acceptable")]).toEqual([473, 18, 1]);
  expect(hkdf).toHaveLength(86);
  expect(gcm.length).toBeGreaterThan(30);
  expect(ecdsa.length).toBeGreaterThan(200);
});

describe.skipIf(noVectors).each(backends.map((backend) => [backend.name, backend] as const))("Wycheproof, %s", (_name, backend) => {
  it(`ECDH secp256k1, raw points: ${count(ecdh, "valid")} shared secrets, ${count(ecdh, "invalid") + count(ecdh, "acceptable")} points refused`, () => {
    for (const one of ecdh) {
      const publicKey = bytes(one.public.slice(SPKI.length));
      const x = backend.ecdhX(privateKey(one.private), publicKey);
      expect(backend.isPublicKey(publicKey), label(one)).toBe(one.result === "valid");
      expect(x && backend.toHex(x), label(one)).toBe(one.result === "valid" ? one.shared : undefined);
    }
  });

  it(`HKDF-SHA256: ${count(hkdf, "valid")} keys, ${count(hkdf, "invalid")} lengths refused`, async () => {
    for (const one of hkdf) {
      const derive = async () => backend.toHex(await backend.hkdfSha256(bytes(one.ikm), bytes(one.salt), bytes(one.info), one.size));
      if (one.result === "valid") expect(await derive(), label(one)).toBe(one.okm);
      else await expect(derive(), label(one)).rejects.toThrow();
    }
  });

  it(`AES-256-GCM, 96-bit nonce, no additional data: ${count(gcm, "valid")} sealed and opened, ${count(gcm, "invalid")} refused`, async () => {
    for (const one of gcm) {
      const aead = await backend.createAead(bytes(one.key));
      const nonce = bytes(one.iv);
      const opened = await aead.open(nonce, bytes(one.ct + one.tag));
      expect(opened && backend.toHex(opened), label(one)).toBe(one.result === "valid" ? one.msg : undefined);
      if (one.result === "valid")
        expect(backend.toHex(await aead.seal(new Uint8Array(0), nonce, bytes(one.msg))), label(one)).toBe(one.iv + one.ct + one.tag);
    }
  });

  it(`ECDSA secp256k1 (Bitcoin: low s), by recovery: ${count(ecdsa, "valid")} verified, ${count(ecdsa, "invalid")} refused`, () => {
    for (const one of ecdsa) {
      const hash = backend.createSha256();
      hash.update(bytes(one.msg));
      expect(verifies(backend, hash.digest(), one.signature, one.key), label(one)).toBe(one.result === "valid");
    }
  });
});
