import { describe, expect, it } from "vitest";
import { CHECK_IDS } from "../../packages/attestation/src/result.ts";
import { answerFamilies, platformFamilies } from "./corpus/index.ts";

/** The groups of checks that an attestation alone decides, the GPU's apart. */
const GROUPS = ["nonce.", "key.", "keys.", "tdx.", "td.", "measure.", "eventlog.", "dstack.", "weights."];

const cases = [...platformFamilies, ...answerFamilies].flatMap(
  (family): { name: string; fails?: string; alsoFails?: readonly string[]; unmet?: string }[] => [...family.cases],
);

describe("the negative corpus", () => {
  for (const id of CHECK_IDS.filter((id) => GROUPS.some((group) => id.startsWith(group)))) {
    it(`has a case that only ${id} catches`, () => {
      const alone = cases.filter(({ fails, alsoFails, unmet }) => (fails === id && !alsoFails?.length) || unmet === id);
      expect(alone.length).toBeGreaterThan(0);
    });
  }

  it("has at least 90 negative cases, and positive controls in every family", () => {
    expect(cases.filter(({ fails, unmet }) => fails !== undefined || unmet !== undefined).length).toBeGreaterThanOrEqual(90);
    for (const { family, cases } of platformFamilies)
      expect(
        cases.some(({ fails }) => fails === undefined),
        family,
      ).toBe(true);
    for (const { family, cases } of answerFamilies) {
      expect(
        cases.some(({ fails, unmet }) => fails === undefined && unmet === undefined),
        family,
      ).toBe(true);
    }
  });

  it("has no name twice", () => {
    const names = cases.map(({ name }) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
});
