import type { CheckId } from "../result.ts";
import { parseDateMs } from "./policy-date.ts";
import { PolicyError } from "./policy-error.ts";
import type { Allowances, Build, Policy } from "./policy.ts";

/** Part of a JSON schema. */
export type SchemaPart = Readonly<Record<string, unknown>>;

/** Two rules of one policy that cannot both be meant. */
interface Contradiction {
  readonly find: (policy: Policy) => PolicyError | undefined;
  /** The same in JSON Schema, where it can be said there: what matches the first must match the second. */
  readonly schema?: readonly [when: SchemaPart, implied: SchemaPart];
}

/** Checks that compare with a value of the build: it is these that a policy may require only if its builds have the value. */
const REFERENCE_VALUES: readonly (readonly [CheckId, keyof Build])[] = [
  ["measure.mrtd", "mrtd"],
  ["measure.rtmr0", "rtmr0"],
  ["measure.rtmr1", "rtmr1"],
  ["measure.rtmr2", "rtmr2"],
  ["measure.rtmr3", "rtmr3"],
  ["dstack.os-image", "os_image_hash"],
  ["dstack.key-provider", "key_provider"],
];

/** The checks that have nothing to compare with under `measurements: "any"`. */
export const REFERENCE_CHECKS: readonly CheckId[] = REFERENCE_VALUES.map(([id]) => id);

/** The checks that compare an enclave with what a build names. */
export function referencesOf(build: Build): readonly CheckId[] {
  return [...REFERENCE_VALUES.flatMap(([id, value]) => (build[value] === undefined ? [] : [id])), "dstack.compose-hash"];
}

/** Weaknesses whose allowance lets a result be ok although the check failed: requiring it too would come to nothing. */
const FORGIVING: readonly (readonly [keyof Allowances, CheckId])[] = [
  ["debug", "td.debug-off"],
  ["unpinned_images", "image.digests-pinned"],
];

const anyMeasurements = { required: ["measurements"] };
const requires = (id: CheckId) => ({ properties: { require: { contains: { const: id } } }, required: ["require"] });

const CONTRADICTIONS: readonly Contradiction[] = [
  {
    find: ({ measurements, builds }) =>
      measurements === "any" && builds.length > 0
        ? new PolicyError("measurements", '"any" contradicts builds: with it no build would be enforced; keep one of the two')
        : undefined,
    schema: [anyMeasurements, { properties: { builds: { maxItems: 0 } } }],
  },
  {
    find: ({ measurements, require }) => {
      const index = measurements === "any" ? require.findIndex((id) => REFERENCE_CHECKS.includes(id)) : -1;
      return index < 0
        ? undefined
        : new PolicyError(
            `require[${index}]`,
            `${require[index]} compares with a build, and measurements: "any" names none; keep one of the two`,
          );
    },
    schema: [anyMeasurements, { properties: { require: { items: { not: { enum: REFERENCE_CHECKS } } } } }],
  },
  ...REFERENCE_VALUES.map(([id, member]): Contradiction => ({
    find: ({ builds, require }) => {
      const index = require.includes(id) ? builds.findIndex((build) => build[member] === undefined) : -1;
      return index < 0
        ? undefined
        : new PolicyError(`builds[${index}].${member}`, `is missing, and require names ${id}, which compares with it`);
    },
    schema: [requires(id), { properties: { builds: { items: { required: [member] } } } }],
  })),
  ...FORGIVING.map(([weakness, id]): Contradiction => ({
    find: ({ allow, require }) =>
      allow[weakness] && require.includes(id)
        ? new PolicyError(`allow.${weakness}`, `contradicts require, which names ${id}; keep one of the two`)
        : undefined,
    schema: [requires(id), { properties: { allow: { properties: { [weakness]: { const: false } } } } }],
  })),
  {
    find: ({ builds }) => {
      const index = builds.findIndex(
        ({ date, expires }) => expires !== undefined && (parseDateMs(expires) ?? 0) < (parseDateMs(date) ?? 0),
      );
      return index < 0
        ? undefined
        : new PolicyError(`builds[${index}].expires`, "is before the build's own date, so the build would never count");
    },
  },
];

/**
 * Refuses a policy whose rules contradict each other: it would refuse everything, or enforce less than it says.
 * @throws PolicyError naming the field
 */
export function assertConsistent(policy: Policy): void {
  for (const { find } of CONTRADICTIONS) {
    const error = find(policy);
    if (error) throw error;
  }
}

/** What {@link assertConsistent} refuses, as far as JSON Schema can say it: for `allOf`. */
export function consistencySchema(): SchemaPart[] {
  return CONTRADICTIONS.flatMap(({ schema }) => (schema ? [{ anyOf: [{ not: schema[0] }, schema[1]] }] : []));
}
