import fc from "fast-check";
import { expect, it } from "vitest";
import { parsePolicy, PolicyError } from "./policy.ts";
import { ACCEPTED, BEYOND_SCHEMA, REFUSED } from "./policy-cases.test.ts";
import { createPolicySchema } from "./policy-schema.ts";

const schema = createPolicySchema();

it("is what lies in spec", async () => {
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot("../../../../spec/policy.schema.json");
});

it.each(ACCEPTED.map((json) => [JSON.stringify(json).slice(0, 80), json]))("agrees with the parser in accepting %s", (_, json) => {
  expect(matches(schema, json)).toBe(true);
});

it.each(REFUSED.map(([, json]) => [JSON.stringify(json).slice(0, 80), json]))("agrees with the parser in refusing %s", (_, json) => {
  expect(matches(schema, json)).toBe(false);
});

it.each(BEYOND_SCHEMA.map(([, json]) => [JSON.stringify(json).slice(0, 80), json]))("has no words for %s", (_, json) => {
  expect(matches(schema, json)).toBe(true);
});

it("property: accepts all that the parser accepts, however a policy was changed", () => {
  const cases = [...ACCEPTED, ...REFUSED.map(([, json]) => json)].filter((json) => typeof json === "object" && json !== null);
  fc.assert(
    fc.property(fc.constantFrom(...cases), fc.constantFrom(...cases), fc.nat(), (first, second, seed) => {
      const mixed = { ...(first as object), ...pickSome(second as object, seed) };
      expect(matches(schema, mixed)).toBe(parses(mixed));
    }),
    { numRuns: 1000 },
  );
});

function parses(json: unknown): boolean {
  try {
    parsePolicy(json);
    return true;
  } catch (error) {
    if (error instanceof PolicyError) return false;
    throw error;
  }
}

function pickSome(json: object, seed: number): object {
  return Object.fromEntries(Object.entries(json).filter((_, index) => (seed >> index) % 2 === 1));
}

type Schema = Readonly<Record<string, unknown>>;

const ANNOTATIONS = new Set(["$schema", "title", "description", "default", "examples"]);

/** What JSON Schema 2020-12 says of the keywords that the schema uses; any other is an error, never a pass. */
function matches(schema: Schema, value: unknown): boolean {
  const members = typeof value === "object" && value !== null && !Array.isArray(value) ? new Map(Object.entries(value)) : undefined;
  const entries = Array.isArray(value) ? (value as unknown[]) : undefined;
  const text = typeof value === "string" ? value : undefined;
  const number = typeof value === "number" ? value : undefined;
  const keywords: Record<string, (argument: never) => boolean> = {
    type: (type: string) =>
      ({
        object: !!members,
        array: !!entries,
        string: text !== undefined,
        boolean: typeof value === "boolean",
        integer: Number.isInteger(value),
      })[type]!,
    const: (constant: unknown) => value === constant,
    enum: (values: unknown[]) => values.includes(value),
    required: (names: string[]) => !members || names.every((name) => members.has(name)),
    properties: (parts: Record<string, Schema>) =>
      !members || Object.entries(parts).every(([name, part]) => !members.has(name) || matches(part, members.get(name))),
    additionalProperties: (allowed: boolean) =>
      allowed || !members || [...members.keys()].every((name) => Object.hasOwn(schema["properties"] as object, name)),
    items: (part: Schema) => !entries || entries.every((entry) => matches(part, entry)),
    contains: (part: Schema) => !entries || entries.some((entry) => matches(part, entry)),
    minItems: (least: number) => !entries || entries.length >= least,
    maxItems: (most: number) => !entries || entries.length <= most,
    uniqueItems: () => !entries || new Set(entries.map((entry) => JSON.stringify(entry))).size === entries.length,
    minLength: (least: number) => text === undefined || [...text].length >= least,
    maxLength: (most: number) => text === undefined || [...text].length <= most,
    pattern: (pattern: string) => text === undefined || new RegExp(pattern, "u").test(text),
    minimum: (least: number) => number === undefined || number >= least,
    maximum: (most: number) => number === undefined || number <= most,
    not: (part: Schema) => !matches(part, value),
    anyOf: (parts: Schema[]) => parts.some((part) => matches(part, value)),
    allOf: (parts: Schema[]) => parts.every((part) => matches(part, value)),
  };
  return Object.entries(schema).every(([keyword, argument]) => {
    if (ANNOTATIONS.has(keyword)) return true;
    const keywordMatches = keywords[keyword];
    if (!keywordMatches) throw new Error(`the schema uses ${keyword}, which this test does not know`);
    return keywordMatches(argument as never);
  });
}
