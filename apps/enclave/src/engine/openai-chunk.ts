import { type FinishReason, findStreamError, findText, isTextless, type Usage } from "@bauta/protocol";
import { type AnsweredLogprob, EngineError, type TokenLogprob } from "./engine.ts";

/** What one chunk of an OpenAI-style stream says; absent members are undefined. */
export interface OpenAiChunk {
  readonly content: string | undefined;
  readonly reasoning: string | undefined;
  /** As they came, to be told apart. */
  readonly toolCalls: readonly unknown[];
  readonly logprobs: readonly AnsweredLogprob[];
  readonly finish: FinishReason | undefined;
  readonly usage: Usage | undefined;
}

/** Names that engines give to an answer that simply ended. `abort` and the like are failures. */
const FINISH_REASONS: Readonly<Record<string, FinishReason>> = {
  stop: "stop",
  eos: "stop",
  eos_token: "stop",
  stop_sequence: "stop",
  length: "length",
  content_filter: "content_filter",
  tool_calls: "tool_calls",
};
/** All that a delta can say; text elsewhere, such as the older form of a call, would be lost. */
const DELTA_MEMBERS: ReadonlySet<string> = new Set(["role", "content", "refusal", "reasoning_content", "reasoning", "tool_calls"]);
/** What an engine may say at once, and of one token. */
const MAX_TOOL_CALLS = 128;
const MAX_TOP_LOGPROBS = 20;
const MAX_TOKEN_BYTES = 1024;

/**
 * Reads one chunk. What an engine adds and no answer has a place for is left aside, unless it is text: an answer that lacks
 * a part would be signed as whole.
 * @param name the event's own, where the stream gives it one
 * @throws {EngineError} `failed` when it is no JSON object, carries an error, ended for an unknown reason, or says
 *   something in a place or a form that nobody reads
 * @see https://platform.openai.com/docs/api-reference/chat-streaming
 */
export function parseOpenAiChunk(data: string, name?: string): OpenAiChunk {
  let value: unknown;
  try {
    // Some servers send empty events to keep the connection alive.
    value = data.trim() === "" ? {} : JSON.parse(data);
  } catch {
    throw new EngineError("failed");
  }
  const chunk = member(value);
  if (chunk === undefined || findStreamError(chunk, name === "error")) throw new EngineError("failed");
  const choices = list(chunk["choices"], 1);
  const choice = choices[0] === undefined ? undefined : (member(choices[0]) ?? fail());
  // One choice was asked for, and nobody would be shown another's text.
  if ((choice?.["index"] ?? 0) !== 0 || !isTextless(choice?.["message"]) || !isTextless(choice?.["text"])) throw new EngineError("failed");
  const delta = choice?.["delta"] === undefined || choice["delta"] === null ? undefined : (member(choice["delta"]) ?? fail());
  if (delta && findText(delta, DELTA_MEMBERS) !== undefined) throw new EngineError("failed");
  const finish = text(choice?.["finish_reason"]);
  if (finish !== undefined && !Object.hasOwn(FINISH_REASONS, finish)) throw new EngineError("failed");
  return {
    // A refusal is what the model said to its reader.
    content: `${spoken(delta?.["content"]) ?? ""}${text(delta?.["refusal"]) ?? ""}` || undefined,
    reasoning: oneOf(spoken(delta?.["reasoning_content"]), spoken(delta?.["reasoning"])),
    toolCalls: list(delta?.["tool_calls"], MAX_TOOL_CALLS),
    logprobs: list(member(choice?.["logprobs"])?.["content"], Number.MAX_SAFE_INTEGER).map(parseLogprob),
    finish: finish === undefined ? undefined : FINISH_REASONS[finish],
    usage: parseUsage(member(chunk["usage"])),
  };
}

/** vLLM, SGLang and llama.cpp say `reasoning_content`, Ollama and newer vLLM `reasoning`, and some both. */
function oneOf(a: string | undefined, b: string | undefined): string | undefined {
  return a === undefined || b === undefined || a === b ? (a ?? b) : fail();
}

function fail(): never {
  throw new EngineError("failed");
}

/** A text, or a list of text parts, as some engines stream it. @throws {EngineError} for any other form of it */
function spoken(value: unknown): string | undefined {
  if (!Array.isArray(value)) return text(value);
  const texts = value.map((part: unknown) => {
    const found = member(part);
    return found?.["type"] === "text" ? (text(found["text"]) ?? "") : isTextless(part) ? "" : fail();
  });
  return texts.join("") || undefined;
}

function parseLogprob(value: unknown): AnsweredLogprob {
  const top = list(member(value)?.["top_logprobs"], MAX_TOP_LOGPROBS);
  return { ...parseTokenLogprob(value), top: top.map(parseTokenLogprob) };
}

function parseTokenLogprob(value: unknown): TokenLogprob {
  const found = member(value);
  const { token, logprob, bytes } = found ?? {};
  if (typeof token !== "string" || typeof logprob !== "number") throw new EngineError("failed");
  const isByte = (byte: unknown): byte is number => Number.isInteger(byte) && (byte as number) >= 0 && (byte as number) <= 255;
  const known = Array.isArray(bytes) && bytes.length <= MAX_TOKEN_BYTES && bytes.every(isByte);
  return { token, logprob, bytes: known ? bytes : null };
}

function parseUsage(usage: Record<string, unknown> | undefined): Usage | undefined {
  const prompt = count(usage?.["prompt_tokens"]);
  const completion = count(usage?.["completion_tokens"]);
  if (prompt === undefined || completion === undefined) return undefined;
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

function member(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
}

/** @throws {EngineError} `failed` for more than an answer can hold */
function list(value: unknown, most: number): readonly unknown[] {
  if (!Array.isArray(value)) return isTextless(value) ? [] : fail();
  if (value.length > most) throw new EngineError("failed");
  return value;
}

/** @throws {EngineError} `failed` for a text in a form that it cannot have */
function text(value: unknown): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : value;
  return value === undefined || value === null ? undefined : fail();
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
