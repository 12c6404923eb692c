import { afterEach, beforeEach, expect } from "vitest";
import { CollateralError } from "../collateral/collateral-error.ts";
import { type CollateralSourceOptions, createCollateralSource } from "../collateral/fetch-collateral.ts";
import { fakeCollateral } from "./fake-collateral.ts";
import { type ScriptedService, startScriptedService } from "./scripted-service.ts";

const START_MS = Date.parse("2026-04-24T01:00:00Z");

export const harness = {
  DAY_MS: 86_400_000,
  START_MS,
  need: { fmspc: "90c06f000000", ca: "platform" },
  issued: fakeCollateral({ issuedMs: START_MS }),
} as const;

/** One test's service, clock and sources. */
export interface Run {
  service: ScriptedService;
  /** The sources' clock. */
  nowMs: number;
  /** Waits that the last source made, at once. */
  waits: number[];
  source(options?: Partial<CollateralSourceOptions>): ReturnType<typeof createCollateralSource>;
}

/** Gives each test of a file a service on loopback of its own, and a clock that stands a day after the issue. */
export function useService(): Run {
  const run = {
    waits: [] as number[],
    source(options: Partial<CollateralSourceOptions> = {}) {
      run.waits = [];
      const wait = async (ms: number) => {
        run.waits.push(ms);
      };
      return createCollateralSource({ baseUrl: run.service.url, fetch, nowMs: () => run.nowMs, wait, ...options });
    },
  } as Run;
  beforeEach(async () => {
    run.service = await startScriptedService(harness.issued);
    run.nowMs = START_MS + harness.DAY_MS;
  });
  afterEach(() => run.service.close());
  return run;
}

export function deferred() {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

/** The error that a fetch ends in. */
export async function failure(promise: Promise<unknown>): Promise<CollateralError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CollateralError);
  return error as CollateralError;
}
