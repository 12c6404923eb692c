/** Says whether a value is what a member of a statement may hold. */
export type MemberTest = (value: unknown) => boolean;

const MAX_NAME_CHARACTERS = 1024;
/** Weight files that one statement may name. */
const MAX_FILES = 256;
/** What would not show, or would turn the order of what shows; and lone surrogates, which UTF-8 cannot hold. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** A printable text that is not empty. */
export const isName: MemberTest = (value) =>
  typeof value === "string" && value.length > 0 && value.length <= MAX_NAME_CHARACTERS && !UNPRINTABLE.test(value);

/** SHA-256 as 64 lower-case hex digits. */
export const isSha256: MemberTest = (value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);

/** Weight files by name and digest. */
export const isWeights: MemberTest = (value) =>
  Array.isArray(value) && value.length <= MAX_FILES && value.every((file) => hasExactly(file, { name: isName, sha256: isSha256 }));

/** An engine by name and image digest. */
export const isEngine: MemberTest = (value) => hasExactly(value, { name: isName, image_digest: orNull(isSha256) });

/** Null, or what the test takes. */
export function orNull(test: MemberTest): MemberTest {
  return (value) => value === null || test(value);
}

/** True for a JSON object that has these members, each as its test wants it, and no others. */
export function hasExactly(value: unknown, members: Readonly<Record<string, MemberTest>>): boolean {
  return faultyMember(value, members) === undefined;
}

/**
 * Looks for what is wrong with the members of a JSON object.
 * @returns a sentence's end that names a member of ours, never one of theirs; undefined when nothing is wrong
 */
export function faultyMember(value: unknown, members: Readonly<Record<string, MemberTest>>): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "is not a JSON object";
  const entries = new Map<string, unknown>(Object.entries(value));
  for (const [name, test] of Object.entries(members)) {
    if (!entries.has(name)) return `lacks ${name}`;
    if (!test(entries.get(name))) return `has no valid ${name}`;
  }
  return entries.size === Object.keys(members).length ? undefined : "has members that it must not have";
}
