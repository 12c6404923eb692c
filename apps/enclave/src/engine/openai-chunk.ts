import type { FinishReason, Usage } from "@bauta/protocol";
import { EngineError } from "./engine.ts";

/** What one chunk of an OpenAI-style stream says; absent members are undefined. */
export interface OpenAiChunk {
  readonly content: string | undefined;
  readonly reasoning: string | undefined;
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
};

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
    finish: finish === undefined ? undefined : FINISH_REASONS[finish],
    usage: parseUsage(member(chunk["usage"])),
  };
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

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
