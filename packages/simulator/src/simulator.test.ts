import {
  appraise,
  CHECK_IDS,
  type CheckId,
  parseCertificate,
  parsePemCertificates,
  parsePolicy,
  parseQuote,
  parseSgxExtension,
} from "@bauta/attestation";
import { toHex } from "@bauta/protocol";
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SimulatorFaults } from "./faults.ts";
import { replay } from "./index.ts";
import { createSimulator, type Simulator } from "./simulator.ts";
import { attest, DAY_MS, failing, mintAndAppraise, NOW_MS } from "./testing/minted.ts";

const other = "ab".repeat(48);

describe("the production verifier", () => {
  it("passes the simulator with nothing but its root named and its policy", async () => {
    const result = await mintAndAppraise();
    expect(failing(result)).toEqual([]);
    expect(result).toMatchObject({
      ok: true,
      simulated: true,
      pinned: true,
      debug: false,
      claims: { build: "demo", fmspc: "53494d000000" },
      stated: { tee_provider: "simulator", tee_hardware: "SIMULATED TDX" },
    });
    expect(result.checks.filter((check) => check.status === "pass").map((check) => check.id)).toEqual([
      "nonce.bound",
      "key.address-derived",
      "key.bound-to-report-data",
      "tdx.parse",
      "tdx.quote-signature",
      "tdx.attestation-key-bound",
      "tdx.qe-report-signature",
      "tdx.pck-chain",
      "tdx.pck-crl",
      "tdx.root-crl",
      "tdx.tcb-info-signature",
      "tdx.qe-identity-signature",
      "tdx.qe-identity-match",
      "tdx.collateral-current",
      "tdx.evaluation-number",
      "tdx.tcb-status",
      "tdx.module-identity",
      "tdx.advisories",
      "td.debug-off",
      "td.attributes",
      "td.xfam",
      "td.service-td",
      "td.seam-signer",
      "measure.mrtd",
      "measure.rtmr0",
      "measure.rtmr1",
      "measure.rtmr2",
      "eventlog.replay",
      "dstack.compose-hash",
      "image.digests-pinned",
    ]);
    expect(result.signingKey).toHaveLength(65);
    expect(result.checks.find((check) => check.id === "tdx.pck-chain")?.reason).toContain("SIMULATED");
  });

  it("refuses it without its root, and then believes nothing that it says", async () => {
    const result = await mintAndAppraise({ changes: () => ({ trustRoots: [] }) });
    expect(failing(result)).toEqual(["tdx.pck-chain"]);
    expect(result).toMatchObject({ ok: false, simulated: false, pinned: false });
    expect(result.signingKey).toBeUndefined();
    expect(result.checks.find((check) => check.id === "nonce.bound")).toMatchObject({ status: "not-checked", required: true });
    expect(result.checks.find((check) => check.id === "tdx.pck-chain")?.reason).toContain(
      "neither Intel's SGX Root CA nor a trust root that you named",
    );
  });

  it("refuses it with another simulator's root", async () => {
    const stranger = createSimulator({ nowMs: NOW_MS });
    expect(failing(await mintAndAppraise({ changes: () => ({ trustRoots: [stranger.rootDer] }) }))).toEqual(["tdx.pck-chain"]);
  });

  it("refuses a trust root that is no certificate, as the caller's mistake", async () => {
    await expect(mintAndAppraise({ changes: () => ({ trustRoots: [Uint8Array.of(1, 2, 3)] }) })).rejects.toThrow(
      "trust root 0: certificate",
    );
  });

  it("refuses a time that is none, as the caller's mistake", async () => {
    for (const nowMs of [Number.NaN, Number.POSITIVE_INFINITY, 1e20]) {
      await expect(mintAndAppraise({ changes: () => ({ nowMs }) })).rejects.toThrow(RangeError);
    }
  });

  const faults: readonly (readonly [string, readonly CheckId[], SimulatorFaults])[] = [
    ["a foreign root of the same name", ["tdx.pck-chain"], { foreignRoot: true }],
    ["an expired PCK certificate", ["tdx.pck-chain"], { expiredCertificate: "pck" }],
    ["an expired PCK CA", ["tdx.pck-chain"], { expiredCertificate: "pck-ca" }],
    ["an expired root", ["tdx.pck-chain"], { expiredCertificate: "root" }],
    ["a QE report signed by another key", ["tdx.qe-report-signature"], { foreignPck: true }],
    ["a QE report for another attestation key", ["tdx.attestation-key-bound"], { foreignAttestationKey: true }],
    ["a quote signed by another key", ["tdx.quote-signature"], { foreignQuoteSigner: true }],
    ["a quoting enclave that Intel did not sign", ["tdx.qe-identity-match"], { qeMrSigner: "ab".repeat(32) }],
    ["Intel's quoting enclave for SGX, not TDX", ["tdx.qe-identity-match"], { qeProductId: 1 }],
    ["a quoting enclave under debug", ["tdx.qe-identity-match"], { qeDebug: true }],
    ["a quote cut short", ["tdx.parse"], { quoteBytes: (quote) => quote.subarray(0, -1) }],
    ["bytes behind the quote", ["tdx.parse"], { quoteBytes: (quote) => Buffer.concat([quote, Buffer.of(1)]) }],
    ["report data of another request", ["nonce.bound"], { reportData: (asked) => Buffer.concat([asked.subarray(0, 32), randomBytes(32)]) }],
    [
      "report data of another key",
      ["key.bound-to-report-data"],
      { reportData: (asked) => Buffer.concat([randomBytes(20), asked.subarray(20)]) },
    ],
    [
      "report data whose padding is not zero",
      ["key.bound-to-report-data"],
      { reportData: (asked) => Buffer.concat([asked.subarray(0, 31), Buffer.of(1), asked.subarray(32)]) },
    ],
    ["a TD under debug", ["td.debug-off"], { tdAttributes: "0100001000000000" }],
    ["reserved debug bits", ["td.debug-off"], { tdAttributes: "8000001000000000" }],
    ["another MRTD", ["measure.mrtd"], { measurements: { mrtd: other } }],
    ["another RTMR0", ["measure.rtmr0", "eventlog.replay"], { measurements: { rtmr0: other } }],
    ["another RTMR1", ["measure.rtmr1", "eventlog.replay"], { measurements: { rtmr1: other } }],
    ["another RTMR2", ["measure.rtmr2", "eventlog.replay"], { measurements: { rtmr2: other } }],
    ["another compose hash in MRCONFIGID", ["dstack.compose-hash"], { mrConfigId: `01${"cd".repeat(32)}${"00".repeat(15)}` }],
    ["a MRCONFIGID of unknown kind", ["dstack.compose-hash"], { mrConfigId: `09${"cd".repeat(47)}` }],
    ["a MRCONFIGID that does not end in zeros", ["dstack.compose-hash"], { mrConfigId: `01${"cd".repeat(47)}` }],
  ];
  for (const [what, ids, fault] of faults) {
    it(`fails ${ids.join(", ")}, and only that, for ${what}`, async () => {
      const result = await mintAndAppraise({ faults: fault });
      expect(failing(result)).toEqual(ids);
      expect(result.ok).toBe(false);
      expect(result.signingKey).toBeUndefined();
    });
  }

  for (const mrConfigId of ["00".repeat(48), `02${"cd".repeat(32)}${"00".repeat(15)}`, `03${"cd".repeat(32)}${"00".repeat(15)}`]) {
    it(`cannot pass a build when MRCONFIGID begins with ${mrConfigId.slice(0, 2)}, and says that it was not checked`, async () => {
      const result = await mintAndAppraise({ faults: { mrConfigId } });
      expect(failing(result)).toEqual([]);
      expect(result.checks.find((check) => check.id === "dstack.compose-hash")).toMatchObject({ status: "not-checked", required: true });
      expect(result).toMatchObject({ ok: false, pinned: false });
    });
  }

  it("still says that the chain ends in a named root when its certificates have expired", async () => {
    expect((await mintAndAppraise({ faults: { expiredCertificate: "pck" } })).simulated).toBe(true);
  });

  it("fails a build that was booted from another image", async () => {
    expect(failing(await mintAndAppraise({ buildName: "another" }))).toEqual([
      "measure.mrtd",
      "measure.rtmr0",
      "measure.rtmr1",
      "measure.rtmr2",
      "dstack.compose-hash",
    ]);
  });

  it("fails only the compose hash of another compose document", async () => {
    expect(failing(await mintAndAppraise({ composeFile: '{"name":"logger"}' }))).toEqual(["dstack.compose-hash"]);
  });
});

describe("any damage to a quote", () => {
  it("is refused with a result, never with an exception", async () => {
    const simulator = createSimulator({ nowMs: NOW_MS });
    const { evidence, ...request } = await attest(simulator);
    const appraisal = { ...request, policy: parsePolicy(simulator.policy("x")), nowMs: NOW_MS, trustRoots: [simulator.rootDer] };
    expect((await appraise({ ...appraisal, evidence })).ok).toBe(true);
    // White space between the certificates means nothing, so the chain's text is left to the tests of the chain.
    const beforeChain = evidence.quote.length - parseQuote(evidence.quote).pckChain.length;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(beforeChain - 1), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 }),
        async (changes) => {
          const quote = Uint8Array.from(evidence.quote);
          for (const [offset, mask] of changes) quote[offset] = (quote[offset] ?? 0) ^ mask;
          fc.pre(!Buffer.from(quote).equals(evidence.quote));
          const result = await appraise({ ...appraisal, evidence: { ...evidence, quote } });
          expect(result.ok).toBe(false);
          expect(result.checks.map((check) => check.id)).toEqual(CHECK_IDS);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("in the chain's text is refused or means nothing, never an exception", async () => {
    const simulator = createSimulator({ nowMs: NOW_MS });
    const { evidence, ...request } = await attest(simulator);
    const chainStart = evidence.quote.length - parseQuote(evidence.quote).pckChain.length;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: chainStart, max: evidence.quote.length - 1 }), fc.nat(255), async (offset, value) => {
        const quote = Uint8Array.from(evidence.quote);
        quote[offset] = value;
        const policy = parsePolicy({ version: 1, measurements: "any" });
        await appraise({ ...request, evidence: { ...evidence, quote }, policy, nowMs: NOW_MS, trustRoots: [simulator.rootDer] });
      }),
      { numRuns: 300 },
    );
  });
});

describe("createSimulator", () => {
  it("measures the same build on every start, with other keys", async () => {
    const [first, second] = [createSimulator({ nowMs: NOW_MS }), createSimulator({ nowMs: NOW_MS + DAY_MS })];
    const reference = ({ builds: [build] }: ReturnType<Simulator["policy"]>) => ({ ...build, date: "" });
    expect(reference(first.policy("x"))).toEqual(reference(second.policy("x")));
    expect(toHex(first.rootDer)).not.toBe(toHex(second.rootDer));
    const rtmr3 = async (simulator: Simulator) => toHex(parseQuote(await simulator.quote(new Uint8Array(64))).report.rtmr[3]);
    expect(await rtmr3(first)).not.toBe(await rtmr3(second));
  });

  it("makes the same keys from the same seed", async () => {
    const attestationKey = async (seed: string) =>
      toHex(parseQuote(await createSimulator({ nowMs: NOW_MS, seed }).quote(new Uint8Array(64))).attestationKey);
    expect(await attestationKey("a")).toBe(await attestationKey("a"));
    expect(await attestationKey("a")).not.toBe(await attestationKey("b"));
  });

  it("keeps an event log that replays to the quote's four registers", async () => {
    const simulator = createSimulator({ nowMs: NOW_MS });
    const { report } = parseQuote(await simulator.quote(new Uint8Array(64)));
    const { eventLog } = await simulator.describe();
    expect([0, 1, 2, 3].map((imr) => replay(eventLog, imr).toString("hex"))).toEqual(report.rtmr.map((register) => toHex(register)));
    expect(eventLog.filter((event) => event.imr === 3).map((event) => event.event)).toEqual([
      "system-preparing",
      "app-id",
      "compose-hash",
      "instance-id",
      "boot-mr-done",
      "os-image-hash",
      "key-provider",
      "storage-fs",
      "system-ready",
    ]);
  });

  it("measures the compose document that it was given, byte for byte", async () => {
    const composeFile = '{ "name" : "ünïcode" }\n';
    const { info } = await createSimulator({ nowMs: NOW_MS, composeFile }).describe();
    expect((info["tcb_info"] as { app_compose: string }).app_compose).toBe(composeFile);
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(composeFile));
    expect(info["compose_hash"]).toBe(toHex(new Uint8Array(digest)));
  });

  it("says SIMULATED in everything that describes it, and belongs to no Intel platform", async () => {
    const simulator = createSimulator({ nowMs: NOW_MS });
    const { info } = await simulator.describe();
    expect([simulator.teeHardware, info["app_name"], info["key_provider_info"], simulator.policy("x").builds[0]?.source]).toEqual([
      expect.stringContaining("SIMULATED"),
      expect.stringContaining("SIMULATED"),
      expect.stringContaining("SIMULATED"),
      expect.stringContaining("SIMULATED"),
    ]);
    const quote = parseQuote(await simulator.quote(new Uint8Array(64)));
    const chain = parsePemCertificates(new TextDecoder().decode(quote.pckChain)).map(parseCertificate);
    for (const certificate of chain) {
      expect(Buffer.from(certificate.subject).toString("latin1")).toContain("Bauta Simulator");
      expect(Buffer.from(certificate.subject).toString("latin1")).not.toContain("Intel Corporation");
    }
    const [leaf] = chain;
    expect(leaf && parseSgxExtension(leaf)).toMatchObject({
      fmspc: "53494d000000",
      pceId: "0000",
      pceSvn: 11,
      componentSvns: [2, 2, 2, 2, 3, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0],
    });
  });

  it("refuses report data that is not 64 bytes, and faults of the wrong length", async () => {
    await expect(createSimulator({ nowMs: NOW_MS }).quote(new Uint8Array(32))).rejects.toThrow("report data has 64 bytes, not 32");
    for (const faults of [{ measurements: { mrtd: "00" } }, { qeMrSigner: "ab" }, { qeProductId: 0x1_0000 }]) {
      expect(() => createSimulator({ nowMs: NOW_MS, faults })).toThrow(RangeError);
    }
    expect(() => createSimulator({ nowMs: Number.NaN })).toThrow(RangeError);
  });

  it("mints a quote in less than two milliseconds", async () => {
    const simulator = createSimulator({ nowMs: NOW_MS });
    const times: number[] = [];
    for (let i = 0; i < 101; i++) {
      const started = performance.now();
      await simulator.quote(new Uint8Array(64));
      times.push(performance.now() - started);
    }
    const median = times.sort((a, b) => a - b)[50];
    expect(median).toBeLessThan(2);
  });
});
