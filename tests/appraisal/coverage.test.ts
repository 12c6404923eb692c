import { describe, expect, it } from "vitest";
import { CHECK_IDS } from "../../packages/attestation/src/result.ts";
import { appraiseAnswer } from "./answer-case.ts";
import { gpuFamilies } from "./corpus/answer-gpu-cases.ts";
import { answerFamilies, platformFamilies } from "./corpus/index.ts";

/** The groups of checks that an attestation alone decides; those of GPUs have a stricter rule of their own. */
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

  const gpuIds = CHECK_IDS.filter((id) => id.startsWith("gpu."));

  for (const id of gpuIds.filter((id) => id !== "gpu.bound-to-cpu")) {
    it(`has a case that only ${id} catches, and one in which it is required and cannot be made`, () => {
      expect(cases.filter(({ fails, alsoFails }) => fails === id && !alsoFails?.length).length).toBeGreaterThan(0);
      expect(cases.filter(({ unmet }) => unmet === id).length).toBeGreaterThan(0);
    });
  }

  it("has every end that each check of GPUs can come to, and for their attachment the only one", async () => {
    const seen = new Map<string, Set<string>>(gpuIds.map((id) => [id, new Set()]));
    for (const each of gpuFamilies.flatMap((family) => family.cases)) {
      for (const { id, status } of (await appraiseAnswer(each)).checks) seen.get(id)?.add(status);
    }
    for (const id of gpuIds)
      expect([...(seen.get(id) ?? [])].toSorted(), id).toEqual(
        id === "gpu.bound-to-cpu" ? ["not-checked"] : ["fail", "not-checked", "pass"],
      );
  });

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
