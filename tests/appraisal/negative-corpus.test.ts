import { describe, expect, it } from "vitest";
import { type AnswerCase, appraiseAnswer } from "./answer-case.ts";
import { answerFamilies, platformFamilies } from "./corpus/index.ts";
import { failing, judgePlatform, mintPlatform, type PlatformCase } from "./platform-case.ts";

async function appraiseCase(each: PlatformCase) {
  return await judgePlatform(await mintPlatform(each), each);
}

for (const { family, cases } of platformFamilies) {
  describe(`platform: ${family}`, () => {
    for (const each of cases) {
      const { name, fails, alsoFails = [] } = each;
      it(fails ? `fails ${fails} for ${name}` : `passes ${name}`, async () => {
        const { findings } = await appraiseCase(each);
        const reasons = findings.filter(({ status }) => status !== "pass").map(({ id, status, reason }) => `${id} ${status}: ${reason}`);
        if (!fails) expect(reasons).toEqual([]);
        expect(failing(findings).toSorted(), reasons.join("\n")).toEqual([...(fails ? [fails] : []), ...alsoFails].toSorted());
      });
    }
  });
}

for (const { family, cases } of answerFamilies) {
  describe(`answer: ${family}`, () => {
    for (const each of cases) {
      it(title(each), async () => {
        const { fails, alsoFails = [], unmet, alsoUnmet = [] } = each;
        const { checks, ok } = await appraiseAnswer(each);
        const missed = checks.filter(({ required, status }) => required && status !== "pass");
        const reasons = missed.map(({ id, status, reason }) => `${id} ${status}: ${reason}`).join("\n");
        expect(failing(checks).toSorted(), reasons).toEqual([...(fails ? [fails] : []), ...alsoFails].toSorted());
        if (unmet)
          expect(
            missed.map(({ id }) => id),
            reasons,
          ).toEqual([unmet, ...alsoUnmet]);
        expect(ok, reasons).toBe(each.allowed === true || (fails === undefined && unmet === undefined));
      });
    }
  });
}

function title({ name, fails, unmet, allowed }: AnswerCase): string {
  if (allowed) return `fails ${fails}, which the policy allows, for ${name}`;
  if (fails) return `fails ${fails} for ${name}`;
  return unmet ? `cannot make ${unmet} for ${name}` : `passes ${name}`;
}
