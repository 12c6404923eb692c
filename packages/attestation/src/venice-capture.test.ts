import { describe, expect, it } from "vitest";
import { noVectors, readJsonVector } from "../../../tests/support/vectors.ts";
import { appraise, type AppraisalInput } from "./appraise.ts";
import { parseAttestationAnswer } from "./evidence/attestation-answer.ts";
import type { Evidence } from "./evidence/evidence.ts";
import { parsePolicy } from "./policy/policy.ts";
import type { AttestationResult, CheckId } from "./result.ts";

const ANSWER = "venice-2026-04-24/0001_api.venice.ai_api_v1_tee_attestation.body";

interface Capture {
  readonly evidence: Evidence;
  readonly input: Omit<AppraisalInput, "policy">;
}

function readCapture(): Capture {
  const manifest = readJsonVector("venice-2026-04-24/manifest.json") as { nonce_hex: string; captured_at: string };
  const evidence = parseAttestationAnswer(readJsonVector(ANSWER));
  return { evidence, input: { evidence, nonce: { query: manifest.nonce_hex, sealed: true }, nowMs: Date.parse(manifest.captured_at) } };
}

const anyBuild = parsePolicy({ version: 1, measurements: "any" });

/** The build of the capture, with changes. */
function pin(changes: Record<string, string> = {}) {
  return {
    name: "recorded",
    source: "capture",
    date: "2026-04-24",
    mrtd: "b24d3b24e9e3c16012376b52362ca09856c4adecb709d5fac33addf1c47e193da075b125b6c364115771390a5461e217",
    rtmr0: "0cb94dba1a9773d741efad49370e1e909557409a904a24a4620b6305651360952cb8111f851b03fc2a35a6c3b7bb05f6",
    rtmr1: "c0445b704e4c48139496ae337423ddb1dcee3a673fd5fb60a53d562f127d235f11de471a7b4ee12c9027c829786757dc",
    rtmr2: "564622c7ddc55a53272cc9f0956d29b3f7e0dd18ede432720b71fd89e5b5d76cb0b99be7b7ff2a6a92b89b6b01643135",
    compose_hash: "242a62724303cc32f364da0fc92738706b0078e7587821b7ba3e75488223797b",
    ...changes,
  };
}

const policyOf = (...builds: object[]) => parsePolicy({ version: 1, builds });
const failing = (result: AttestationResult): CheckId[] => result.checks.filter((check) => check.status === "fail").map((check) => check.id);
const requiredButNotMade = (result: AttestationResult): CheckId[] =>
  result.checks.filter((check) => check.required && check.status === "not-checked").map((check) => check.id);
const other = (digits: number): string => "ab".repeat(digits / 2);

describe.skipIf(noVectors)("the recorded answer of a live service", () => {
  it("passes every check of this version, UNPINNED under measurements: any", async () => {
    const result = await appraise({ ...readCapture().input, policy: anyBuild });
    expect(failing(result)).toEqual([]);
    expect(result).toMatchObject({ ok: true, simulated: false, pinned: false });
    expect(result.signingKey).toHaveLength(65);
    expect(result.claims).toMatchObject({
      signing_address: "0x6525e128afcffebf7eed05d485d7be983cdae934",
      compose_hash: "242a62724303cc32f364da0fc92738706b0078e7587821b7ba3e75488223797b",
      td_attributes: "0000001000000000",
    });
    expect(result.stated).toMatchObject({ tee_provider: "near-ai" });
    expect(result.debug).toBe(false);
    expect(result.checks.find((check) => check.id === "tdx.qe-identity-match")).toMatchObject({ status: "pass", required: true });
    expect(result.checks.find((check) => check.id === "server.claim")).toMatchObject({ status: "not-checked", required: false });
  });

  it("passes pinned to its own build", async () => {
    const result = await appraise({ ...readCapture().input, policy: policyOf(pin()) });
    expect(result).toMatchObject({ ok: true, pinned: true, claims: { build: "recorded" } });
  });

  it("is not ok without reference values", async () => {
    const result = await appraise({ ...readCapture().input, policy: parsePolicy({ version: 1 }) });
    expect(result.ok).toBe(false);
    expect(result.signingKey).toBeUndefined();
    expect(failing(result)).toEqual([]);
    expect(requiredButNotMade(result)).toEqual(["measure.mrtd", "measure.rtmr0", "measure.rtmr1", "measure.rtmr2"]);
    expect(result.checks.find((check) => check.id === "measure.mrtd")?.reason).toContain("any TDX machine would pass");
  });

  for (const register of ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"] as const) {
    it(`fails measure.${register} against a build with another value`, async () => {
      const result = await appraise({ ...readCapture().input, policy: policyOf(pin({ [register]: other(96) })) });
      expect(failing(result)).toEqual([`measure.${register}`]);
      expect(result).toMatchObject({ ok: false, pinned: false });
    });
  }

  it("fails dstack.compose-hash against a build with another compose document", async () => {
    const result = await appraise({ ...readCapture().input, policy: policyOf(pin({ compose_hash: other(64) })) });
    expect(failing(result)).toEqual(["dstack.compose-hash"]);
  });

  it("never mixes the values of two builds", async () => {
    const policy = policyOf(pin({ name: "a", mrtd: other(96) }), pin({ name: "b", rtmr1: other(96) }));
    const result = await appraise({ ...readCapture().input, policy });
    expect(result.ok).toBe(false);
    expect(failing(result)).toEqual(["measure.mrtd"]);
  });

  it("finds the matching build among others", async () => {
    const policy = policyOf(pin({ name: "old", rtmr1: other(96), rtmr2: other(96) }), pin({ name: "current" }));
    expect((await appraise({ ...readCapture().input, policy })).claims.build).toBe("current");
  });

  it("refuses a build that has expired, unless the same build is also listed without an expiry", async () => {
    const expired = pin({ name: "expired", expires: "2026-04-24" });
    const refused = await appraise({ ...readCapture().input, policy: policyOf(expired) });
    expect(refused.ok).toBe(false);
    expect(refused.checks.find((check) => check.id === "measure.mrtd")?.reason).toBe('build "expired" is accepted only until 2026-04-24');
    expect((await appraise({ ...readCapture().input, policy: policyOf(expired, pin()) })).ok).toBe(true);
  });

  const changes: readonly (readonly [string, CheckId, (capture: Capture) => Partial<AppraisalInput>])[] = [
    ["another nonce", "nonce.bound", () => ({ nonce: { query: "11".repeat(32), sealed: true } })],
    ["a nonce that e2ee-* models do not take", "nonce.bound", () => ({ nonce: { query: "11".repeat(16), sealed: true } })],
    ["another nonce in the answer's own field", "nonce.bound", ({ evidence }) => ({ evidence: { ...evidence, nonce: "11".repeat(32) } })],
    [
      "another signing_address",
      "key.address-derived",
      ({ evidence }) => ({ evidence: { ...evidence, signingAddress: `0x${"11".repeat(20)}` } }),
    ],
    ["no key", "key.address-derived", ({ evidence }) => ({ evidence: { ...evidence, signingKey: "" } })],
    [
      "a key off the curve",
      "key.address-derived",
      ({ evidence }) => ({ evidence: { ...evidence, signingKey: flipLastDigit(evidence.signingKey) } }),
    ],
    [
      "a compressed key",
      "key.address-derived",
      ({ evidence }) => ({ evidence: { ...evidence, signingKey: `02${evidence.signingKey.slice(2, 66)}` } }),
    ],
    [
      "another key with its own address",
      "key.bound-to-report-data",
      ({ evidence }) => ({
        evidence: { ...evidence, signingKey: GENERATOR, signingAddress: "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf" },
      }),
    ],
    ["another compose document", "dstack.compose-hash", ({ evidence }) => ({ evidence: { ...evidence, info: { app_compose: "{}" } } })],
    [
      "another stated compose hash",
      "dstack.compose-hash",
      ({ evidence }) => ({ evidence: { ...evidence, info: { ...evidence.info, compose_hash: other(64) } } }),
    ],
    ["a clock that is years ahead", "tdx.pck-chain", () => ({ nowMs: Date.parse("2051-01-01T00:00:00Z") })],
    ["a clock that is years behind", "tdx.pck-chain", () => ({ nowMs: Date.parse("2017-01-01T00:00:00Z") })],
  ];
  for (const [what, id, change] of changes) {
    it(`fails ${id}, and only that, for ${what}`, async () => {
      const capture = readCapture();
      const result = await appraise({ ...capture.input, policy: policyOf(pin()), ...change(capture) });
      expect(failing(result)).toEqual([id]);
      expect(result.ok).toBe(false);
      expect(result.signingKey).toBeUndefined();
    });
  }

  it("says nothing about a key that could not be read", async () => {
    const { evidence, input } = readCapture();
    const result = await appraise({ ...input, policy: anyBuild, evidence: { ...evidence, signingKey: "" } });
    expect(result.checks.find((check) => check.id === "key.bound-to-report-data")).toMatchObject({ status: "not-checked", required: true });
  });

  it("mentions the clock when a certificate is out of its time", async () => {
    const result = await appraise({ ...readCapture().input, policy: anyBuild, nowMs: Date.parse("2051-01-01T00:00:00Z") });
    expect(result.checks.find((check) => check.id === "tdx.pck-chain")?.reason).toContain("set the clock");
  });

  /** Offsets in a version 4 quote: the check that has to notice a changed byte there. */
  const bytes: readonly (readonly [string, number, CheckId, "fail"])[] = [
    ["the version", 0, "tdx.parse", "fail"],
    ["the vendor", 12, "tdx.parse", "fail"],
    ["MRTD", 48 + 136, "tdx.quote-signature", "fail"],
    ["REPORTDATA", 48 + 520, "tdx.quote-signature", "fail"],
    ["the TD attributes", 48 + 120, "tdx.quote-signature", "fail"],
    ["the signature", 636, "tdx.quote-signature", "fail"],
    ["the QE report's measurement", 770 + 64, "tdx.qe-report-signature", "fail"],
    ["the QE report's MRSIGNER", 770 + 128, "tdx.qe-report-signature", "fail"],
    ["the QE report's signature", 770 + 384, "tdx.qe-report-signature", "fail"],
    ["the QE authentication data", 770 + 450, "tdx.attestation-key-bound", "fail"],
  ];
  for (const [what, offset, id] of bytes) {
    it(`fails ${id}, and only that, when one bit of ${what} is flipped`, async () => {
      const { evidence, input } = readCapture();
      const quote = Uint8Array.from(evidence.quote);
      quote[offset] = (quote[offset] ?? 0) ^ 1;
      const result = await appraise({ ...input, policy: policyOf(pin()), evidence: { ...evidence, quote } });
      expect(failing(result)).toEqual([id]);
      expect(result.checks.find((check) => check.id === "nonce.bound")).toMatchObject({ status: "not-checked", required: true });
      expect(result.checks.find((check) => check.id === "measure.mrtd")?.reason).toContain(id);
      expect(result).toMatchObject({ ok: false, pinned: false });
    });
  }

  it("fails when the attestation key in the quote is swapped", async () => {
    const { evidence, input } = readCapture();
    const quote = Uint8Array.from(evidence.quote);
    quote[700] = (quote[700] ?? 0) ^ 1;
    const result = await appraise({ ...input, policy: anyBuild, evidence: { ...evidence, quote } });
    expect(failing(result)).toEqual(["tdx.quote-signature", "tdx.attestation-key-bound"]);
  });
});

/** The generator of secp256k1, which is the public key of the secret 1. */
const GENERATOR =
  "0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8";

function flipLastDigit(hex: string): string {
  return hex.slice(0, -1) + (hex.endsWith("0") ? "1" : "0");
}
