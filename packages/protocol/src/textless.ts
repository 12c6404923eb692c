import type { JsonObject } from "./chat-fields.ts";

/** Deeper than what any server nests beside its text. */
const MAX_DEPTH = 8;

/**
 * True for a value that carries none of an answer's text: nothing, a switch, one number, an empty string, and lists and
 * objects of nothing else. Numbers in a list may spell a text, as tokens do; so may a member's name that is no identifier.
 * @see spec/protocol.md, "Opening an answer"
 */
export function isTextless(value: unknown): boolean {
  return carriesNone(value, 0, false);
}

/** The first member beside those `allowed` that may carry text. */
export function findText(object: JsonObject, allowed: ReadonlySet<string>): string | undefined {
  return Object.keys(object).find((name) => !allowed.has(name) && !(IDENTIFIER.test(name) && isTextless(object[name])));
}

function carriesNone(value: unknown, depth: number, inList: boolean): boolean {
  if (value === undefined || value === null || value === "" || typeof value === "boolean") return true;
  if (typeof value === "number") return !inList;
  if (typeof value === "string" || depth >= MAX_DEPTH) return false;
  if (Array.isArray(value)) return value.every((entry) => carriesNone(entry, depth + 1, true));
  return Object.entries(value).every(([name, inner]) => IDENTIFIER.test(name) && carriesNone(inner, depth + 1, inList));
}

/** A member's name is the server's choice of words, so that only a plain identifier is repeated. */
export function namedBelow(param: string, member: string): string {
  return IDENTIFIER.test(member) ? `${param}.${member}` : param;
}

const IDENTIFIER = /^[a-z_][a-z0-9_]{0,31}$/;
