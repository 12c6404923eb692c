import { toHex } from "@bauta/protocol";
import { type Build, isExpired, type Policy } from "./policy.ts";
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

/** What else tells builds apart, as far as it is known. */
export interface BuildContents {
  /** SHA-256 digests of all images that the compose document starts. */
  readonly imageDigests?: readonly string[] | undefined;
  readonly osImageHash?: string | undefined;
  readonly keyProvider?: string | undefined;
}

/**
 * Chooses the one build to compare an enclave with: the nearest, and among equally near ones a valid one.
 * All checks use this build, so that values of two builds can never be mixed. What is not known of an enclave is no
 * difference here; the checks themselves decide what an unknown value means.
 * @returns undefined when the policy names no builds
 */
export function nearestBuild(
  measured: Partial<Measurements>,
  composeHash: string | undefined,
  policy: Policy,
  nowMs: number,
  contents: BuildContents = {},
): Build | undefined {
  let nearest: { readonly build: Build; readonly rank: number } | undefined;
  for (const build of policy.builds) {
    const differing = REGISTERS.filter((register) => build[register] !== undefined && build[register] !== measured[register]).length;
    const rank = 2 * (differing + countOtherDifferences(build, composeHash, contents)) + (isExpired(build, nowMs) ? 1 : 0);
    if (!nearest || rank < nearest.rank) nearest = { build, rank };
  }
  return nearest?.build;
}

function countOtherDifferences(build: Build, composeHash: string | undefined, contents: BuildContents): number {
  const { imageDigests, osImageHash, keyProvider } = contents;
  return [
    build.compose_hash !== undefined && build.compose_hash !== composeHash,
    build.images && imageDigests?.some((digest) => !build.images?.includes(digest)),
    build.os_image_hash !== undefined && osImageHash !== undefined && build.os_image_hash !== osImageHash,
    build.key_provider !== undefined && keyProvider !== undefined && !isKeyProvider(keyProvider, build.key_provider),
  ].filter(Boolean).length;
}

/** True when a key provider is the one that a build names: by name alone, or by name and id. */
export function isKeyProvider(actual: string, expected: string): boolean {
  const name = expected.includes(":") ? actual : (actual.split(":", 1)[0] ?? "");
  return name.toLowerCase() === expected.toLowerCase();
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
    const why = register === "rtmr3" ? ": it holds runtime events, which eventlog.replay judges" : "";
    return notChecked(id, `build "${build.name}" names no ${name}${why}`, { actual });
  }
  const detail = { expected, actual, build: build.name };
  if (isExpired(build, nowMs)) return failed(id, `build "${build.name}" is accepted only until ${build.expires}`, detail);
  return actual === expected
    ? passed(id, `${name} is that of build "${build.name}"`, detail)
    : failed(id, `${name} is not that of build "${build.name}", the nearest one in the policy`, detail);
}
