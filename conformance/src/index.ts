export type { Adapter, AdapterResult, Status, Target } from "./adapter.ts";
export { type ConformanceCase, FORGED } from "./case.ts";
export { conformanceCases, sealedBodyCases } from "./cases.ts";
export type { CaseOutcome } from "./judge.ts";
export { findText, formsOf } from "./record.ts";
export { type Conformance, type ConformanceOptions, createConformance, runConformance, type RunOptions } from "./run.ts";
