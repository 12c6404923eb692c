import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyBackend, bytes } from "../../../../tests/support/backends.ts";
import { utf8 } from "../bytes.ts";
import { toHex } from "../hex.ts";
import { parseKeyConfig, writeKeyConfig } from "./key-config.ts";
import { sealBody } from "./seal-body.ts";

const KEY = "aa".repeat(32);
const config = (pairs: string, { kem = "0020", key = KEY, length = (pairs.length / 2).toString(16).padStart(4, "0") } = {}) =>
  bytes(`05${kem}${key}${length}${pairs}`);
const OURS = "00010002";

describe("parseKeyConfig", () => {
  it.each([
    ["ours alone", config(OURS)],
    ["others before and behind ours", config(`00010001${OURS}00010003`)],
  ])("takes %s", (_name, text) => {
    expect(parseKeyConfig(text)).toEqual({ keyId: 5, publicKey: bytes(KEY) });
  });

  it("reads from the middle of a larger buffer", () => {
    const larger = new Uint8Array(100);
    larger.set(config(OURS), 13);
    expect(parseKeyConfig(larger.subarray(13, 13 + 41))).toEqual({ keyId: 5, publicKey: bytes(KEY) });
  });

  it.each([
    ["nothing", new Uint8Array(0)],
    ["no suite", config("")],
    ["another KEM (P-256)", config(OURS, { kem: "0010" })],
    ["a suite with AES-128 only", config("00010001")],
    ["our AEAD with another KDF", config("00030002")],
    ["export-only", config("0001ffff")],
    ["ours twice", config(OURS + OURS)],
    ["a list's length that is not that of the list", config(OURS, { length: "0008" })],
    ["a length of half a pair", config(`${OURS}0001`)],
    ["a length of zero before a pair", config(OURS, { length: "0000" })],
    ["a list longer than the bytes", config(OURS, { length: "ffff" })],
    ["a key that is too short", config(OURS, { key: "aa".repeat(31) })],
    ["a byte more", Uint8Array.of(...config(OURS), 0)],
    ["a byte less", config(OURS).subarray(0, 40)],
    ["the length prefix of application/ohttp-keys", Uint8Array.of(0, 41, ...config(OURS))],
    ["more pairs than there are", config(`${"00010001".repeat(64)}${OURS}`)],
  ])("refuses %s", (_name, text) => {
    expect(parseKeyConfig(text)).toBeUndefined();
  });

  it("reads what was written, and nothing of other lengths or ids", () => {
    fc.assert(
      fc.property(fc.nat(255), fc.uint8Array({ minLength: 32, maxLength: 32 }), (keyId, publicKey) => {
        const parsed = parseKeyConfig(writeKeyConfig({ keyId, publicKey }));
        expect(parsed?.keyId).toBe(keyId);
        expect(toHex(parsed?.publicKey as Uint8Array)).toBe(toHex(publicKey));
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
        expect(parseKeyConfig(noise)).toBeUndefined();
      }),
    );
  });
});

describe("writeKeyConfig", () => {
  it.each([-1, 256, 1.5, Number.NaN])("refuses the id %s", (keyId) => {
    expect(() => writeKeyConfig({ keyId, publicKey: bytes(KEY) })).toThrow(RangeError);
  });

  it("refuses a key of another length", () => {
    expect(() => writeKeyConfig({ keyId: 0, publicKey: new Uint8Array(33) })).toThrow(/32 bytes, not 33/);
  });
});

describe("sealing to a key configuration", () => {
  const seal = (keyConfig: Uint8Array) => sealBody({ backend: anyBackend, keyConfig, plaintext: utf8("{}") });

  it.each([
    ["garbage", Uint8Array.of(1, 2, 3)],
    ["AES-128", config("00010001")],
  ])("is refused for %s", async (_name, keyConfig) => {
    await expect(seal(keyConfig)).rejects.toMatchObject({ name: "RefusalError", code: "invalid_key_config", action: "re-attest" });
  });

  // The points of small order, whose shared secret everybody knows. @see RFC 7748 §6.1
  it.each([
    ["0", "00".repeat(32)],
    ["1", `01${"00".repeat(31)}`],
    ["order 8", "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"],
    ["order 8, the other", "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"],
    ["p − 1", `ec${"ff".repeat(30)}7f`],
    ["p", `ed${"ff".repeat(30)}7f`],
    ["p + 1", `ee${"ff".repeat(30)}7f`],
  ])("is refused for the point %s", async (_name, key) => {
    await expect(seal(config(OURS, { key }))).rejects.toMatchObject({ name: "RefusalError", code: "invalid_key_config" });
  });
});
