import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { noVectors, readJsonVector, readVector, vectorPath } from "../../../../tests/support/vectors.ts";
import { appraise } from "../appraise.ts";
import { parsePolicy } from "../policy/policy.ts";
import { parseQuote } from "./quote.ts";
import type { AttestationResult, CheckId } from "../result.ts";

interface RealCase {
  readonly quote: string;
  readonly at: string;
  readonly expect: string;
}

const SIGNATURES: readonly CheckId[] = [
  "tdx.parse",
  "tdx.quote-signature",
  "tdx.attestation-key-bound",
  "tdx.qe-report-signature",
  "tdx.qe-identity-match",
];
const anyBuild = parsePolicy({ version: 1, measurements: "any" });

function appraiseQuote(quote: Uint8Array, nowMs: number): Promise<AttestationResult> {
  return appraise({ evidence: { quote, signingKey: "" }, policy: anyBuild, nonce: { query: "5a".repeat(32), sealed: true }, nowMs });
}

function statusOf(result: AttestationResult, id: CheckId): string {
  return result.checks.find((check) => check.id === id)?.status ?? "missing";
}

describe.skipIf(noVectors)("recorded TDX quotes", () => {
  const names = noVectors ? [] : readdirSync(vectorPath("tdx/quotes")).filter((name) => name.endsWith(".bin"));

  it("are 19", () => {
    expect(names).toHaveLength(19);
  });

  for (const name of names) {
    const quote = (): Uint8Array => readVector(`tdx/quotes/${name}`);
    if (name === "v4-google-prod-spr.bin") {
      it(`${name} is refused for the bytes behind it that are not zero`, () => {
        expect(() => parseQuote(quote())).toThrow("is followed by bytes that are not zero");
      });
      continue;
    }
    it(`${name} parses, and its signatures verify`, async () => {
      const parsed = parseQuote(quote());
      expect(parsed.report.teeTcbSvn2 === undefined).toBe(parsed.version === 4);
      if (name === "v4-intel-qvl-sample.bin") return;
      const result = await appraiseQuote(quote(), Date.parse("2025-06-01T00:00:00Z"));
      expect(SIGNATURES.map((id) => statusOf(result, id))).toEqual(SIGNATURES.map(() => "pass"));
      expect(result.simulated).toBe(false);
    });
  }

  it("v4-intel-qvl-sample.bin holds a bare certificate where a chain belongs, and is refused for that", async () => {
    const result = await appraiseQuote(readVector("tdx/quotes/v4-intel-qvl-sample.bin"), Date.parse("2025-06-01T00:00:00Z"));
    expect(statusOf(result, "tdx.quote-signature")).toBe("pass");
    expect(statusOf(result, "tdx.pck-chain")).toBe("fail");
    expect(statusOf(result, "tdx.qe-report-signature")).toBe("not-checked");
    expect(statusOf(result, "tdx.qe-identity-match")).toBe("not-checked");
    expect(statusOf(result, "td.debug-off")).toBe("not-checked");
  });

  const cases = noVectors ? [] : (readJsonVector("tdx/real-cases.json") as RealCase[]);
  for (const { quote, at, expect: verdict } of cases) {
    it(`${quote} at ${at} (${verdict})`, async () => {
      const result = await appraiseQuote(readVector(`tdx/quotes/${quote}.bin`), Date.parse(at));
      const chainHolds = verdict !== "REJECT CERT_TIME";
      expect(statusOf(result, "tdx.pck-chain")).toBe(chainHolds ? "pass" : "fail");
      if (!chainHolds) {
        expect(result.checks.find((check) => check.id === "tdx.pck-chain")?.reason).toMatch(/is valid only from .* set the clock/);
        return;
      }
      expect(statusOf(result, "td.debug-off")).toBe(verdict === "REJECT TD_DEBUG" ? "fail" : "pass");
      // No quote here answers our nonce.
      expect(statusOf(result, "nonce.bound")).toBe("fail");
      expect(result.ok).toBe(false);
    });
  }

  it("appraises a warm quote in a few milliseconds", async () => {
    const quote = readVector("tdx/quotes/v4-phala.bin");
    const nowMs = Date.parse("2025-07-04T10:16:31Z");
    for (let i = 0; i < 20; i++) await appraiseQuote(quote, nowMs);
    const started = performance.now();
    for (let i = 0; i < 20; i++) await appraiseQuote(quote, nowMs);
    // About 2 ms on two cores; the bound leaves room for a busy machine.
    expect((performance.now() - started) / 20).toBeLessThan(50);
  });
});
