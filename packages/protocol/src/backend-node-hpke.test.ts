import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { backends, bytes } from "../../../tests/support/backends.ts";
import { nodeHpke } from "./backend-node-hpke.ts";
import { webBackend } from "./backend-web.ts";
import { utf8 } from "./bytes.ts";
import { toHex } from "./hex.ts";
import { bodyKeyOf, createBodyKey } from "./sealed-body/body-key.ts";
import { writeKeyConfig } from "./sealed-body/key-config.ts";
import { sealBody } from "./sealed-body/seal-body.ts";
import { createSuite } from "./sealed-body/suite.ts";

const kem = nodeHpke.kem();

describe("DHKEM(X25519, HKDF-SHA256) of RFC 9180, appendix A.1.1", () => {
  const PAIRS = [
    [
      "7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234",
      "52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736",
      "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
    ],
    [
      "6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037",
      "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8",
      "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d",
    ],
  ] as const;

  it("derives the key pairs", async () => {
    for (const [ikm, secret, publicKey] of PAIRS) {
      const pair = await kem.DeriveKeyPair(bytes(ikm), true);
      expect(toHex(await kem.SerializePrivateKey(pair.privateKey))).toBe(secret);
      expect(toHex(await kem.SerializePublicKey(pair.publicKey))).toBe(publicKey);
    }
  });

  it("decapsulates the shared secret, with and without the recipient's public key", async () => {
    const [[, , enc], [, secret, publicKey]] = PAIRS;
    const privateKey = await kem.DeserializePrivateKey(bytes(secret), false);
    for (const recipient of [await kem.DeserializePublicKey(bytes(publicKey)), undefined]) {
      expect(toHex(await kem.Decap(bytes(enc), privateKey, recipient))).toBe(
        "fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc",
      );
    }
  });
});

describe("sealed bodies across backends", () => {
  const plaintext = utf8(JSON.stringify({ model: "e2ee-a", text: "what is sealed by one is opened by the other ☂" }));

  for (const from of backends) {
    for (const to of backends) {
      it(`${from.name} seals, ${to.name} opens, and the other way`, async () => {
        const key = await createBodyKey(to, 3);
        const sealed = await sealBody({ backend: from, keyConfig: key.keyConfig, plaintext });
        const opened = await key.open(sealed.encapsulatedKey, sealed.body);
        expect(toHex(opened.plaintext)).toBe(toHex(plaintext));
        const sealer = await opened.sealResponse();
        const frames = await sealer.seal(utf8("answer"));
        const [answer] = await (await sealed.openResponse(sealer.nonceHex)).push(frames);
        expect(new TextDecoder().decode(answer)).toBe("answer");
      });
    }
  }

  // Orders 1, 2, 4 and 8, and what is equal to them modulo the prime. @see RFC 7748 §6.1
  const SMALL_ORDER = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  ];

  it.each(backends.map((backend) => [backend.name, backend] as const))("%s takes no point of small order", async (_name, backend) => {
    const key = await createBodyKey(backend);
    for (const point of SMALL_ORDER) {
      const keyConfig = writeKeyConfig({ keyId: 0, publicKey: bytes(point) });
      await expect(sealBody({ backend, keyConfig, plaintext })).rejects.toMatchObject({ code: "invalid_key_config" });
      await expect(key.open(point, Buffer.concat([Buffer.of(0, 0, 0, 20), Buffer.alloc(20)]))).rejects.toMatchObject({
        code: "key_config",
      });
    }
  });
});

describe("a key of OpenSSL's", () => {
  it("is neither printed nor exported, and no other library's key is taken for one", async () => {
    const pair = await kem.GenerateKeyPair(false);
    await expect(kem.SerializePrivateKey(pair.privateKey)).rejects.toThrow("cannot be exported");
    expect(inspect(pair, { depth: 9, showHidden: true })).not.toMatch(/handle|KeyObject/i);
    expect(JSON.stringify(pair)).not.toMatch(/handle/);
    const foreign = await (await createSuite(webBackend)).GenerateKeyPair(false);
    await expect(kem.Encap(foreign.publicKey)).rejects.toThrow(TypeError);
    const [backend] = backends;
    await expect(bodyKeyOf(backend as (typeof backends)[number], foreign, 0)).rejects.toThrow();
    await expect(kem.Encap(pair.privateKey)).rejects.toThrow("not a public");
  });

  it.each([0, 31, 33])("has not %i bytes", async (length) => {
    await expect(kem.DeserializePublicKey(new Uint8Array(length))).rejects.toThrow(TypeError);
    await expect(kem.DeserializePrivateKey(new Uint8Array(length), false)).rejects.toThrow(TypeError);
  });

  it("expands to any length that HKDF gives, and no further", async () => {
    const kdf = nodeHpke.kdf();
    const prk = new Uint8Array(32).fill(7);
    const long = await kdf.Expand(prk, utf8("info"), 255 * 32);
    for (const length of [0, 1, 32, 33, 64, 100]) {
      expect(toHex(await kdf.Expand(prk, utf8("info"), length))).toBe(toHex(long.subarray(0, length)));
    }
    await expect(kdf.Expand(prk, utf8("info"), 255 * 32 + 1)).rejects.toThrow(RangeError);
  });
});
