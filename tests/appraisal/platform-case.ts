import { createHash } from "node:crypto";
import { appraisePlatform, type Platform, type PlatformInput } from "../../packages/attestation/src/tdx/platform.ts";
import { parseTrustRoots } from "../../packages/attestation/src/tdx/trust-roots.ts";
import type { Allowances, TcbRules } from "../../packages/attestation/src/policy/policy.ts";
import type { CheckId, Finding } from "../../packages/attestation/src/result.ts";
import { createSimulator, type Simulator, type SimulatorFaults, type SimulatorOptions } from "../../packages/simulator/src/index.ts";

/** When every case is minted and, unless it says otherwise, judged. */
export const NOW_MS = Date.parse("2026-11-20T12:00:00Z");
export const SECOND_MS = 1000;
export const DAY_MS = 86_400_000;

const STRICT: TcbRules = { accept: ["UpToDate"], refuse_advisories: [] };
const NO_ALLOWANCES: Allowances = { debug: false, sept_ve_disable_off: false, service_td: false, unpinned_images: false };

/** One platform as the simulator mints it, and what a verifier has to find. */
export interface PlatformCase {
  readonly name: string;
  /** The check that has to fail; none for a positive control, in which all have to pass. */
  readonly fails?: CheckId;
  /** Checks that have to fail too, since they rest on the same piece. */
  readonly alsoFails?: readonly CheckId[];
  /** What is minted, but for its faults. */
  readonly simulator?: Omit<SimulatorOptions, "nowMs" | "faults" | "seed">;
  readonly faults?: SimulatorFaults | undefined;
  /** When it is judged. */
  readonly atMs?: number;
  readonly tcb?: Partial<TcbRules>;
  readonly allow?: Partial<Allowances>;
  /** The highest numbers seen before, by the rollback memory's keys without the simulator's scope. */
  readonly remembered?: Readonly<Record<string, bigint>>;
}

/** A family of cases: what they break, in a word. */
export interface PlatformFamily {
  readonly family: string;
  readonly cases: readonly PlatformCase[];
}

export interface MintedPlatform {
  readonly simulator: Simulator;
  readonly quote: Uint8Array;
}

/** @param seed of all keys, the root's included */
export async function mintPlatform(
  { simulator: options = {}, faults = {} }: PlatformCase,
  seed = "the negative corpus",
): Promise<MintedPlatform> {
  const simulator = createSimulator({ ...options, faults, nowMs: NOW_MS, seed });
  return { simulator, quote: await simulator.quote(new Uint8Array(64).fill(7)) };
}

/** @param input what an appraisal is given otherwise than the case says */
export function judgePlatform(
  { simulator, quote }: MintedPlatform,
  each: PlatformCase,
  input: Partial<PlatformInput> = {},
): Promise<Platform> {
  const { remembered } = each;
  return appraisePlatform({
    quote,
    endorsements: simulator.collateral,
    tcb: { ...STRICT, ...each.tcb },
    allow: { ...NO_ALLOWANCES, ...each.allow },
    nowMs: each.atMs ?? NOW_MS,
    roots: parseTrustRoots([simulator.rootDer]),
    ...(remembered && { remembered: (key) => scopedNumbers(simulator, remembered)[key] }),
    ...input,
  });
}

/** Numbers by the keys that they have below a simulator's root. */
export function scopedNumbers({ rootDer }: Simulator, numbers: Readonly<Record<string, bigint>>): Readonly<Record<string, bigint>> {
  const scope = createHash("sha256").update(rootDer).digest("hex").slice(0, 16);
  return Object.fromEntries(Object.entries(numbers).map(([key, number]) => [`${scope}:${key}`, number]));
}

export function failing(findings: readonly Finding[]): CheckId[] {
  return findings.filter(({ status }) => status === "fail").map(({ id }) => id);
}

export function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
