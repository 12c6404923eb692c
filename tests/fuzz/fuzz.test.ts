import { afterAll, describe, expect, it } from "vitest";
import { collectCorpus } from "./corpus.ts";
import { watchCoverage } from "./coverage.ts";
import { fuzz } from "./fuzz-loop.ts";
import { parserEntries } from "./parser-entries.ts";

/** Enough to notice a parser that lost a check; `npm run fuzz` takes its time. */
const INPUTS_PER_ENTRY = 96;
const SEED = 20_261_120;

describe("a short run of the fuzzer, always the same", async () => {
  const coverage = watchCoverage(/packages\/(?:attestation|protocol)\/src\//);
  afterAll(() => coverage.stop());

  let ran = 0;
  let guided = 0;
  for (const entry of parserEntries(await collectCorpus({ recorded: false }))) {
    it(`${entry.name}: refuses with its own error, in time, or parses`, async () => {
      const report = await fuzz(entry, { seed: SEED, coverage, more: (inputs) => inputs < INPUTS_PER_ENTRY });
      const findings = report.findings.map(({ problem, input }) => `${problem}: ${Buffer.from(input).toString("base64").slice(0, 2000)}`);
      expect(findings).toEqual([]);
      ran++;
      if (report.corpus > entry.seeds.length) guided++;
    });
  }

  // Of a short parser the sound inputs may reach all that so few others would.
  it("is guided: in most parsers, mutated inputs reach code that the sound ones do not", () => {
    expect(guided).toBeGreaterThanOrEqual(Math.ceil(ran / 2));
  });
});
