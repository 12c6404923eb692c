import { type Conformance, conformanceCases, createConformance } from "@bauta/conformance";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bautaAdapter } from "./bauta-adapter.ts";

/** Our client meets the evil provider of `conformance/`, one misbehaviour at a time. */
describe("the evil provider", () => {
  let conformance: Conformance;

  beforeAll(async () => {
    conformance = await createConformance();
  });
  afterAll(() => conformance?.close());

  it.each(conformanceCases.map((testCase) => [`${testCase.id}: ${testCase.title} → ${testCase.expected}`, testCase] as const))(
    "%s",
    async (_name, testCase) => {
      const { problems, reason } = await conformance.run(testCase, bautaAdapter);
      expect(problems, reason).toEqual([]);
    },
  );

  it("calls nothing verified but what is harmless", () => {
    expect(conformanceCases.filter(({ id, expected }) => expected === "verified" && !id.startsWith("harmless/"))).toEqual([]);
    expect(new Set(conformanceCases.map(({ id }) => id)).size).toBe(conformanceCases.length);
  });
});
