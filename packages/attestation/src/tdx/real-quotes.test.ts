import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { noVectors, readJsonVector, readVector, vectorCases, vectorNames, vectorPath } from "../../../../tests/support/vectors.ts";
import type { Collateral } from "../collateral/collateral.ts";
import type { CheckId } from "../result.ts";
import { parsePemCertificates } from "../x509/pem.ts";
import { parseCertificate } from "../x509/x509.ts";
import { createCollateralCache } from "./collateral-cache.ts";
import { appraisePlatform, type Platform, type PlatformInput } from "./platform.ts";
import { parseQuote } from "./quote.ts";
import { parseTrustRoots } from "./trust-roots.ts";

interface RealCase {
  readonly quote: string;
  readonly collateral: string;
  readonly at: string;
  /** A status with its advisories, or REJECT and the first fault that an oracle came upon. */
  readonly expect: string;
}

/** The check that owns each fault at which the oracle stopped. */
const OWNER: Readonly<Record<string, CheckId>> = {
  CERT_TIME: "tdx.pck-chain",
  TCB_NOT_SUPPORTED: "tdx.tcb-status",
  TD_DEBUG: "td.debug-off",
  TD_SEPT_VE: "td.attributes",
  SERVICE_TD: "td.service-td",
};
/** Faults that the oracle did not get to. */
const BEYOND: Readonly<Record<string, readonly CheckId[]>> = {
  "v5-trustee": ["td.service-td"],
  "v4-trustee at 2025-10-21T14:38:04Z": ["tdx.tcb-status"],
  "v4-azure-vtpm": ["tdx.tcb-status"],
  "v5-automata-alibaba at 2026-03-05T10:50:03Z": ["tdx.tcb-status"],
};

const intelOnly = parseTrustRoots([]);

function appraiseQuote(quote: Uint8Array, nowMs: number, input: Partial<PlatformInput> = {}): Promise<Platform> {
  return appraisePlatform({
    quote,
    tcb: { accept: ["UpToDate"], refuse_advisories: [] },
    allow: { debug: false, sept_ve_disable_off: false, service_td: false, unpinned_images: false },
    nowMs,
    roots: intelOnly,
    ...input,
  });
}

function idsOf({ findings }: Platform, status: string): CheckId[] {
  return findings.filter((finding) => finding.status === status).map(({ id }) => id);
}

describe.skipIf(noVectors)("recorded TDX quotes", () => {
  const names = vectorNames("tdx/quotes").filter((name) => name.endsWith(".bin"));
  const cases = vectorCases<RealCase>("tdx/real-cases.json");
  const load = ({ quote, collateral }: RealCase) => ({
    quote: readVector(`tdx/quotes/${quote}.bin`),
    endorsements: readJsonVector(`tdx/collateral/${collateral}.json`) as Collateral,
  });

  it("are 19 quotes in 53 cases", () => {
    expect([names.length, cases.length]).toEqual([19, 53]);
  });

  it("are all of TD 1.0 in version 4 and of TD 1.5 in version 5, but for the one that other bytes follow", () => {
    for (const name of names) {
      const quote = () => parseQuote(readVector(`tdx/quotes/${name}`));
      if (name === "v4-google-prod-spr.bin") expect(quote).toThrow("is followed by bytes that are not zero");
      else expect(quote().report.teeTcbSvn2 === undefined, name).toBe(quote().version === 4);
    }
  });

  const cache = createCollateralCache();
  for (const each of cases) {
    it(`${each.quote} with ${each.collateral}, ${each.at}: ${each.expect}`, async () => {
      const { quote, endorsements } = load(each);
      const platform = await appraiseQuote(quote, Date.parse(each.at), { endorsements });
      expect(platform.findings).toHaveLength(20);
      expect(platform.simulated).toBe(false);
      const beyond = BEYOND[each.quote] ?? BEYOND[`${each.quote} at ${each.at}`] ?? [];
      const [verdict = "", fault = ""] = each.expect.split(" ");
      if (verdict === "REJECT") {
        expect(new Set(idsOf(platform, "fail"))).toEqual(new Set([OWNER[fault], ...beyond]));
      } else {
        expect(idsOf(platform, "fail")).toEqual(verdict === "UpToDate" ? [] : ["tdx.tcb-status"]);
        expect(idsOf(platform, "not-checked")).toEqual([]);
        const advisories = Number(/\[(\d+) adv\]/.exec(each.expect)?.[1] ?? 0);
        expect([platform.tcb?.status, platform.tcb?.advisories.length]).toEqual([verdict, advisories]);
      }
      // With everything remembered from other cases the same comes out.
      const again = await appraiseQuote(quote, Date.parse(each.at), { endorsements, cache });
      const warm = await appraiseQuote(quote, Date.parse(each.at), { endorsements, cache });
      expect([again.findings, warm.findings]).toEqual([platform.findings, platform.findings]);
    });
  }

  it("tell the clock as the reason when a certificate is not valid yet, and leave what the quote says unsaid", async () => {
    const early = cases.find(({ expect: verdict }) => verdict === "REJECT CERT_TIME");
    if (!early) throw new Error("no such case");
    const { quote, endorsements } = load(early);
    const platform = await appraiseQuote(quote, Date.parse(early.at), { endorsements });
    expect(platform.doubt).toMatchObject({
      id: "tdx.pck-chain",
      reason: expect.stringMatching(/is valid only from .* set the clock/) as string,
    });
    expect(platform.tcb).toBeUndefined();
    for (const id of idsOf(platform, "not-checked"))
      expect(platform.findings.find((finding) => finding.id === id)?.reason).toContain("tdx.pck-chain did not pass");
  });

  it("fail with the collateral of another platform in the one check that owns it", async () => {
    const [first] = cases;
    if (!first) throw new Error("no case");
    const { quote } = load(first);
    const endorsements = readJsonVector("tdx/collateral/2025-07-automata-00806f.json") as Collateral;
    const platform = await appraiseQuote(quote, Date.parse("2025-07-04T10:16:31Z"), { endorsements });
    const finding = platform.findings.find(({ id }) => id === "tdx.tcb-status");
    expect(finding).toMatchObject({ status: "fail", reason: expect.stringContaining("get the collateral for that") as string });
  });

  it("are not ok without collateral: what needs it says how to get it", async () => {
    const [first] = cases;
    if (!first) throw new Error("no case");
    const platform = await appraiseQuote(load(first).quote, Date.parse(first.at));
    expect(idsOf(platform, "fail")).toEqual([]);
    expect(idsOf(platform, "not-checked")).toHaveLength(9);
    for (const { status, reason } of platform.findings) if (status === "not-checked") expect(reason).toContain("PCCS");
  });

  it("say what to remember, and are refused once a higher number was seen", async () => {
    const [first] = cases;
    if (!first) throw new Error("no case");
    const { quote, endorsements } = load(first);
    const numbers = (await appraiseQuote(quote, Date.parse(first.at), { endorsements })).collateral?.numbers ?? {};
    expect(Object.keys(numbers).toSorted()).toEqual(["crl:Intel SGX PCK Platform CA", "crl:Intel SGX Root CA", "qe", "tcb:b0c06f000000"]);
    const owner: Readonly<Record<string, CheckId>> = {
      qe: "tdx.evaluation-number",
      "tcb:b0c06f000000": "tdx.evaluation-number",
      "crl:Intel SGX Root CA": "tdx.root-crl",
      "crl:Intel SGX PCK Platform CA": "tdx.pck-crl",
    };
    for (const [key, number] of Object.entries(numbers)) {
      for (const seen of [BigInt(number), BigInt(number) + 1n]) {
        const remembered = (asked: string) => (asked === key ? seen : undefined);
        const platform = await appraiseQuote(quote, Date.parse(first.at), { endorsements, remembered });
        expect(idsOf(platform, "fail")).toEqual(seen === BigInt(number) ? [] : [owner[key]]);
      }
    }
  });

  it("do not pass at 1970, which is put down to the clock", async () => {
    const [first] = cases;
    if (!first) throw new Error("no case");
    const platform = await appraiseQuote(load(first).quote, 0, load(first));
    expect(idsOf(platform, "fail")).toEqual(["tdx.pck-chain", "tdx.collateral-current"]);
    for (const { status, reason } of platform.findings) if (status === "fail") expect(reason).toContain("set the clock");
  });

  it("are not trusted by one caller because another caller's root was the right one", async () => {
    const [first] = cases;
    if (!first) throw new Error("no case");
    const { quote, endorsements } = load(first);
    const shared = createCollateralCache();
    expect(idsOf(await appraiseQuote(quote, Date.parse(first.at), { endorsements, cache: shared }), "fail")).toEqual([]);
    const [stranger] = parsePemCertificates(readFileSync(vectorPath("tdx/intel-qvl-sample/trustedRootCaCert.pem"), "utf8"));
    if (!stranger) throw new Error("no root");
    const roots = { intel: parseCertificate(stranger), named: [] };
    const platform = await appraiseQuote(quote, Date.parse(first.at), { endorsements, cache: shared, roots });
    expect(platform.doubt?.reason).toContain("neither Intel's SGX Root CA nor a trust root that you named");
    expect([idsOf(platform, "fail"), platform.tcb, platform.collateral]).toEqual([["tdx.pck-chain"], undefined, undefined]);
  });
});
