// Against an HPKE of the tests' own (node:crypto), which is itself held to RFC 9180's vector first.
import { describe, expect, it } from "vitest";
import { backends, bytes } from "../../../../tests/support/backends.ts";
import { utf8 } from "../bytes.ts";
import { toHex } from "../hex.ts";
import { plainFrame, plainFrames, plainRecipient, plainResponse, plainSender, publicKeyOf } from "../testing/plain-hpke.ts";
import { bodyKeyOf } from "./body-key.ts";
import { parseKeyConfig, writeKeyConfig } from "./key-config.ts";
import { deriveResponseKeys } from "./response-keys.ts";
import { sealBody } from "./seal-body.ts";
import { createSuite } from "./suite.ts";

const INFO = utf8("ehbp request");
const textOf = (plaintext: Uint8Array | undefined) => new TextDecoder().decode(plaintext);

describe("the tests' own HPKE", () => {
  it("gives the values of RFC 9180, appendix A.1.1", () => {
    const recipient = bytes("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8");
    const ephemeral = bytes("52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736");
    const info = bytes("4f6465206f6e2061204772656369616e2055726e");
    const { enc, context } = plainSender(ephemeral, publicKeyOf(recipient), info, 1);
    expect(toHex(publicKeyOf(recipient))).toBe("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d");
    expect(toHex(enc)).toBe("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431");
    expect(toHex(context.sharedSecret)).toBe("fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc");
    expect(toHex(context.key)).toBe("4531685d41d65f03dc48f6b8302c05b0");
    expect(toHex(context.baseNonce)).toBe("56d890e5accaaf011cff4b7d");
    expect(toHex(context.exporterSecret)).toBe("45ff1c2e220db587171952c0592d5f5ebe103f1561a2614e38f2ffd47e99e3f8");
    expect(toHex(context.seal(bytes("4265617574792069732074727574682c20747275746820626561757479"), bytes("436f756e742d30")))).toBe(
      "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a",
    );
  });
});

describe.each(backends.map((backend) => [backend.name, backend] as const))("answers' keys, %s", (_name, backend) => {
  it("are those of EHBP's published vector", async () => {
    const secret = Uint8Array.from({ length: 32 }, (_, i) => i);
    const enc = Uint8Array.from({ length: 32 }, (_, i) => 0x20 + i);
    const nonce = Uint8Array.from({ length: 32 }, (_, i) => 0x40 + i);
    const keys = await deriveResponseKeys(backend, secret, enc, nonce);
    const aead = await backend.createAead(bytes("40ec528847cd4e928449f2ed1a70a7d1e8ee317d5e900424fc1dd5b0475b97f7"));
    const base = keys.nextNonce();
    expect(toHex(base)).toBe("f8b0ce9466f27aa6243c65f9");
    const sealed = await aead.seal(new Uint8Array(0), base, utf8("hello"));
    expect(textOf(await keys.aead.open(base, sealed.subarray(12)))).toBe("hello");
  });

  it("count their nonces as u64be, XORed into the last eight bytes", async () => {
    const keys = await deriveResponseKeys(backend, new Uint8Array(32), new Uint8Array(32), new Uint8Array(32));
    const base = keys.nextNonce();
    const inBase = Buffer.from(base).readBigUInt64BE(4);
    for (let i = 1n; i <= 70_000n; i++) {
      const nonce = keys.nextNonce();
      if (i < 300n || i > 65_500n) {
        expect(Buffer.from(nonce).readBigUInt64BE(4) ^ inBase).toBe(i);
        expect(toHex(nonce.subarray(0, 4))).toBe(toHex(base.subarray(0, 4)));
      }
    }
  });
});

describe.each(backends.map((backend) => [backend.name, backend] as const))(
  "one exchange with the tests' own HPKE, %s",
  (_name, backend) => {
    it("opens what it sealed, and seals what it opens", async () => {
      const suite = await createSuite(backend);
      const rawPrivate = Uint8Array.from({ length: 32 }, (_, i) => 7 * i + 1);
      const pair = {
        privateKey: await suite.DeserializePrivateKey(rawPrivate, false),
        publicKey: await suite.DeserializePublicKey(publicKeyOf(rawPrivate)),
      };
      const key = await bodyKeyOf(backend, pair, 7);
      expect(toHex(key.keyConfig)).toBe(`070020${toHex(publicKeyOf(rawPrivate))}000400010002`);

      // Three frames, an empty one among them, which is not counted.
      const { enc, context } = plainSender(
        Uint8Array.from({ length: 32 }, (_, i) => 5 * i + 3),
        publicKeyOf(rawPrivate),
        INFO,
      );
      const body = Buffer.concat([plainFrame(context.seal(utf8('{"a":'))), Buffer.alloc(4), plainFrame(context.seal(utf8("1}")))]);
      const opened = await key.open(toHex(enc), body);
      expect(textOf(opened.plaintext)).toBe('{"a":1}');

      const sealer = await opened.sealResponse();
      const response = plainResponse(context.export("ehbp response", 32), enc, bytes(sealer.nonceHex));
      for (const [i, text] of ["data: one\n\n", "data: two\n\n", "data: [DONE]\n\n"].entries()) {
        const frame = await sealer.seal(utf8(text));
        expect(plainFrames(frame)).toHaveLength(1);
        expect(toHex(frame)).toBe(toHex(plainFrame(response.seal(BigInt(i), utf8(text)))));
      }
    });

    it("opens what the client sealed, and is opened by it", async () => {
      const rawPrivate = Uint8Array.from({ length: 32 }, (_, i) => 11 * i + 2);
      const keyConfig = writeKeyConfig({ keyId: 0, publicKey: publicKeyOf(rawPrivate) });
      const plaintext = utf8(JSON.stringify({ model: "e2ee-a", text: "x".repeat(100_000) }));
      const sealed = await sealBody({ backend, keyConfig, plaintext });
      const enc = bytes(sealed.encapsulatedKey);
      const context = plainRecipient(rawPrivate, enc, INFO);
      const frames = plainFrames(sealed.body);
      expect(frames).toHaveLength(1);
      expect(context.open(frames[0] as Buffer).equals(plaintext)).toBe(true);

      const nonce = Uint8Array.from({ length: 32 }, (_, i) => 200 - i);
      const response = plainResponse(context.export("ehbp response", 32), enc, nonce);
      const opener = await sealed.openResponse(toHex(nonce));
      const parts = ["one", "", "three"].map((text, i) => plainFrame(response.seal(BigInt(i), utf8(text))));
      expect((await opener.push(Buffer.concat(parts))).map(textOf)).toEqual(["one", "", "three"]);
      opener.end();
    });
  },
);

describe("the key configuration", () => {
  it("is 41 bytes with our suite alone, and reads back", () => {
    const publicKey = Uint8Array.from({ length: 32 }, (_, i) => i);
    const config = writeKeyConfig({ keyId: 255, publicKey });
    expect(config).toHaveLength(41);
    expect(parseKeyConfig(config)).toEqual({ keyId: 255, publicKey });
  });
});
