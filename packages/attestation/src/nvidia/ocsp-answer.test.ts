import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { bounded } from "../../../../tests/support/bounded.ts";
import {
  der,
  type MintedCertificate,
  mintCertificate,
  mintKey,
  mintOcspAnswer,
  NOW_MS,
  OIDS,
  type OcspWish,
  parsed,
} from "../testing/minted-nvidia.ts";
import { openssl, OPENSSL_MS } from "../testing/openssl-ocsp.ts";
import { type OcspQuestion, verifyOcspAnswer } from "./ocsp-answer.ts";
import { MAX_OCSP_BYTES, OcspError, parseOcspResponse } from "./ocsp-response.ts";
import { parseP384Certificate } from "./p384-certificate.ts";
import { parseOcspAnswers, verifyRevocation } from "./revocation.ts";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const root = mintCertificate({ name: "Root", ca: true });
const authority = mintCertificate({ name: "Family", ca: true, issuer: root });
const device = mintCertificate({ name: "Device", ca: true, issuer: authority });
const delegate = mintCertificate({ name: "Responder", issuer: authority, purposes: [OIDS.ocspSigning] });
const about = { cert: parsed(device), issuer: parsed(authority) };
const nonce = new Uint8Array(32).fill(7);

const ask = (wish: Partial<OcspWish> = {}, question: Partial<OcspQuestion> = {}) =>
  verifyOcspAnswer(mintOcspAnswer({ about, responder: delegate, ...wish }), { ...about, nowMs: NOW_MS, ...question });
/** The one fault of an answer that says nothing then. */
const fault = async (wish: Partial<OcspWish>, question: Partial<OcspQuestion> = {}) => {
  const { status, faults } = await ask(wish, question);
  expect(status).toBeUndefined();
  expect(faults).toHaveLength(1);
  return faults[0];
};

describe("an OCSP answer that holds", () => {
  it("comes from OpenSSL: a delegate's, by key hash, with a nonce, and with a critical purpose", async () => {
    const subject = { cert: parseP384Certificate(openssl("leaf")), issuer: parseP384Certificate(openssl("ca")) };
    const sent = openssl("requestWithNonce").slice(-16);
    const result = await verifyOcspAnswer(openssl("good"), { ...subject, nonce: sent, nowMs: OPENSSL_MS });
    expect(result).toMatchObject({ status: "good", faults: [] });
    expect(await verifyOcspAnswer(openssl("hold"), { ...subject, nowMs: OPENSSL_MS })).toMatchObject({
      status: "hold",
      faults: [expect.stringContaining("on hold since 2026-01-01")],
    });
  });

  it("is a delegate's or the issuer's own, named by key or by name", async () => {
    const good = { status: "good", faults: [], thisUpdateMs: NOW_MS, nextUpdateMs: NOW_MS + DAY_MS };
    expect(await ask()).toEqual(good);
    expect(await ask({ byName: true })).toEqual(good);
    expect(await ask({ responder: authority })).toEqual(good);
    expect(await ask({ responder: authority, byName: true, certificates: [] })).toEqual(good);
    const critical = mintCertificate({
      name: "R",
      issuer: authority,
      purposes: [OIDS.serverAuth, OIDS.ocspSigning],
      purposesCritical: true,
    });
    expect(await ask({ responder: critical })).toEqual(good);
  });

  it("may come from a clock that is a little ahead", async () => {
    expect((await ask({ producedMs: NOW_MS + MINUTE_MS })).status).toBe("good");
  });

  it("repeats the nonce that was sent", async () => {
    expect(await ask({ nonce }, { nonce })).toMatchObject({ status: "good", faults: [] });
    expect(await ask({ nonce })).toMatchObject({ status: "good" });
  });
});

describe("what an answer says", () => {
  it("is a fault when the certificate is revoked, with the reason where there is one", async () => {
    expect(await ask({ status: "revoked" })).toMatchObject({ status: "revoked", faults: [expect.stringContaining("for reason 1")] });
    const { status, faults } = await ask({ status: "revoked-without-reason" }, { allowHold: true });
    expect([status, faults]).toEqual(["revoked", ['NVIDIA has revoked "Device" at 2026-05-31T12:00:00.000Z']]);
  });

  it("is a fault when the certificate is on hold, unless that is allowed", async () => {
    expect(await ask({ status: "hold" })).toMatchObject({ status: "hold", faults: [expect.stringContaining("on hold")] });
    expect(await ask({ status: "hold" }, { allowHold: true })).toMatchObject({ status: "hold", faults: [] });
    expect((await ask({ status: "revoked" }, { allowHold: true })).faults).toHaveLength(1);
  });

  it("is a fault when the responder does not know", async () => {
    expect(await ask({ status: "unknown" }, { allowHold: true })).toMatchObject({
      status: "unknown",
      faults: ['the OCSP responder does not know "Device"'],
    });
  });
});

describe("an OCSP answer is refused", () => {
  const wrongResponders: readonly [string, MintedCertificate, string][] = [
    ["of no purpose", mintCertificate({ name: "R", issuer: authority }), "may not sign OCSP answers"],
    ["of another purpose", mintCertificate({ name: "R", issuer: authority, purposes: [OIDS.serverAuth] }), "may not sign OCSP answers"],
    ["certified by another", mintCertificate({ name: "R", issuer: root, purposes: [OIDS.ocspSigning] }), "names another issuer"],
    [
      "certified by the issuer's name alone",
      mintCertificate({ name: "R", issuer: { ...authority, key: mintKey() }, purposes: [OIDS.ocspSigning] }),
      "is not by the key of",
    ],
    ["that nobody certified", mintCertificate({ name: "R", purposes: [OIDS.ocspSigning] }), "names another issuer"],
    [
      "that is a CA",
      mintCertificate({ name: "R", ca: true, usage: 0x86, issuer: authority, purposes: [OIDS.ocspSigning] }),
      "signing data",
    ],
    [
      "without a key usage for it",
      mintCertificate({ name: "R", usage: 0x20, issuer: authority, purposes: [OIDS.ocspSigning] }),
      "signing data",
    ],
    [
      "that has ended",
      mintCertificate({ name: "R", issuer: authority, purposes: [OIDS.ocspSigning], notAfterMs: NOW_MS - 1000 }),
      "valid only until",
    ],
    [
      "of the future",
      mintCertificate({ name: "R", issuer: authority, purposes: [OIDS.ocspSigning], notBeforeMs: NOW_MS + 1000 }),
      "valid only from",
    ],
  ];
  it.each(wrongResponders)("from a responder %s", async (_, responder, problem) => {
    expect(await fault({ responder })).toContain(problem);
  });

  it("when another key than the named responder's signed it", async () => {
    expect(await fault({ responder: { ...delegate, key: mintKey() }, named: delegate, certificates: [delegate] })).toContain(
      "not by the key",
    );
    expect(await fault({ responder: root, named: authority, certificates: [] })).toContain("not by the key");
  });

  it("when the responder's certificate is missing or cannot be read", async () => {
    expect(await fault({ certificates: [] })).toContain("is not there");
    const rsa = mintCertificate({ name: "R", key: mintKey("rsa"), issuer: authority, purposes: [OIDS.ocspSigning] });
    expect(await fault({ certificates: [rsa] })).toContain("cannot be read");
  });

  it("when it is about another certificate, or says several things", async () => {
    expect(await fault({ serial: "e10999" })).toContain('is not about "Device"');
    expect(await fault({ about: { ...about, issuer: parsed(root) } })).toContain("is not about");
    expect(await fault({ copies: 2 })).toContain("several things");
  });

  it("before and after its time", async () => {
    const hour = 60 * MINUTE_MS;
    expect(await fault({ producedMs: NOW_MS - 2 * DAY_MS })).toContain("valid only until");
    expect(await fault({ thisUpdateMs: NOW_MS - 2 * hour, nextUpdateMs: NOW_MS - 1000 })).toContain("valid only until");
    expect(await fault({ thisUpdateMs: NOW_MS + hour })).toContain("valid only from");
    expect(await fault({ producedMs: NOW_MS + hour, thisUpdateMs: NOW_MS })).toContain("valid only from");
    expect(await fault({ nextUpdateMs: null })).toContain("until when");
  });

  it("with another nonce than was sent, or none", async () => {
    expect(await fault({ nonce: new Uint8Array(32).fill(8) }, { nonce })).toContain("another nonce");
    expect(await fault({}, { nonce })).toContain("has no nonce");
  });

  it("when the responder says no more than why not", async () => {
    expect(await fault({ responseStatus: 6 })).toBe('the responder answers "unauthorized" (6), and no status');
    expect(await fault({ responseStatus: 3 })).toContain("tryLater");
    expect(await fault({ responseStatus: 9 })).toContain("(9)");
  });

  it("with other algorithms, each with its reason", async () => {
    expect(await fault({ signatureAlgorithm: OIDS.ecdsaSha256 })).toContain("not ECDSA with SHA-384");
    const rsa = { ...delegate, key: mintKey("rsa") };
    expect(await fault({ responder: rsa })).toContain("not ECDSA with SHA-384");
    expect(await fault({ certIdHash: OIDS.sha1 })).toContain("another hash than SHA-384");
  });

  it("with critical extensions that are not known, and with two nonces", async () => {
    const critical = der.sequence(der.oid("2a03"), Uint8Array.of(0x01, 0x01, 0xff), der.octets(new Uint8Array()));
    expect(await fault({ extensions: [critical] })).toContain("critical");
    expect(await fault({ singleExtensions: [critical] })).toContain("critical");
    const second = der.sequence(der.oid(OIDS.nonce), der.octets(der.octets(nonce)));
    expect(await fault({ nonce, extensions: [second] }, { nonce })).toContain("twice");
    expect(await fault({ nonce: new Uint8Array() })).toContain("a nonce of 0 bytes");
  });

  it("when any byte of it is changed", async () => {
    const whole = mintOcspAnswer({ about, responder: delegate, nonce });
    for (let at = 0; at < whole.length; at += 3) {
      const changed = whole.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x01;
      const { status, faults } = await verifyOcspAnswer(changed, { ...about, nonce, nowMs: NOW_MS });
      expect([at, status, faults.length]).toEqual([at, undefined, expect.any(Number)]);
      expect(faults).not.toEqual([]);
    }
  });
});

describe("the parser", () => {
  const whole = mintOcspAnswer({ about, responder: delegate, nonce });
  const parsesOrThrowsItsOwn = (bytes: Uint8Array) => {
    try {
      parseOcspResponse(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(OcspError);
    }
  };

  it("throws only its own error", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), parsesOrThrowsItsOwn), { numRuns: 300 });
    const change = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255), cut: fc.nat(whole.length) });
    fc.assert(
      fc.property(change, ({ at, byte, cut }) => {
        const changed = whole.slice();
        changed[at] = byte;
        parsesOrThrowsItsOwn(changed);
        parsesOrThrowsItsOwn(whole.slice(0, cut));
      }),
      { numRuns: 300 },
    );
  });

  it("is done with bombs in 100 ms", async () => {
    const many = der.sequence(...Array.from({ length: 4000 }, () => der.sequence()));
    const nested = new Uint8Array(MAX_OCSP_BYTES).fill(0x30);
    const huge = new Uint8Array(50_000_000);
    await bounded(() => {
      for (const bomb of [huge, nested, many]) expect(() => parseOcspResponse(bomb)).toThrow(OcspError);
    });
  });
});

describe("revocation of a path", () => {
  const path = [parsed(device), parsed(authority), parsed(root)];
  const own = (wish: Partial<OcspWish> = {}) => mintOcspAnswer({ about, responder: delegate, ...wish });
  const above = mintOcspAnswer({ about: { cert: parsed(authority), issuer: parsed(root) }, responder: root });
  const look = (ders: readonly Uint8Array[], allowHold = false) =>
    verifyRevocation(path, parseOcspAnswers(ders), { nowMs: NOW_MS, allowHold });

  it("finds the answer for each certificate, in any order, beside others", async () => {
    const results = await look([above, own({ serial: "e10999" }), own()]);
    expect(results.map(({ cert, status, faults }) => [cert.commonName, status, faults])).toEqual([
      ["Device", "good", []],
      ["Family", "good", []],
    ]);
  });

  it("says which certificate has none", async () => {
    expect((await look([own()]))[1]?.faults).toEqual(['no OCSP answer about "Family" is at hand']);
    expect((await look([own(), Uint8Array.of(1, 2)]))[1]?.faults[0]).toContain("one cannot be read: OCSP answer: byte");
  });

  it("takes the latest of several that hold, and none that does not", async () => {
    const old = own({ producedMs: NOW_MS - 60 * MINUTE_MS });
    const held = own({ status: "hold" });
    expect((await look([old, held, above]))[0]?.status).toBe("hold");
    expect((await look([held, old, above], true))[0]).toMatchObject({ status: "hold", faults: [] });
    const forged = own({ responder: { ...delegate, key: mintKey() }, named: delegate, certificates: [delegate] });
    expect((await look([forged, own({ status: "revoked", producedMs: NOW_MS - 60 * MINUTE_MS }), above]))[0]?.status).toBe("revoked");
    expect((await look([forged, above]))[0]).toMatchObject({ faults: [expect.stringContaining("not by the key")] });
  });

  it("hears bad news before good of the same moment, in whatever order they come", async () => {
    const [fine, revoked] = [own(), own({ status: "revoked" })];
    for (const ders of [
      [fine, revoked, above],
      [revoked, fine, above],
    ])
      expect((await look(ders))[0]).toMatchObject({ status: "revoked", faults: [expect.stringContaining("NVIDIA has revoked")] });
    expect((await look([fine, own({ status: "hold" })]))[0]?.status).toBe("hold");
    expect((await look([fine, own({ status: "unknown" })]))[0]?.status).toBe("unknown");
  });

  it("verifies one answer where many are about the same certificate, and few where none of them holds", async () => {
    const verify = vi.spyOn(crypto.subtle, "verify");
    try {
      const copies = Array.from({ length: 60 }, (_, index) => own({ producedMs: NOW_MS - index * MINUTE_MS }));
      expect((await look([...copies.toReversed(), above]))[0]?.status).toBe("good");
      // The answer and its delegate, and the same of the authority above.
      expect(verify.mock.calls.length).toBeLessThanOrEqual(4);
      verify.mockClear();
      const forged = copies.map((der) => der.with(der.length - 1, (der.at(-1) ?? 0) ^ 1));
      expect((await look([...forged, above]))[0]?.status).toBeUndefined();
      expect(verify.mock.calls.length).toBeLessThanOrEqual(20);
    } finally {
      verify.mockRestore();
    }
  });

  it("reads no more answers than there can be use for", () => {
    const answers = parseOcspAnswers(Array.from({ length: 200 }, () => above));
    expect(answers.responses).toHaveLength(128);
    expect(answers.faults).toEqual(["200 OCSP answers are more than 128"]);
  });
});
