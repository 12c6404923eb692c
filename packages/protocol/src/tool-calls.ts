import { isJsonObject } from "./chat-fields.ts";

/** A piece of a tool call as a stream brings it; what it leaves out is undefined. */
export interface ToolCallPiece {
  readonly index: number;
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly arguments: string | undefined;
}

/** Tells the calls of one answer apart. */
export interface ToolCallSorter {
  /**
   * @param list of `delta.tool_calls`, as it came
   * @returns the same pieces, each with the index of the call that it belongs to, and its id and name only where they are new
   * @throws {ToolCallError} for pieces that are none, or that cannot be told to belong to one call
   */
  push(list: unknown): readonly ToolCallPiece[];
  /** How many calls have begun. */
  readonly size: number;
  /** To be called once the answer has ended. @throws {ToolCallError} when a call has no name, or may lack pieces of its own */
  end(): void;
}

/** Tool calls that cannot be told apart, or are none: the engine's error. Holds nothing of them. */
export class ToolCallError extends Error {
  override readonly name = "ToolCallError";
}

interface Call {
  readonly index: number;
  /** As the stream numbers it. */
  readonly numbered: number | undefined;
  id: string | undefined;
  name: string | undefined;
  /** It began by nothing but the name of the call before it, which some servers repeat. */
  readonly onlyRepeated: boolean;
  readonly json: JsonEnd;
}

/** Calls of one answer. */
const MAX_CALLS = 128;

/**
 * Tells the tool calls of a streamed answer apart, whatever engines do with their indices: number each 0, leave the index
 * out, repeat id and name with each piece, or send each call whole. A new id is a new call, and so is a name behind
 * arguments that are whole. Arguments that would run on behind their end, or pieces that could be either call's, are an error:
 * joined wrongly they would be a call that the model never made.
 */
export function createToolCallSorter(): ToolCallSorter {
  const calls: Call[] = [];

  function begin(numbered: number | undefined, id: string | undefined, name: string | undefined, seen: ReadonlySet<Call>): Call {
    if (id === undefined && name === undefined) throw new ToolCallError();
    // Two calls of one id could not be answered apart.
    if (calls.length >= MAX_CALLS || calls.some((call) => id !== undefined && call.id === id)) throw new ToolCallError();
    // What began under the same number must have come whole: what follows without an id could be either's.
    if (among(numbered).some((call) => call.json.begun && !call.json.whole)) throw new ToolCallError();
    const isFree = numbered !== undefined && calls.every((call) => call.index !== numbered);
    const last = among(numbered).at(-1);
    const onlyRepeated = id === undefined && last !== undefined && last.name === name && !seen.has(last);
    const call = { index: isFree ? numbered : firstFree(), numbered, id, name, onlyRepeated, json: createJsonEnd() };
    calls.push(call);
    return call;
  }

  function firstFree(): number {
    let index = 0;
    while (calls.some((call) => call.index === index)) index++;
    return index;
  }

  function among(numbered: number | undefined): readonly Call[] {
    return numbered === undefined ? calls : calls.filter((call) => call.numbered === numbered);
  }

  /** The call that a piece continues; undefined where it begins one. */
  function findContinued(
    numbered: number | undefined,
    id: string | undefined,
    name: string | undefined,
    seen: ReadonlySet<Call>,
  ): Call | undefined {
    const candidates = among(numbered);
    const last = candidates.at(-1);
    const known = id === undefined ? undefined : candidates.findLast((call) => call.id === id);
    if (known || last === undefined) return known;
    // An id may come behind its name, and a name behind its id.
    if (id !== undefined) return last.id === undefined && name === undefined && !last.json.whole ? last : undefined;
    if (name === undefined || last.name === undefined) return last;
    // A name again is a server's habit of repeating it, unless its call had ended or came in the same list.
    return last.json.whole || seen.has(last) || (last.name !== name && !last.json.begun) ? undefined : last;
  }

  function take(piece: unknown, seen: Set<Call>): ToolCallPiece {
    if (!isJsonObject(piece)) throw new ToolCallError();
    const called = piece["function"] ?? {};
    if (!isJsonObject(called)) throw new ToolCallError();
    const numbered = indexOf(piece["index"]);
    const [id, name, text] = [textOf(piece["id"]), textOf(called["name"]), textOf(called["arguments"])];
    const known = findContinued(numbered, id, name, seen);
    const call = known ?? begin(numbered, id, name, seen);
    seen.add(call);
    const isNewId = !known || (id !== undefined && call.id === undefined);
    const isNewName = !known || (name !== undefined && call.name === undefined);
    call.id ??= id;
    call.name ??= name;
    // Two names of one call: two calls run together.
    if (name !== undefined && name !== call.name) throw new ToolCallError();
    if (text !== undefined) call.json.push(text);
    return { index: call.index, id: isNewId ? id : undefined, name: isNewName ? name : undefined, arguments: text };
  }

  return {
    get size() {
      return calls.length;
    },
    push(list) {
      if (list === undefined || list === null) return [];
      if (!Array.isArray(list) || list.length > MAX_CALLS) throw new ToolCallError();
      const seen = new Set<Call>();
      return list.map((piece: unknown) => take(piece, seen));
    },
    end() {
      const isNone = (call: Call) => call.name === undefined || (call.onlyRepeated && !call.json.begun);
      if (calls.some(isNone)) throw new ToolCallError();
    },
  };
}

function indexOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) >= MAX_CALLS) throw new ToolCallError();
  return value as number;
}

function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string") throw new ToolCallError();
  return value;
}

interface JsonEnd {
  /** @throws {ToolCallError} for anything but white space behind the end */
  push(text: string): void;
  readonly begun: boolean;
  /** The object has ended. */
  readonly whole: boolean;
}

/** Follows where a JSON object ends, no more: what a model writes into it is the caller's to judge. */
function createJsonEnd(): JsonEnd {
  let begun = false;
  let whole = false;
  let depth = 0;
  let inString = false;
  let escaped = false;

  function take(character: string): void {
    if (inString) {
      if (escaped) escaped = false;
      else if (character === "\\") escaped = true;
      else if (character === '"') inString = false;
      return;
    }
    if (character === " " || character === "\n" || character === "\r" || character === "\t") return;
    if (whole) throw new ToolCallError();
    begun = true;
    if (character === '"') inString = true;
    else if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") {
      depth--;
      whole = depth <= 0;
    }
  }

  return {
    get begun() {
      return begun;
    },
    get whole() {
      return whole;
    },
    push(text) {
      for (let i = 0; i < text.length; i++) take(text.charAt(i));
    },
  };
}
