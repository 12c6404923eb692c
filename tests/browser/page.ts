import type { AppraisalCase } from "./appraisal-cases.ts";
import { type CaseOutcome, type PlatformInputJson, type PlatformOutcome, runCase, runPlatform } from "./run-case.ts";

declare global {
  /** What the test calls in the page: every case in turn. */
  var runCases: (cases: readonly AppraisalCase[]) => Promise<CaseOutcome[]>;
  var runPlatforms: (inputs: readonly PlatformInputJson[]) => Promise<PlatformOutcome[]>;
}

globalThis.runCases = async (cases) => {
  const outcomes: CaseOutcome[] = [];
  for (const each of cases) outcomes.push(await runCase(each));
  return outcomes;
};

globalThis.runPlatforms = async (inputs) => {
  const outcomes: PlatformOutcome[] = [];
  for (const each of inputs) outcomes.push(await runPlatform(each));
  return outcomes;
};
