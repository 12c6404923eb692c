import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyBackend } from "../../../tests/support/backends.ts";
import { toBase64Url, utf8 } from "./bytes.ts";
import { addressOf } from "./public-key.ts";
import {
  parseReceiptComment,
  type Receipt,
  receiptComment,
  type ReceiptExpectation,
  signReceipt,
  verifyDocumentedReceipt,
  verifyReceipt,
} from "./receipt.ts";
import { canonicalJson, signText, statementText, verifyTextSignature } from "./signed-text.ts";

const model = anyBackend.createKeyPair();
const address = addressOf(model.publicKey);
const digest = (byte: string) => byte.repeat(32);

const receipt: Receipt = {
  request_id: "chatcmpl-1",
  model: "e2ee-a",
  client_nonce: digest("0a"),
  request_sha256: digest("0b"),
  response_sha256: digest("0c"),
  envelopes_sha256: digest("0d"),
  finish_reason: "stop",
  usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
  weights: [{ name: "a.gguf", sha256: digest("0e") }],
  engine: { name: "e", image_digest: digest("0f") },
  created: 1_700_000_000,
};
const expected: ReceiptExpectation = {
  requestId: receipt.request_id,
  model: receipt.model,
  clientNonce: receipt.client_nonce ?? undefined,
  requestSha256: receipt.request_sha256,
  responseSha256: receipt.response_sha256,
  envelopesSha256: receipt.envelopes_sha256 ?? undefined,
};
const signed = signReceipt(anyBackend, model.secretKey, receipt);
const verify = (value: unknown, signature = signed.receiptSignature, expectation: ReceiptExpectation = expected) =>
  verifyReceipt(anyBackend, address, value, signature, expectation);
const sign = (value: object) => signText(anyBackend, model.secretKey, statementText("bauta/receipt/1", value));

describe("verifyReceipt", () => {
  it("holds for what was signed, in any order of members", () => {
    expect(verify(receipt)).toEqual({ ok: true, receipt });
    expect(verify(Object.fromEntries(Object.entries(receipt).toReversed()))).toMatchObject({ ok: true });
    expect(verify(JSON.parse(canonicalJson(receipt)))).toMatchObject({ ok: true });
  });

  it("does not ask for a request id where the client has none", () => {
    expect(verify(receipt, signed.receiptSignature, { ...expected, requestId: undefined })).toMatchObject({ ok: true });
  });

  // Each value of the receipt, wherever it stands, changed to another of its kind.
  function* changes(value: unknown, path: readonly string[] = []): Generator<readonly [string, (next: unknown) => unknown]> {
    if (typeof value === "object" && value !== null) {
      for (const [name, inner] of Object.entries(value)) {
        for (const [where, change] of changes(inner, [...path, name])) {
          yield [
            where,
            (outer) =>
              Array.isArray(outer)
                ? outer.map((one: unknown, i) => (String(i) === name ? change(one) : one))
                : { ...(outer as object), [name]: change((outer as Record<string, unknown>)[name]) },
          ];
        }
      }
      return;
    }
    const other = path.at(-1) === "finish_reason" ? "length" : typeof value === "number" ? value + 1 : digest("99");
    yield [path.join("."), () => other];
  }

  it.each([...changes(receipt)])("%s changed: the signature does not hold", (_path, change) => {
    expect(verify(change(receipt))).toEqual({ ok: false, reason: "the receipt is not signed by the attested key" });
  });

  it.each([
    ["request_id", { requestId: "chatcmpl-2" }],
    ["model", { model: "e2ee-b" }],
    ["client_nonce", { clientNonce: digest("aa") }],
    ["client_nonce", { clientNonce: undefined }],
    ["request_sha256", { requestSha256: digest("aa") }],
    ["response_sha256", { responseSha256: digest("aa") }],
    ["envelopes_sha256", { envelopesSha256: digest("aa") }],
    ["envelopes_sha256", { envelopesSha256: undefined }],
  ])("%s other than the client saw: says so", (member, change) => {
    expect(verify(receipt, signed.receiptSignature, { ...expected, ...change })).toEqual({
      ok: false,
      reason: `the receipt is about something else: ${member} differs from what this client saw`,
    });
  });

  it.each(Object.keys(receipt))("without %s, or with it of another kind: not a receipt", (member) => {
    const without = Object.fromEntries(Object.entries(receipt).filter(([name]) => name !== member));
    const reason = "the receipt does not have the members of bauta/receipt/1";
    expect(verify(without, sign(without))).toEqual({ ok: false, reason });
    for (const wrong of [undefined, true, "no", 1.5, -1, {}, [[]], "X".repeat(64), "x".repeat(1025)]) {
      if ((member === "request_id" || member === "model") && wrong === "no") continue;
      if ((member === "request_id" || member === "model") && wrong === "X".repeat(64)) continue;
      const changed = { ...receipt, [member]: wrong };
      expect(verify(changed, sign(changed)), `${member}: ${JSON.stringify(wrong)}`).toEqual({ ok: false, reason });
    }
  });

  it("a member more, a __proto__, too many weights: not a receipt", () => {
    for (const changed of [
      { ...receipt, note: 1 },
      JSON.parse(`{"__proto__":{},${canonicalJson(receipt).slice(1)}`) as object,
      JSON.parse(canonicalJson(receipt).replace('"engine"', '"__proto__"')) as object,
      { ...receipt, engine: { ...receipt.engine, extra: 1 } },
      { ...receipt, weights: Array.from({ length: 257 }, () => ({ name: "a", sha256: digest("00") })) },
      { ...receipt, weights: [{ name: "a", sha256: digest("00"), size: 1 }] },
    ]) {
      expect(verify(changed, sign(changed))).toMatchObject({ ok: false, reason: expect.stringContaining("members") as string });
    }
  });

  it("signatures of another key, of another kind, or none", () => {
    const other = anyBackend.createKeyPair();
    for (const signature of [
      signReceipt(anyBackend, other.secretKey, receipt).receiptSignature,
      signed.signature,
      signText(anyBackend, model.secretKey, canonicalJson(receipt)),
      signText(anyBackend, model.secretKey, `bauta/keys/1\n${canonicalJson(receipt)}`),
      signed.receiptSignature.toUpperCase(),
      "",
      "0x",
      "x".repeat(100_000),
    ]) {
      expect(verify(receipt, signature)).toEqual({ ok: false, reason: "the receipt is not signed by the attested key" });
    }
  });

  it("property: any JSON is judged without throwing, and never holds", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, signature) => {
        expect(verify(value, signature).ok).toBe(false);
        expect(verify({ ...receipt, usage: value }, signature).ok).toBe(false);
        expect(verify({ ...receipt, weights: value }, signature).ok).toBe(false);
      }),
    );
  });
});

describe("verifyDocumentedReceipt", () => {
  it("holds for the two digests, signed", () => {
    expect(signed.text).toBe(`${receipt.request_sha256}:${receipt.response_sha256}`);
    expect(verifyDocumentedReceipt(anyBackend, address, signed.text, signed.signature, expected)).toEqual({ ok: true });
  });

  it.each([
    ["another request", { ...expected, requestSha256: digest("aa") }, "another request or answer"],
    ["another answer", { ...expected, responseSha256: digest("aa") }, "another request or answer"],
  ])("%s", (_why, expectation, reason) => {
    expect(verifyDocumentedReceipt(anyBackend, address, signed.text, signed.signature, expectation)).toEqual({
      ok: false,
      reason: expect.stringContaining(reason) as string,
    });
  });

  it("texts that are not two digests, even if signed", () => {
    for (const text of [
      "",
      digest("0b"),
      `${signed.text}:`,
      ` ${signed.text}`,
      `${signed.text}\n`,
      signed.text.toUpperCase(),
      `bauta/receipt/1\n${canonicalJson(receipt)}`,
    ]) {
      const signature = signText(anyBackend, model.secretKey, text);
      expect(verifyDocumentedReceipt(anyBackend, address, text, signature, expected)).toEqual({
        ok: false,
        reason: "the signed text is not two SHA-256 digests",
      });
    }
  });

  it("another key's signature, or the statement's", () => {
    for (const signature of [signText(anyBackend, anyBackend.createKeyPair().secretKey, signed.text), signed.receiptSignature, "0x00"]) {
      expect(verifyDocumentedReceipt(anyBackend, address, signed.text, signature, expected)).toEqual({
        ok: false,
        reason: "the signed text is not signed by the attested key",
      });
    }
  });
});

describe("the comment behind [DONE]", () => {
  it("round trip, with as many weights as a receipt may have", () => {
    const large = {
      ...receipt,
      weights: Array.from({ length: 256 }, (_, i) => ({
        name: `model-${String(i).padStart(5, "0")}-of-00256.safetensors`,
        sha256: digest("0e"),
      })),
    };
    for (const one of [receipt, large]) {
      const comment = receiptComment(signReceipt(anyBackend, model.secretKey, one));
      const parsed = parseReceiptComment(comment);
      expect(parsed && verify(parsed.receipt, parsed.signature)).toMatchObject({ ok: true });
      expect(comment).not.toMatch(/[\r\n]/);
    }
  });

  it.each([
    "",
    "hello",
    "bauta-receipt",
    "bauta-receipt e30",
    " bauta-receipt e30 0x",
    "bauta-receipt e30 0x more",
    "bauta-receipt !!! 0x",
    "bauta-receipt e3 0x",
    "bauta-receipt _w 0x",
    "Bauta-Receipt e30 0x",
  ])("is not: %j", (comment) => {
    expect(parseReceiptComment(comment)).toBeUndefined();
  });

  it("has a size limit", () => {
    const comment = (length: number) => `bauta-receipt ${toBase64Url(utf8(JSON.stringify("x".repeat(length - 2))))} 0x`;
    expect(parseReceiptComment(comment(64 * 1024))).toBeDefined();
    expect(parseReceiptComment(comment(64 * 1024 + 1))).toBeUndefined();
  });

  it("property: any comment is read or is none", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `bauta-receipt ${text} 0x`),
          fc.base64String().map((text) => `bauta-receipt ${text} 0x`),
        ),
        (comment) => void parseReceiptComment(comment),
      ),
    );
  });
});

describe("signed texts", () => {
  it("a statement begins with its tag, and its JSON is canonical", () => {
    expect(statementText("bauta/keys/1", { b: 1, a: "é", c: [true, null], "\u20ac": 1e21 })).toBe(
      'bauta/keys/1\n{"a":"é","b":1,"c":[true,null],"€":1e+21}',
    );
    expect(() => canonicalJson({ a: Number.NaN })).toThrow();
  });

  it("property: a signature holds for its text and key, and for no other", () => {
    const other = anyBackend.createKeyPair();
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string(), (text, another) => {
        const signature = signText(anyBackend, model.secretKey, text);
        expect(verifyTextSignature(anyBackend, address, text, signature)).toBe(true);
        expect(verifyTextSignature(anyBackend, addressOf(other.publicKey), text, signature)).toBe(false);
        expect(verifyTextSignature(anyBackend, address, another, signature)).toBe(another === text);
        expect(verifyTextSignature(anyBackend, address, text, another)).toBe(false);
      }),
    );
  });
});
