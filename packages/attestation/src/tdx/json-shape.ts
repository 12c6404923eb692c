/** Intel's texts have up to 16,000 characters. */
export const MAX_COLLATERAL_CHARACTERS = 256 * 1024;

/** A signed text of Intel's that does not have the shape that its API documents. */
export class CollateralShapeError extends Error {
  override readonly name = "CollateralShapeError";
  readonly code = "collateral_malformed";
  readonly action = "stop";
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** Refuses a member that is missing, of another type, or beyond its bounds. */
export function assertShape(holds: boolean, member: string): asserts holds {
  if (!holds) throw new CollateralShapeError(`${member} is not as Intel documents it`);
}

/** Reads a JSON text whose outermost value is an object. */
export function parseJsonObject(text: string): JsonObject {
  let value: unknown;
  try {
    assertShape(text.length <= MAX_COLLATERAL_CHARACTERS, "its size");
    value = JSON.parse(text);
    // Of a member that appears twice one reader takes the first and another the last; only one is left by now.
    assertShape(countMembers(text) === countMembers(JSON.stringify(value)), "each member once");
  } catch (cause) {
    if (cause instanceof CollateralShapeError) throw cause;
    throw new CollateralShapeError("it is not JSON", { cause });
  }
  return asObject(value, "it");
}

/** Counts the names of members in a JSON text; escapes too, one of which could stand for the quote behind a name. */
function countMembers(text: string): number | undefined {
  return text.match(/"\s*:|\\u/g)?.length;
}

export function asObject(value: unknown, what: string): JsonObject {
  assertShape(typeof value === "object" && value !== null && !Array.isArray(value), what);
  return value as JsonObject;
}

/** A list of at most `max` entries, read one by one. */
export function readList<T>(from: JsonObject, name: string, max: number, read: (entry: unknown) => T): T[] {
  const value = from[name];
  assertShape(Array.isArray(value) && value.length <= max, name);
  return value.map(read);
}

/** A text that is short, and printable. */
export function asText(value: unknown, what: string): string {
  assertShape(typeof value === "string" && /^[\x20-\x7e]{0,96}$/.test(value), what);
  return value;
}

/** A whole number from 0 to `max`. */
export function readNumber(from: JsonObject, name: string, max: number): number {
  const value = from[name];
  assertShape(typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max, name);
  return value;
}

/** Hex of exactly this many bytes, in lower case. */
export function readHex(from: JsonObject, name: string, bytes: number): string {
  const text = asText(from[name], name).toLowerCase();
  assertShape(text.length === 2 * bytes && /^[0-9a-f]*$/.test(text), name);
  return text;
}

/** A moment, `YYYY-MM-DDThh:mm:ssZ`, as milliseconds since 1970. */
export function readTime(from: JsonObject, name: string): number {
  const text = asText(from[name], name);
  const ms = Date.parse(text);
  // Date.parse takes more forms than this one, and rolls 30 February over into March: a time must read back as written.
  assertShape(Number.isFinite(ms) && new Date(ms).toISOString().replace(".000", "") === text, name);
  return ms;
}
