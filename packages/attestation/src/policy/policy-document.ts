import { type Document, isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from "yaml";
import { type Policy, parsePolicy, PolicyError } from "./policy.ts";

/** A policy file's text, taken apart: its value, and where in the text each field stands. */
export interface PolicyDocument {
  /** To edit without losing comments. */
  readonly document: Document;
  readonly value: unknown;
  /** The line of a field such as `builds[1].mrtd`, or of what should hold it. */
  readonly lineOf: (field: string) => number;
}

/** A text that is neither YAML nor JSON, with the line at fault. */
export class SyntaxProblem extends Error {
  override readonly name = "SyntaxProblem";
  readonly line: number;

  constructor(problem: string, line: number) {
    super(problem);
    this.line = line;
  }
}

/**
 * Reads YAML, or JSON, which is YAML too. No aliases, no tags, no repeated members: a policy says what it says.
 * @throws {SyntaxProblem} with the line
 */
export function parsePolicyDocument(text: string): PolicyDocument {
  try {
    return takeApart(text);
  } catch (error) {
    // The parser descends one call for each level.
    if (error instanceof RangeError) throw new SyntaxProblem("is nested too deeply", 1);
    throw error;
  }
}

/** Line breaks for editors and some readers, none for YAML 1.2: a rule behind one would stand there and not be enforced. */
const DISPUTED = /\r(?!\n)|[\u0085\u2028\u2029]/;

function takeApart(text: string): PolicyDocument {
  const disputed = text.search(DISPUTED);
  if (disputed >= 0) {
    const line = text.slice(0, disputed).split("\n").length;
    throw new SyntaxProblem("holds a line break that not every reader takes for one (CR, NEL, LS or PS): use LF or CR LF", line);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, schema: "core", version: "1.2", uniqueKeys: true });
  const lineAt = (offset: number) => lines.linePos(offset).line;
  const fault = document.errors[0] ?? document.warnings[0];
  if (fault) throw new SyntaxProblem(fault.message, lineAt(fault.pos[0]));
  visit(document, {
    Alias: (_key, node) => {
      throw new SyntaxProblem("aliases (*name) are not read in a policy: write the value out", lineAt(node.range?.[0] ?? 0));
    },
    // Hex of digits alone, or with one e among them, would be read as a number, and no longer be what was written.
    Scalar: (_key, node) => {
      if (typeof node.value === "number" && node.source !== undefined && !/^(?:0|[1-9]\d{0,9})$/.test(node.source))
        node.value = node.source;
    },
  });
  return { document, value: document.toJS({ maxAliasCount: 0 }), lineOf: (field) => lineAt(locate(document, field)) };
}

/** Offset of the deepest node on a field's path that is there. */
function locate(document: Document, field: string): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0] ?? 0;
  for (const [, name, index] of field.matchAll(/([^.[\]]+)|\[(\d+)\]/g)) {
    if (isMap(node) && name !== undefined) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === name);
      if (!pair) break;
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && index !== undefined) {
      node = node.items[Number(index)];
      offset = (node as { range?: [number, number, number] } | undefined)?.range?.[0] ?? offset;
    } else break;
  }
  return offset;
}

/**
 * A policy file's text as a policy.
 * @throws {SyntaxProblem} with the line, when it is neither YAML nor JSON
 * @throws {PolicyError} naming the field, with the line in its problem
 */
export function readPolicyDocument(document: PolicyDocument): Policy {
  try {
    return parsePolicy(document.value);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw new PolicyError(error.field, error.problem, document.lineOf(error.field));
  }
}
