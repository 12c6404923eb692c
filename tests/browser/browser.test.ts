import type { Finding } from "../../packages/attestation/src/result.ts";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noVectors } from "../support/vectors.ts";
import { type AppraisalCase, capturedCase, mintedCases } from "./appraisal-cases.ts";
import { bundle } from "./bundle.ts";
import { noChromium, openPage } from "./chromium.ts";
import { mintedInputs, recordedInput, recordedRows } from "./platform-inputs.ts";
import { type CaseOutcome, type PlatformInputJson, type PlatformOutcome, runCase, runPlatform } from "./run-case.ts";

describe.skipIf(noChromium)("appraisal in a browser", () => {
  let browser: Browser | undefined;
  let page: Page;

  beforeAll(async () => {
    const { script } = await bundle("tests/browser/page.ts", "iife");
    ({ browser, page } = await openPage(script));
  });
  afterAll(() => browser?.close());

  /** Appraises platforms in the page, and expects of each what Node makes of it, reason for reason. */
  async function samePlatforms(inputs: readonly PlatformInputJson[]): Promise<PlatformOutcome[]> {
    const outcomes = await page.evaluate((inputs) => globalThis.runPlatforms(inputs), inputs);
    expect(outcomes).toHaveLength(inputs.length);
    for (const [index, input] of inputs.entries()) expect(outcomes[index], input.name).toEqual(await runPlatform(input));
    return outcomes;
  }

  async function sameResults(cases: readonly AppraisalCase[]): Promise<CaseOutcome[]> {
    const outcomes = asJson(await page.evaluate((cases) => globalThis.runCases(cases), cases));
    expect(outcomes).toHaveLength(cases.length);
    for (const [index, each] of cases.entries()) expect(outcomes[index], each.name).toEqual(asJson(await runCase(each)));
    return outcomes;
  }

  it("gives the negative corpus, minted here, the results that Node gives it", async () => {
    const inputs = await mintedInputs();
    const outcomes = await samePlatforms(inputs);
    for (const [index, { name, fails }] of inputs.entries()) {
      const failing = outcomes[index]?.findings.filter(({ status }) => status === "fail").map(({ id }) => id);
      if (fails === undefined) expect(failing, name).toEqual([]);
      else expect(failing, name).toContain(fails);
    }
  }, 120_000);

  it.skipIf(noVectors)("gives all recorded quotes the results that Node gives them, and the expected verdicts", async () => {
    const outcomes = await samePlatforms(recordedRows.map(recordedInput));
    for (const [index, { quote, collateral, expect: verdict }] of recordedRows.entries()) {
      const outcome = outcomes[index];
      const failing = outcome?.findings.filter(({ status }) => status === "fail").map(({ id }) => id);
      const accepted = failing?.length === 0 && outcome?.tcb?.status === "UpToDate";
      expect(accepted, `${quote} with ${collateral}: ${failing?.join(", ")}`).toBe(verdict === "UpToDate");
    }
  });

  it("gives whole answers the results that Node gives them, and accepts the sound ones alone", async () => {
    const cases = await mintedCases();
    const outcomes = await sameResults(cases);
    const accepted = cases.filter((_, index) => outcomes[index]?.["ok"] === true);
    expect(accepted.map(({ name }) => name)).toEqual([
      "a sound answer (SIMULATED)",
      "a sound answer with two GPUs (SIMULATED)",
      "a Blackwell (SIMULATED)",
    ]);
    expect(outcomes[0]?.["simulated"]).toBe(true);
  });

  it.skipIf(noVectors)("appraises the recorded answer of a live enclave with its eight GPUs as Node does, and accepts it", async () => {
    const [outcome] = await sameResults([capturedCase()]);
    expect(outcome).toMatchObject({ ok: true, simulated: false, claims: { gpus: Array.from({ length: 8 }, () => ({ arch: "HOPPER" })) } });
    const checks = outcome?.["checks"] as readonly Finding[];
    expect(checks.filter(({ id, status }) => id.startsWith("gpu.") && status === "pass").map(({ id }) => id)).toEqual([
      "gpu.present",
      "gpu.nonce",
      "gpu.cert-chain",
      "gpu.report-signature",
      "gpu.fwid",
      "gpu.nras",
    ]);
  });
});

/** As it is after its way out of the page. */
function asJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
