import { describe, expect, it } from "vitest";
import { CollateralError } from "../../packages/attestation/src/collateral/collateral-error.ts";
import { parseCollateralText } from "../../packages/attestation/src/collateral/parse-collateral.ts";
import { parseSignedJson } from "../../packages/attestation/src/collateral/signed-json.ts";
import {
  appraise,
  type AttestationResult,
  CertificateError,
  type Collateral,
  EvidenceError,
  parseAttestationAnswer,
  parseCertificate,
  parsePemCertificates,
  parsePolicy,
  parseQuote,
  PemError,
  PolicyError,
  QuoteError,
} from "../../packages/attestation/src/index.ts";
import { CollateralShapeError } from "../../packages/attestation/src/tdx/json-shape.ts";
import { parseQeIdentity } from "../../packages/attestation/src/tdx/qe-identity.ts";
import { parseTcbInfo } from "../../packages/attestation/src/tdx/tcb-info.ts";
import { MAX_CRL_ENTRIES, parseCrl } from "../../packages/attestation/src/x509/crl.ts";
import { DerError } from "../../packages/attestation/src/x509/der.ts";
import { bounded } from "../support/bounded.ts";
import { certificateWith, deepDer, deepJson, extensionsOf, nameOf, quoteBombs, revocationListOf } from "./bombs.ts";
import { collectCorpus, CORPUS_NONCE, CORPUS_NOW_MS } from "./corpus.ts";

const corpus = await collectCorpus({ recorded: false });
const soundQuote = corpus.quotes[0] ?? new Uint8Array();
const collateral = corpus.collaterals[0] as unknown as Collateral;
const policy = parsePolicy(corpus.policies[0]);

function appraiseWith(quote: Uint8Array, endorsements: Collateral = collateral): Promise<AttestationResult> {
  const nonce = { query: CORPUS_NONCE, sealed: true };
  return appraise({ evidence: { quote, signingKey: "" }, endorsements, policy, nonce, nowMs: CORPUS_NOW_MS, trustRoots: corpus.roots });
}

function errorOf(run: () => unknown): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe("a quote bomb is refused within 100 ms", () => {
  it("and a sound quote is taken", async () => {
    const checks = (await bounded(() => appraiseWith(soundQuote))).checks;
    expect(checks.filter(({ id, status }) => status === "fail" && id.startsWith("tdx."))).toEqual([]);
  });

  for (const [name, bomb] of Object.entries(quoteBombs(soundQuote))) {
    it(name, async () => {
      const thrown = await bounded(() => errorOf(() => parseQuote(bomb)));
      if (thrown !== undefined) expect(thrown).toBeInstanceOf(QuoteError);
      const { ok, checks } = await bounded(() => appraiseWith(bomb));
      expect(ok).toBe(false);
      for (const { reason } of checks) expect(reason.length).toBeLessThan(2048);
      const first = checks.find(({ status }) => status === "fail")?.id;
      // Padding with zeros is how drivers write quotes: this one is sound, and costs no more.
      if (name !== "zeros up to the limit") expect(first).toMatch(/^key\.address-derived|^tdx\./);
      expect(checks.some(({ id, status }) => id.startsWith("tdx.") && status === "fail")).toBe(name !== "zeros up to the limit");
    });
  }
});

describe("a collateral bomb fails its check within 100 ms", () => {
  const levels = (count: number) => JSON.stringify({ id: "TDX", version: 3, tcbLevels: Array.from({ length: count }, () => ({})) });
  const bombs: Readonly<Record<string, Partial<Record<keyof Collateral, string>>>> = {
    "a revocation list of 200,000 bytes of nothing": { pck_crl: "30".repeat(200_000) },
    "a revocation list of 2 MB": { pck_crl: "00".repeat(1_000_000) },
    "a revocation list with more entries than are read": {
      pck_crl: Buffer.from(revocationListOf(MAX_CRL_ENTRIES + 1)).toString("hex"),
    },
    "a deep revocation list": { root_ca_crl: Buffer.from(deepDer(0x30, 40_000)).toString("hex") },
    "deep TCB info": { tcb_info: deepJson(1_000_000) },
    "TCB info of 20,000 levels": { tcb_info: levels(20_000) },
    "TCB info of one long text": { tcb_info: `"${"a".repeat(2_000_000)}"` },
    "a QE identity of white space": { qe_identity: " ".repeat(2_000_000) },
    "a signature of 2 MB": { tcb_info_signature: "ab".repeat(1_000_000) },
    "an issuer chain of begin lines": { tcb_info_issuer_chain: "-----BEGIN CERTIFICATE-----\n".repeat(70_000) },
    "an issuer chain of white space": { qe_identity_issuer_chain: `${" \n".repeat(1_000_000)}x` },
  };
  for (const [name, members] of Object.entries(bombs)) {
    it(name, async () => {
      const { ok, checks } = await bounded(() => appraiseWith(soundQuote, { ...collateral, ...members }));
      expect(ok).toBe(false);
      expect(checks.some(({ id, status }) => id.startsWith("tdx.") && status !== "pass")).toBe(true);
      for (const { reason } of checks) expect(reason.length).toBeLessThan(2048);
    });
  }
});

describe("a bomb for one parser is refused, with its own error, within 100 ms", () => {
  const build = policy.builds[0];
  const large = new Uint8Array(64 * 1024 * 1024);
  const bombs: readonly (readonly [string, () => unknown, abstract new (...args: never[]) => Error])[] = [
    ["a deep certificate", () => parseCertificate(deepDer(0x30, 2600)), CertificateError],
    ["a certificate of 64 MiB", () => parseCertificate(large), CertificateError],
    ["a certificate with 33 extensions", () => parseCertificate(certificateWith({ extensions: extensionsOf(33) })), CertificateError],
    ["a certificate with 17 name parts", () => parseCertificate(certificateWith({ subject: nameOf(17) })), CertificateError],
    ["more entries than a list may have", () => parseCrl(revocationListOf(MAX_CRL_ENTRIES + 1)), DerError],
    ["a list with deep entry extensions", () => parseCrl(revocationListOf(1, deepDer(0x30, 20_000))), DerError],
    ["PEM of a million begin lines", () => parsePemCertificates("-----BEGIN CERTIFICATE-----\n".repeat(1_000_000)), PemError],
    ["PEM of white space", () => parsePemCertificates(`${" \n".repeat(32_000)}x`), PemError],
    ["PEM of 9 certificates", () => parsePemCertificates("-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----".repeat(9)), PemError],
    ["deep TCB info", () => parseTcbInfo(deepJson(100_000)), CollateralShapeError],
    [
      "a long date",
      () => parseTcbInfo(JSON.stringify({ id: "TDX", version: 3, tcbType: 0, issueDate: "2".repeat(200_000) })),
      CollateralShapeError,
    ],
    ["a QE identity of a million digits", () => parseQeIdentity("1".repeat(1_000_000)), CollateralShapeError],
    ["deep signed JSON", () => parseSignedJson(`{"tcbInfo":${deepJson(100_000)}}`, "tcbInfo", "test"), CollateralError],
    ["signed JSON of escapes", () => parseSignedJson(`{"${"\\u0041".repeat(100_000)}`, "tcbInfo", "test"), CollateralError],
    ["signed JSON of a long number", () => parseSignedJson(`{"a":${"1".repeat(1_000_000)}}`, "tcbInfo", "test"), CollateralError],
    ["deep collateral", () => parseCollateralText(`{"tcb_info":${deepJson(1_000_000)}}`), CollateralError],
    ["a policy of 257 builds", () => parsePolicy({ version: 1, builds: Array.from({ length: 257 }, () => build) }), PolicyError],
    ["a policy with a deep member", () => parsePolicy({ version: 1, builds: JSON.parse(deepJson(100_000)) as unknown }), PolicyError],
    ["a policy with a long name", () => parsePolicy({ version: 1, builds: [{ ...build, name: "n".repeat(5_000_000) }] }), PolicyError],
    ["a policy with a long unknown member", () => parsePolicy({ version: 1, ["m".repeat(5_000_000)]: 1 }), PolicyError],
    ["a policy with a long date", () => parsePolicy({ version: 1, builds: [{ ...build, date: "2026-".repeat(200_000) }] }), PolicyError],
    ["a quote in 8 MB of hex", () => parseAttestationAnswer({ intel_quote: "00".repeat(4_000_000) }), EvidenceError],
    ["a quote in 8 MB of base64", () => parseAttestationAnswer({ intel_quote: "A".repeat(8_000_000) }), EvidenceError],
    [
      "10,000 events",
      () => parseAttestationAnswer({ intel_quote: "00", event_log: Array.from({ length: 10_000 }, () => ({})) }),
      EvidenceError,
    ],
    ["a deep event log", () => parseAttestationAnswer({ intel_quote: "00", event_log: deepJson(100_000) }), EvidenceError],
    ["a deep description", () => parseAttestationAnswer({ intel_quote: "00", info: deepJson(100_000) }), EvidenceError],
    [
      "a compose document of 5 MB",
      () => parseAttestationAnswer({ intel_quote: "00", info: { app_compose: "a".repeat(5_000_000) } }),
      EvidenceError,
    ],
  ];
  for (const [name, run, own] of bombs) {
    it(name, async () => {
      const thrown = await bounded(() => errorOf(run));
      expect(thrown).toBeInstanceOf(own);
      expect((thrown as Error).message.length).toBeLessThan(2048);
    });
  }

  it("and what is just within the limits is read", async () => {
    const list = await bounded(() => parseCrl(revocationListOf(MAX_CRL_ENTRIES)));
    expect(list.revoked.size).toBe(MAX_CRL_ENTRIES);
    expect((await bounded(() => parseCertificate(certificateWith({ extensions: extensionsOf(32) })))).extensions.size).toBe(32);
  });
});
