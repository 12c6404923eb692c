import type { RichChat } from "./rich-chat.ts";

/** Roles that a message may have. */
export const CHAT_ROLES = ["system", "developer", "user", "assistant", "tool"] as const;
export type ChatRole = (typeof CHAT_ROLES)[number];

export interface ChatMessage {
  readonly role: ChatRole;
  readonly content: string;
  /** Who speaks, where a conversation has several of a role. */
  readonly name?: string;
  /** What the model thought before this answer of its own. Requests sealed whole only. */
  readonly reasoning?: string;
}

/** Parameters that reach an engine. Members that the request left out are absent. */
export interface Sampling {
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  readonly repetitionPenalty?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
  readonly reasoningEffort?: string;
}

/**
 * What an engine gets: built member by member from a request, opened where it was sealed, never passed through.
 */
export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly sampling: Sampling;
  readonly stream: boolean;
  /** The client asked for a last chunk with `usage` (`stream_options.include_usage`). */
  readonly includeUsage: boolean;
  /** Reasoning is generated but not sent (`venice_parameters.strip_thinking_response`). */
  readonly omitReasoning: boolean;
  /**
   * Present only when the request asks for more than text in and text out, which only version 2 can. An engine that is
   * handed it must honour all of it: `messages` then holds no more than their texts.
   */
  readonly rich?: RichChat;
}

/** Token counts as OpenAI names them. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** `tool_calls` only where the request had tools, which is in version 2 alone. */
export type FinishReason = "stop" | "length" | "content_filter" | "tool_calls";
