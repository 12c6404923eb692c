import { addressOf, createReportData, toHex } from "@bauta/protocol";
import { createHash, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyBackend, flipBit } from "../../../../tests/support/backends.ts";
import type { TdReport } from "../tdx/quote.ts";
import { type RequestNonce, verifyKeyBinding, verifyNonceBinding } from "./report-data-binding.ts";
import { deriveSigningKey } from "./signing-key.ts";

const sha256 = (...parts: readonly Uint8Array[]) => new Uint8Array(createHash("sha256").update(Buffer.concat(parts)).digest());
const key = anyBackend.createKeyPair().publicKey;
const address = addressOf(key);
const signing = deriveSigningKey({ signingKey: toHex(key) });
const nonce = new Uint8Array(randomBytes(32));
const spkiSha256 = sha256(randomBytes(91));
const of = (reportData: Uint8Array) => ({ reportData }) as TdReport;
const plain = createReportData(address, nonce);
const withTls = new Uint8Array([...sha256(address, spkiSha256), ...nonce]);

describe("verifyKeyBinding, with the TLS fingerprint", () => {
  it("passes for SHA-256(address ‖ SHA-256(SPKI))", () => {
    expect(verifyKeyBinding(of(withTls), signing, { spkiSha256 })).toMatchObject({ id: "key.bound-to-report-data", status: "pass" });
  });

  it("takes neither form for the other: the request decides", () => {
    const unbound = verifyKeyBinding(of(plain), signing, { spkiSha256 });
    expect(unbound).toMatchObject({
      status: "fail",
      reason: expect.stringContaining("the TLS key that was asked for is not bound") as string,
    });
    expect(verifyKeyBinding(of(withTls), signing)).toMatchObject({ status: "fail" });
    expect(verifyKeyBinding(of(plain), signing)).toMatchObject({ status: "pass" });
  });

  it("fails for another certificate, another key, and a fingerprint of another length", () => {
    const other = verifyKeyBinding(of(withTls), signing, { spkiSha256: sha256(spkiSha256) });
    expect(other).toMatchObject({ status: "fail", reason: expect.stringContaining("someone else ends it") as string });
    const otherKey = deriveSigningKey({ signingKey: toHex(anyBackend.createKeyPair().publicKey) });
    expect(verifyKeyBinding(of(withTls), otherKey, { spkiSha256 }).status).toBe("fail");
    for (const length of [0, 20, 31, 33]) {
      expect(verifyKeyBinding(of(withTls), signing, { spkiSha256: new Uint8Array(length) })).toMatchObject({
        status: "fail",
        reason: expect.stringContaining(`has ${length} bytes`) as string,
      });
    }
  });

  it("fails for every changed bit of its half, and for none of the nonce's", () => {
    fc.assert(
      fc.property(fc.nat(511), (bit) => {
        const changed = of(flipBit(withTls, bit));
        expect(verifyKeyBinding(changed, signing, { spkiSha256 }).status).toBe(bit < 256 ? "fail" : "pass");
        expect(verifyNonceBinding(changed, request, undefined).status).toBe(bit < 256 ? "pass" : "fail");
      }),
    );
  });

  it("is not checked without a key", () => {
    const none = deriveSigningKey({ signingKey: "" });
    expect(verifyKeyBinding(of(withTls), none, { spkiSha256 }).status).toBe("not-checked");
  });
});

const request: RequestNonce = { query: toHex(nonce), sealed: true };

describe("verifyKeyBinding, the address alone", () => {
  it("fails for every changed bit of its half, zeros included", () => {
    fc.assert(
      fc.property(fc.nat(511), (bit) => {
        const finding = verifyKeyBinding(of(flipBit(plain, bit)), signing);
        expect(finding.status).toBe(bit < 256 ? "fail" : "pass");
        if (bit < 256) expect(finding.reason).toContain(bit < 160 ? "another address" : "not zero");
      }),
    );
  });
});

describe("verifyNonceBinding", () => {
  it("passes for 32 bytes as they are, in either case", () => {
    expect(verifyNonceBinding(of(plain), request, request.query)).toMatchObject({ id: "nonce.bound", status: "pass" });
    expect(verifyNonceBinding(of(plain), { query: request.query.toUpperCase(), sealed: true }, request.query).status).toBe("pass");
  });

  it("passes for the SHA-256 of another text, on models that take one", () => {
    const query = "0123456789abcdef0123456789abcdef";
    const report = of(createReportData(address, sha256(Buffer.from(query))));
    expect(verifyNonceBinding(report, { query, sealed: false }, query).status).toBe("pass");
    expect(verifyNonceBinding(report, { query, sealed: true }, query).status).toBe("fail");
    // Hashed as received: another case is another text.
    expect(verifyNonceBinding(report, { query: query.toUpperCase(), sealed: false }, undefined).status).toBe("fail");
  });

  it("takes neither way for the other", () => {
    const hashed = of(createReportData(address, sha256(Buffer.from(request.query))));
    expect(verifyNonceBinding(hashed, { ...request, sealed: false }, request.query).status).toBe("fail");
    const asBytes = of(createReportData(address, new Uint8Array([...Buffer.from("0123456789abcdef", "hex"), ...new Uint8Array(24)])));
    expect(verifyNonceBinding(asBytes, { query: "0123456789abcdef", sealed: false }, undefined).status).toBe("fail");
  });

  it("fails where the answer states another nonce", () => {
    expect(verifyNonceBinding(of(plain), request, "00".repeat(32))).toMatchObject({
      status: "fail",
      reason: expect.stringContaining("the answer states another") as string,
    });
  });
});
