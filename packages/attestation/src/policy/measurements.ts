import { toHex } from "@bauta/protocol";
import { type Build, buildExpiryMs, type Policy } from "./policy.ts";
import type { TdReport } from "../tdx/quote.ts";
import { type CheckId, failed, type Finding, notChecked, passed } from "../result.ts";

/** The registers that reference values cover, in the order of the checks. */
export const REGISTERS = ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"] as const;
type Register = (typeof REGISTERS)[number];
export type Measurements = Readonly<Record<Register, string>>;

/** The report's registers as lower-case hex. */
export function readMeasurements(report: TdReport): Measurements {
  const [rtmr0, rtmr1, rtmr2, rtmr3] = report.rtmr;
  return { mrtd: toHex(report.mrTd), rtmr0: toHex(rtmr0), rtmr1: toHex(rtmr1), rtmr2: toHex(rtmr2), rtmr3: toHex(rtmr3) };
}

/**
 * Chooses the one build to compare an enclave with: the nearest, and among equally near ones a valid one.
 * All checks use this build, so that values of two builds can never be mixed.
 * @returns undefined when the policy names no builds
 */
export function nearestBuild(measured: Measurements, composeHash: string | undefined, policy: Policy, nowMs: number): Build | undefined {
  const ranked = policy.builds.map((build) => {
    const differing = REGISTERS.filter((register) => build[register] !== undefined && build[register] !== measured[register]).length;
    return { build, rank: 2 * (differing + (build.compose_hash === composeHash ? 0 : 1)) + (isExpired(build, nowMs) ? 1 : 0) };
  });
  return ranked.reduce<(typeof ranked)[number] | undefined>((best, next) => (best && best.rank <= next.rank ? best : next), undefined)
    ?.build;
}

/** Compares the registers with a build: one finding for each register. */
export function verifyMeasurements(measured: Measurements, build: Build | undefined, policy: Policy, nowMs: number): Finding[] {
  return REGISTERS.map((register) => {
    const id: CheckId = `measure.${register}`;
    if (build) return compareRegister(id, register, measured, build, nowMs);
    return notChecked(id, policy.measurements === "any" ? "UNPINNED: the policy accepts any measurements" : NO_REFERENCE_VALUES);
  });
}

const NO_REFERENCE_VALUES =
  'the policy names no builds, so any TDX machine would pass: add the build that you expect, or set measurements to "any" and accept UNPINNED';

function compareRegister(id: CheckId, register: Register, measured: Measurements, build: Build, nowMs: number): Finding {
  const name = register.toUpperCase();
  const expected = build[register];
  const actual = measured[register];
  if (expected === undefined) {
    return notChecked(id, `build "${build.name}" names no ${name}: it holds runtime events, which this version does not replay`, {
      actual,
    });
  }
  const detail = { expected, actual, build: build.name };
  if (isExpired(build, nowMs)) return failed(id, `build "${build.name}" is accepted only until ${build.expires}`, detail);
  return actual === expected
    ? passed(id, `${name} is that of build "${build.name}"`, detail)
    : failed(id, `${name} is not that of build "${build.name}", the nearest one in the policy`, detail);
}

function isExpired(build: Build, nowMs: number): boolean {
  const expiryMs = buildExpiryMs(build);
  return expiryMs !== undefined && nowMs >= expiryMs;
}
