import { type Document, isMap, isNode, isScalar, type Node } from "yaml";
import { z } from "zod";
import type { ConfigIssue } from "./config.ts";

/** Steps from the top of a document to a field. */
export type Path = readonly (string | number)[];

type LineOf = (offset: number) => number;

/** `models[0].enclaves`. */
export function formatPath(path: Path): string {
  return path.reduce<string>((text, step) => (typeof step === "number" ? `${text}[${step}]` : text === "" ? step : `${text}.${step}`), "");
}

/** The line of a field: of its key where it has one, of the nearest thing around it where it is missing. */
export function locate(document: Document.Parsed, path: Path, lineOf: LineOf): { line?: number } {
  for (let length = path.length; length > 0; length--) {
    const node = keyNode(document, path.slice(0, length)) ?? document.getIn(path.slice(0, length), true);
    const offset = isNode(node) ? node.range?.[0] : undefined;
    if (offset !== undefined) return { line: lineOf(offset) };
  }
  return { line: 1 };
}

/** Turns what the schema found into issues with a field, a line and what is allowed there. */
export function explainIssue(issue: z.core.$ZodIssue, schema: z.ZodType, document: Document.Parsed, lineOf: LineOf): ConfigIssue[] {
  const path = issue.path.filter((step) => typeof step !== "symbol");
  if (issue.code === "unrecognized_keys") {
    const allowed = memberNames(schema, path);
    return issue.keys.map((key) => ({
      field: formatPath([...path, key]),
      problem: `is not a known field${suggest(key, allowed)}; allowed here: ${allowed.join(", ")}`,
      ...locate(document, [...path, key], lineOf),
    }));
  }
  const value: unknown = document.getIn(path, true);
  const missing = value === undefined;
  return [
    {
      field: formatPath(path) || "(whole file)",
      problem: missing ? `is missing: ${expected(issue)}` : `${expected(issue)}, not ${describe(value)}`,
      ...locate(document, path, lineOf),
    },
  ];
}

function expected(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return `must be ${TYPE_NAMES[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `must be ${issue.values.map(String).join(" or ")}`;
    case "too_small":
      return issue.origin === "string" ? "must not be empty" : `must be ${issue.inclusive ? "at least" : "more than"} ${issue.minimum}`;
    case "too_big":
      return `must be at most ${issue.maximum}`;
    default:
      return issue.message;
  }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: "a group of fields",
  array: "a list",
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
};

/** What stands in the file, shortened; a long text may be something that was pasted by mistake, so it is not repeated. */
function describe(value: unknown): string {
  if (isMap(value)) return "a group of fields";
  if (!isScalar(value)) return "a list";
  const plain: unknown = value.value;
  if (plain === null) return "empty";
  return typeof plain === "string"
    ? plain.length <= 24
      ? `the text "${plain}"`
      : `a text of ${plain.length} characters`
    : JSON.stringify(plain);
}

function keyNode(document: Document.Parsed, path: Path): Node | undefined {
  const parent: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1));
  return isNode(pair?.key) ? pair.key : undefined;
}

/** Names that may stand in the object at `path`. */
function memberNames(schema: z.ZodType, path: Path): string[] {
  let at: unknown = schema;
  for (const step of [...path, undefined]) {
    while (at instanceof z.ZodOptional) at = at.unwrap();
    if (step === undefined) break;
    at = at instanceof z.ZodArray ? at.element : at instanceof z.ZodObject ? (at.shape as Record<string, unknown>)[step] : undefined;
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

function suggest(key: string, allowed: readonly string[]): string {
  const near = allowed
    .map((name) => ({ name, distance: editDistance(key.toLowerCase().replaceAll("-", "_"), name) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(name.length / 3)))
    .sort((a, b) => a.distance - b.distance)[0];
  return near ? ` (did you mean ${near.name}?)` : "";
}

function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 8) return Infinity;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] as number;
}
