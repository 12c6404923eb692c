import { ClientError } from "../errors.ts";
import { type Chunk, isJsonObject, type JsonObject } from "../exchange/chunk.ts";
import type { Outcome } from "../outcome.ts";

interface Choice {
  readonly index: number;
  readonly texts: Map<string, string>;
  readonly tools: Map<number, Tool>;
  readonly logprobs: Map<string, unknown[]>;
  /** What else its deltas said, by their members' names. */
  readonly others: Map<string, unknown>;
  finishReason: string | null;
}

interface Tool {
  id: string | undefined;
  name: string;
  arguments: string;
}

/** What is kept of one answer: its characters, and so much for each choice, tool call and log probability. */
const MAX_CHARACTERS = 64 * 1024 * 1024;
const ENTRY_CHARACTERS = 256;

/** Members of a delta that are pieces of a text. */
const TEXTS = ["content", "reasoning_content", "reasoning", "refusal"] as const;

/** Members of a delta that have a place of their own. */
const PLACED: ReadonlySet<string> = new Set(["role", "tool_calls", ...TEXTS]);

/** Puts the chunks of an answer together to the one `chat.completion` that OpenAI gives without a stream. */
export interface Assembly {
  /** @throws {ClientError} `answer_too_large`: whoever relays an answer, or may seal to the client's key, can go on for ever */
  add(chunk: Chunk): void;
  /** @param outcome whose usage and finish reason are the signed ones, if it is verified */
  finish(outcome: Outcome): JsonObject;
}

/** @param model for an answer that ended before its first chunk */
export function createAssembly(model: string): Assembly {
  const choices = new Map<number, Choice>();
  let head: JsonObject = {};
  let usage: unknown;
  let kept = 0;
  const keep: Keep = (characters) => {
    kept += characters;
    if (kept > MAX_CHARACTERS) throw new ClientError("answer_too_large", `the answer is longer than ${MAX_CHARACTERS} characters`);
  };

  function choiceAt(index: number): Choice {
    const known = choices.get(index);
    if (known) return known;
    keep(ENTRY_CHARACTERS);
    const choice: Choice = { index, texts: new Map(), tools: new Map(), logprobs: new Map(), others: new Map(), finishReason: null };
    choices.set(index, choice);
    return choice;
  }

  return {
    add(chunk) {
      if (head["id"] === undefined) head = chunk;
      if (isJsonObject(chunk["usage"])) usage = chunk["usage"];
      for (const one of listOf(chunk["choices"])) {
        if (isJsonObject(one)) addChoice(choiceAt(numberOf(one["index"])), one, keep);
      }
    },

    finish({ status, usage: signed, finishReason, requestId }) {
      const isCut = status === "incomplete";
      if (choices.size === 0) choiceAt(0);
      const { id, created, system_fingerprint: fingerprint, model: named } = head;
      const list = [...choices.values()].sort((a, b) => a.index - b.index);
      return {
        id: requestId ?? id ?? null,
        object: "chat.completion",
        created: created ?? 0,
        model: named ?? model,
        // Whoever cut an answer could have written how it ended.
        choices: list.map((choice) =>
          writeChoice(choice, isCut ? null : choice.index === 0 ? (finishReason ?? choice.finishReason) : choice.finishReason),
        ),
        // The receipt's three totals are signed; what else a server counted stays with its own.
        ...((usage ?? signed) !== undefined && { usage: { ...(isJsonObject(usage) && usage), ...signed } }),
        ...(fingerprint !== undefined && { system_fingerprint: fingerprint }),
      };
    },
  };
}

/** Counts what is about to be kept. @throws {ClientError} `answer_too_large` */
type Keep = (characters: number) => void;

function addChoice(choice: Choice, { delta, finish_reason: reason, logprobs }: JsonObject, keep: Keep): void {
  if (typeof reason === "string") choice.finishReason = reason;
  if (isJsonObject(logprobs)) {
    for (const [name, tokens] of Object.entries(logprobs)) {
      if (!Array.isArray(tokens)) continue;
      const known = choice.logprobs.get(name) ?? [];
      if (known.length === 0) keep(ENTRY_CHARACTERS + name.length);
      for (const token of tokens as unknown[]) {
        keep(ENTRY_CHARACTERS + JSON.stringify(token).length);
        known.push(token);
      }
      choice.logprobs.set(name, known);
    }
  }
  if (!isJsonObject(delta)) return;
  for (const name of TEXTS) {
    const text = delta[name];
    if (typeof text !== "string") continue;
    keep(text.length);
    choice.texts.set(name, (choice.texts.get(name) ?? "") + text);
  }
  for (const [name, value] of Object.entries(delta)) {
    if (PLACED.has(name) || value === undefined || value === null) continue;
    keep(ENTRY_CHARACTERS + name.length + JSON.stringify(value).length);
    choice.others.set(name, joinOther(choice.others.get(name), value));
  }
  for (const call of listOf(delta["tool_calls"])) {
    if (isJsonObject(call)) addToolCall(choice.tools, call, keep);
  }
}

/** Deeper than what any server streams in pieces: what lies below is taken whole. */
const MAX_JOINED_DEPTH = 4;

/** Whatever a server streams beside the members that are known: texts run on, lists grow, the rest is what came last. */
function joinOther(known: unknown, value: unknown, depth = 0): unknown {
  if (typeof known === "string" && typeof value === "string") return known + value;
  if (depth >= MAX_JOINED_DEPTH) return value;
  if (Array.isArray(value)) {
    const list = Array.isArray(known) ? (known as unknown[]) : [];
    for (const entry of value as unknown[]) list.push(entry);
    return list;
  }
  if (!isJsonObject(value)) return value;
  // Without a prototype, so that a member may have any name.
  const joined = isJsonObject(known) ? (known as Record<string, unknown>) : (Object.create(null) as Record<string, unknown>);
  for (const [name, inner] of Object.entries(value)) joined[name] = joinOther(joined[name], inner, depth + 1);
  return joined;
}

function addToolCall(tools: Map<number, Tool>, { index, id, function: named }: JsonObject, keep: Keep): void {
  const at = numberOf(index);
  let tool = tools.get(at);
  if (!tool) {
    keep(ENTRY_CHARACTERS);
    tool = { id: undefined, name: "", arguments: "" };
    tools.set(at, tool);
  }
  if (typeof id === "string" && tool.id === undefined) {
    keep(id.length);
    tool.id = id;
  }
  if (!isJsonObject(named)) return;
  const { name, arguments: text } = named;
  if (typeof name === "string") {
    keep(name.length);
    tool.name += name;
  }
  if (typeof text === "string") {
    keep(text.length);
    tool.arguments += text;
  }
}

function writeChoice({ index, texts, tools, logprobs, others: streamed }: Choice, finishReason: string | null): JsonObject {
  const { content = null, ...others } = Object.fromEntries(texts) as Partial<Record<(typeof TEXTS)[number], string>>;
  const calls = [...tools].sort(([a], [b]) => a - b);
  const message = {
    role: "assistant",
    // A call of a tool is an answer without text; any other answer has one, even if it is empty.
    content: content === "" || content === null ? (calls.length > 0 ? null : "") : content,
    ...others,
    ...Object.fromEntries(streamed),
    ...(calls.length > 0 && {
      tool_calls: calls.map(([, { id, name, arguments: text }]) => ({ id, type: "function", function: { name, arguments: text } })),
    }),
  };
  return {
    index,
    message,
    logprobs: logprobs.size > 0 ? Object.fromEntries(logprobs) : null,
    finish_reason: finishReason,
  };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function numberOf(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) ? value : 0;
}
