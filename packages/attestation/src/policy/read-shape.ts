import { nearestName } from "./nearest-name.ts";
import { parseDateMs } from "./policy-date.ts";
import { PolicyError } from "./policy-error.ts";
import type { Member, Shape } from "./policy-shape.ts";

/** Longest piece of a wrong value that an error repeats, and longest path. */
const MAX_SHOWN_CHARACTERS = 64;
const MAX_PATH_CHARACTERS = 256;

type ObjectShape = Extract<Shape, { kind: "object" }>;
type ListShape = Extract<Shape, { kind: "list" }>;

/**
 * Reads a value as a shape says, with what is left out filled in.
 * @param at path of the value, empty for the whole
 * @throws PolicyError naming the field
 */
export function readShape(shape: Shape, value: unknown, at: string): unknown {
  switch (shape.kind) {
    case "object":
      return readObject(shape, value, at);
    case "list":
      return readList(shape, value, at);
    case "text":
      return readText(value, at, shape.maxCharacters);
    case "hex":
      return readHex(value, at, shape.digits);
    case "date":
      if (typeof value === "string" && parseDateMs(value) !== undefined) return value;
      throw new PolicyError(at, "must be a date such as 2026-01-31 or 2026-01-31T12:00:00Z");
    case "pattern":
      if (typeof value === "string" && new RegExp(shape.pattern).test(value)) return value;
      throw new PolicyError(at, `must be written as ${shape.example} is`);
    case "choice":
      return readChoice(shape, value, at);
    case "integer":
      if (typeof value === "number" && Number.isInteger(value) && value >= shape.min && value <= shape.max) return value === 0 ? 0 : value;
      throw new PolicyError(at, `must be a whole number from ${shape.min} to ${shape.max}`);
    case "flag":
      if (typeof value === "boolean") return value;
      throw new PolicyError(at, "must be true or false");
    default:
      if (value === shape.value) return value;
      throw new PolicyError(at, `must be ${JSON.stringify(shape.value)}${typeof shape.value === "string" ? " or left out" : ""}`);
  }
}

function readObject(shape: ObjectShape, value: unknown, at: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new PolicyError(at || "(whole)", "must be an object");
  const known = Object.keys(shape.members);
  const path = (name: string) => (at === "" ? name : `${at}.${name}`).slice(0, MAX_PATH_CHARACTERS);
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue;
    const nearest = nearestName(name, known);
    throw new PolicyError(path(name), `is not a known member; ${nearest ? `did you mean ${nearest}?` : `known are ${known.join(", ")}`}`);
  }
  const body = value as Readonly<Record<string, unknown>>;
  const given = (name: string) => (Object.hasOwn(body, name) ? body[name] : undefined);
  if (shape.oneOf?.every((name) => given(name) === undefined)) {
    throw new PolicyError(path(shape.oneOf[0]), `is missing: name this or ${shape.oneOf[1]}`);
  }
  const read = known.map((name) => [name, readMember(shape.members[name], given(name), path(name))] as const);
  return Object.fromEntries(read.filter(([, member]) => member !== undefined));
}

function readMember(member: Member | undefined, given: unknown, at: string): unknown {
  const value = given === undefined ? member?.fallback : given;
  if (!member || (value === undefined && member.optional)) return undefined;
  // A constant says best itself what it must be.
  if (value === undefined && member.shape.kind !== "constant") throw new PolicyError(at, "is missing");
  return readShape(member.shape, value, at);
}

function readList(shape: ListShape, value: unknown, at: string): unknown[] {
  if (!Array.isArray(value)) throw new PolicyError(at, "must be a list");
  if (value.length > shape.max) throw new PolicyError(at, `has ${value.length} entries, more than ${shape.max}`);
  if (value.length < shape.min) throw new PolicyError(at, "must not be empty: leave it out instead");
  // Not map, which skips the holes of a list that is no JSON.
  const read = Array.from(value as ArrayLike<unknown>, (entry, index) => readShape(shape.of, entry, `${at}[${index}]`));
  const twice = shape.distinct ? read.findIndex((entry, index) => read.indexOf(entry) !== index) : -1;
  if (twice >= 0) throw new PolicyError(`${at}[${twice}]`, `is listed twice: ${show(read[twice])}`);
  return read;
}

function readText(value: unknown, at: string, maxCharacters: number): string {
  if (typeof value !== "string" || value.length === 0) throw new PolicyError(at, "must be a text that is not empty");
  // As JSON Schema counts: a character may be two units of UTF-16, never more.
  const characters = value.length > 2 * maxCharacters ? value.length : Array.from(value).length;
  if (characters > maxCharacters) throw new PolicyError(at, `has ${characters} characters, more than ${maxCharacters}`);
  return value;
}

function readHex(value: unknown, at: string, digits: number): string {
  if (typeof value !== "string") throw new PolicyError(at, `must be ${digits} hexadecimal digits`);
  if (value.startsWith("sha256:")) throw new PolicyError(at, `must be the ${digits} hexadecimal digits alone, without sha256:`);
  if (value.length !== digits) throw new PolicyError(at, `must be ${digits} hexadecimal digits, not ${value.length} characters`);
  if (!/^[0-9a-fA-F]+$/.test(value)) throw new PolicyError(at, "holds a character that is not a hexadecimal digit");
  return value.toLowerCase();
}

function readChoice({ what, values, refused }: Extract<Shape, { kind: "choice" }>, value: unknown, at: string): string {
  if (typeof value !== "string") throw new PolicyError(at, `must be the name of a ${what}`);
  if (values.includes(value)) return value;
  if (Object.hasOwn(refused, value)) throw new PolicyError(at, `${show(value)} ${refused[value]}`);
  const nearest = nearestName(value, values);
  throw new PolicyError(
    at,
    `${show(value)} is not a known ${what}; ${nearest ? `did you mean ${nearest}?` : `known are ${values.join(", ")}`}`,
  );
}

/** A wrong value in quotation marks, cut short. */
function show(value: unknown): string {
  return JSON.stringify(typeof value === "string" ? value.slice(0, MAX_SHOWN_CHARACTERS) : value);
}
