import { LIMITS, parseBase64, parseHex } from "@bauta/protocol";
import { EvidenceError } from "./evidence-error.ts";

/** Characters of a name, an address, a hash. */
export const MAX_NAME_CHARACTERS = 1024;
/** Characters of a small JSON document inside the answer. */
export const MAX_DOCUMENT_CHARACTERS = 64 * 1024;

export type JsonObject = Readonly<Record<string, unknown>>;

/** @throws EvidenceError for anything but a JSON object */
export function asObject(value: unknown, field: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new EvidenceError(field, "must be a JSON object");
  return value as JsonObject;
}

/**
 * Reads an own member that is a text or absent.
 * @throws EvidenceError
 */
export function text(body: JsonObject, name: string, maxCharacters: number, prefix = ""): string | undefined {
  const value = Object.hasOwn(body, name) ? body[name] : undefined;
  if (absent(value)) return undefined;
  if (typeof value !== "string") throw new EvidenceError(prefix + name, "must be a string");
  if (value.length > maxCharacters) throw new EvidenceError(prefix + name, `has ${value.length} characters, more than ${maxCharacters}`);
  return value;
}

/** @throws EvidenceError */
export function integer(body: JsonObject, name: string, at: string, max: number): number {
  const value = body[name];
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > max) {
    throw new EvidenceError(`${at}.${name}`, `must be an integer from 0 to ${max}`);
  }
  return value;
}

/**
 * Servers send some members as JSON and some as texts that hold JSON.
 * @throws EvidenceError
 */
export function parseIfText(value: unknown, field: string): unknown {
  if (typeof value !== "string") return value;
  if (value.length > LIMITS.attestationAnswerBytes) throw new EvidenceError(field, "is too long");
  try {
    return JSON.parse(value);
  } catch {
    throw new EvidenceError(field, "is a text that is not JSON");
  }
}

/**
 * Reads a quote in hex or base64.
 * @returns undefined when the member is absent or empty
 * @throws EvidenceError
 */
export function quoteBytes(body: JsonObject, name: string, prefix = ""): Uint8Array | undefined {
  const served = text(body, name, LIMITS.quoteBytes * 2 + 2, prefix);
  if (!served) return undefined;
  const digits = served.startsWith("0x") ? served.slice(2) : served;
  // A quote's first bytes hold letters beyond f in base64 (BAACAIEA…), so the two cannot be confused.
  const quote = parseHex(digits, LIMITS.quoteBytes) ?? parseBase64(served, LIMITS.quoteBytes);
  if (!quote) throw new EvidenceError(prefix + name, `is neither hex nor base64 of at most ${LIMITS.quoteBytes} bytes`);
  return quote;
}

export function absent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

export function optional<K extends string, V>(name: K, value: V | undefined): { readonly [P in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [P in K]?: V };
}
