import type { FinishReason, Usage } from "@bauta/protocol";
import { type AnsweredLogprob, EngineError, type TokenLogprob, type ToolCallDelta } from "./engine.ts";

/** What one chunk of an OpenAI-style stream says; absent members are undefined. */
export interface OpenAiChunk {
  readonly content: string | undefined;
  readonly reasoning: string | undefined;
  readonly toolCalls: readonly ToolCallDelta[];
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
/** Calls of one answer, and what an engine may say of one token. */
const MAX_TOOL_CALLS = 128;
const MAX_TOP_LOGPROBS = 20;
const MAX_TOKEN_BYTES = 1024;

/**
 * Reads one chunk. Only the first choice is looked at; everything else an engine adds is ignored.
 * @throws {EngineError} `failed` when it is no JSON object, carries an error, or ended for an unknown reason
 * @see https://platform.openai.com/docs/api-reference/chat-streaming
 */
export function parseOpenAiChunk(data: string): OpenAiChunk {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    throw new EngineError("failed");
  }
  const chunk = member(value);
  if (chunk === undefined || (chunk["error"] !== undefined && chunk["error"] !== null)) throw new EngineError("failed");
  const choices = chunk["choices"];
  const choice = Array.isArray(choices) ? member(choices[0]) : undefined;
  const delta = member(choice?.["delta"]);
  const finish = text(choice?.["finish_reason"]);
  if (finish !== undefined && !Object.hasOwn(FINISH_REASONS, finish)) throw new EngineError("failed");
  return {
    content: text(delta?.["content"]),
    // vLLM, SGLang and llama.cpp say `reasoning_content`, Ollama and newer vLLM `reasoning`.
    reasoning: text(delta?.["reasoning_content"]) ?? text(delta?.["reasoning"]),
    toolCalls: list(delta?.["tool_calls"], MAX_TOOL_CALLS).map(parseToolCall),
    logprobs: list(member(choice?.["logprobs"])?.["content"], Number.MAX_SAFE_INTEGER).map(parseLogprob),
    finish: finish === undefined ? undefined : FINISH_REASONS[finish],
    usage: parseUsage(member(chunk["usage"])),
  };
}

function parseToolCall(value: unknown, position: number): ToolCallDelta {
  const call = member(value);
  // Some servers send each call whole and leave its index out.
  const index = call?.["index"] === undefined ? position : count(call["index"]);
  if (call === undefined || index === undefined || index >= MAX_TOOL_CALLS) throw new EngineError("failed");
  const called = member(call["function"]);
  const [id, name, args] = [text(call["id"]), text(called?.["name"]), text(called?.["arguments"])];
  return {
    index,
    ...(id !== undefined && { id }),
    ...(name !== undefined && { name }),
    ...(args !== undefined && { arguments: args }),
  };
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
  if (!Array.isArray(value)) return [];
  if (value.length > most) throw new EngineError("failed");
  return value;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
