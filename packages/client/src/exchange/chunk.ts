import type { Usage } from "@bauta/protocol";
import { type ResponseDelta } from "@bauta/protocol/client";

export type JsonObject = Readonly<Record<string, unknown>>;

/** One `chat.completion.chunk`, as OpenAI's clients read it. */
export type Chunk = JsonObject;

/** What stands in every chunk of one answer. */
export interface ChunkHead {
  readonly id: string;
  readonly model: string;
  /** Seconds since 1970. */
  readonly created: number;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A chunk of one choice. */
export function createChunk({ id, model, created }: ChunkHead, delta: JsonObject, finishReason: string | null = null): Chunk {
  return { id, object: "chat.completion.chunk", created, model, choices: [{ index: 0, delta, finish_reason: finishReason }] };
}

/** The chunk behind the last one, which only callers who asked for usage are given. */
export function createUsageChunk({ id, model, created }: ChunkHead, usage: Usage): Chunk {
  return { id, object: "chat.completion.chunk", created, model, choices: [], usage };
}

/** True for a chunk that tells usage and nothing else. */
export function isUsageChunk(chunk: Chunk): boolean {
  const { choices, usage } = chunk;
  return Array.isArray(choices) && choices.length === 0 && isJsonObject(usage);
}

/** The text that a chunk's first choice adds, if it does. */
export function chunkDelta({ choices }: Chunk): ResponseDelta | undefined {
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  const delta = isJsonObject(choice) ? choice["delta"] : undefined;
  if (!isJsonObject(delta)) return undefined;
  const content = textOf(delta["content"]);
  // Two names of one text: engines moved from the first to the second, and some send both.
  const reasoning = textOf(delta["reasoning_content"]) || textOf(delta["reasoning"]);
  return content === "" && reasoning === "" ? undefined : { content, reasoning };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
