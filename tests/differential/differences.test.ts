import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { noVectors } from "../support/vectors.ts";
import { judgeHere } from "./bauta-verdict.ts";
import { type DifferentialCase, forgedCases, mintedCases, recordedCases } from "./differential-cases.ts";
import { otherVerifiers } from "./other-verifiers.ts";

/** Where, and what each verifier says: a line of the table. */
const tableRows = readFileSync(new URL("../../spec/differences.md", import.meta.url), "utf8")
  .split("## Differences")[1]
  ?.split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| ---") && !line.startsWith("| source"))
  .map((line) => line.split(" | ").slice(0, 4).join(" | "));

interface Comparison {
  readonly agreed: number;
  /** Names of cases by line of the table. */
  readonly differences: ReadonlyMap<string, readonly string[]>;
}

async function compare(cases: readonly DifferentialCase[]): Promise<Comparison> {
  const differences = new Map<string, string[]>();
  let agreed = 0;
  for (const each of cases) {
    const here = await judgeHere(each);
    const others = otherVerifiers.map((verifier) => verifier.judge(each)?.verdict);
    if (others.every((verdict) => verdict === undefined || verdict === here.verdict)) {
      agreed++;
      continue;
    }
    const ours = here.why === "" ? here.verdict : `${here.verdict}: ${here.why}`;
    const row = `| ${[each.source, ours, ...others.map((verdict) => verdict ?? "–")].join(" | ")}`;
    differences.set(row, [...(differences.get(row) ?? []), each.name]);
  }
  return { agreed, differences };
}

/** Fails for a difference without a line, and for a line of these sources without a difference. */
function expectExplained({ differences }: Comparison, sources: RegExp): void {
  const unexplained = [...differences].filter(([row]) => !tableRows?.includes(row));
  expect(Object.fromEntries(unexplained), "differences that spec/differences.md does not explain").toEqual({});
  const gone = tableRows?.filter((row) => sources.test(row) && !differences.has(row));
  expect(gone, "lines of spec/differences.md that no case shows any more").toEqual([]);
}

describe("every difference to other verifiers is explained in spec/differences.md", () => {
  it.skipIf(noVectors)("recorded quotes", async () => {
    const comparison = await compare(recordedCases());
    expectExplained(comparison, /^\| recorded /);
    expect(comparison.agreed).toBeGreaterThan(40);
  });

  it.skipIf(noVectors)("forgeries of recorded ones", async () => {
    const comparison = await compare(forgedCases());
    expectExplained(comparison, /^\| (?:forged|time|quote) /);
    // Among them is the pair that nothing was done to.
    expect([...comparison.differences.values()].flat()).not.toContain("nothing");
    expect(comparison.agreed).toBeGreaterThan(8);
  });

  it("the negative corpus", async () => {
    const comparison = await compare(await mintedCases());
    expectExplained(comparison, /^\| minted: /);
    expect(comparison.agreed).toBeGreaterThan(100);
  }, 120_000);
});
