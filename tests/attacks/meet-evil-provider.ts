import { type Adapter, type Conformance, type ConformanceCase, createConformance } from "@bauta/conformance";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** One way in which programs reach our client. */
export interface Front {
  readonly name: string;
  readonly adapter: Adapter;
  /** It withholds whatever is not proven, instead of marking it: nobody can tell such an answer from one that is given up. */
  readonly withholds?: boolean;
}

/** Has one front meet the evil provider of `conformance/`, one misbehaviour at a time. */
export function meetEvilProvider({ name, adapter, withholds = false }: Front, cases: readonly ConformanceCase[]): void {
  describe(`the evil provider: ${name}`, () => {
    let conformance: Conformance;

    beforeAll(async () => {
      conformance = await createConformance();
    });
    afterAll(() => conformance?.close());

    const expected = ({ expected: status }: ConformanceCase) => (withholds && status === "unverified" ? "aborted" : status);
    it.each(cases.map((testCase) => [`${testCase.id}: ${testCase.title} → ${expected(testCase)}`, testCase] as const))(
      "%s",
      async (_name, testCase) => {
        const { problems, reason } = await conformance.run({ ...testCase, expected: expected(testCase) }, adapter);
        expect(problems, reason).toEqual([]);
      },
    );
  });
}
