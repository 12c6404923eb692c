import type { ChatRequest, ChatRole, FinishReason, RichFeature, Usage } from "@bauta/protocol";

/** A piece of a tool call: the first of each index names the call and the tool, the others continue its arguments. */
export interface ToolCallDelta {
  readonly index: number;
  readonly id?: string;
  readonly name?: string;
  readonly arguments?: string;
}

/** How likely a token was. `bytes` are its UTF-8, which a token may split. */
export interface TokenLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[] | null;
}

/** One token of an answer with the alternatives that were asked for. */
export interface AnsweredLogprob extends TokenLogprob {
  readonly top: readonly TokenLogprob[];
}

/** A piece of an answer. Tool calls and log probabilities only where the request asked for them. */
export interface EngineDelta {
  readonly type: "delta";
  readonly content?: string;
  readonly reasoning?: string;
  readonly toolCalls?: readonly ToolCallDelta[];
  readonly logprobs?: readonly AnsweredLogprob[];
}

export interface EngineFinish {
  readonly type: "finish";
  readonly reason: FinishReason;
  readonly usage: Usage;
}

/** What an engine yields: pieces of text in order, then exactly one `finish` when the answer is whole. */
export type EngineEvent = EngineDelta | EngineFinish;

/** What an engine can do beyond text in and text out; what is not named it cannot. */
export type EngineFeatures = { readonly [feature in RichFeature | "embeddings"]?: boolean };

export interface EmbeddingRequest {
  readonly input: readonly string[];
  /** The length of each vector, where the caller chose one. */
  readonly dimensions?: number;
}

export interface Embeddings {
  /** One for each input, in its order. */
  readonly vectors: readonly (readonly number[])[];
  readonly usage: Usage;
}

/**
 * Something that answers a conversation. Pull-based: an engine works no further ahead than its consumer asks,
 * and stops when the consumer's signal aborts or its iterator is returned. Each delta holds whole characters.
 */
export interface Engine {
  /** Names the engine for people, without addresses or file paths. */
  readonly name: string;
  /** Tokens of one conversation, prompt and answer together. */
  readonly contextTokens: number;
  /** A request with `rich` reaches only an engine that has every feature which it needs. */
  readonly features?: EngineFeatures;
  /** @throws {EngineError} from the iterator; never with a text of the engine's own, which may quote the prompt */
  generate(request: ChatRequest, signal: AbortSignal): AsyncIterable<EngineEvent>;
  /** Present on engines with the feature `embeddings`. @throws {EngineError} as `generate` does */
  embed?(request: EmbeddingRequest, signal: AbortSignal): Promise<Embeddings>;
  /** Stops what is being generated and frees what the engine holds. */
  close(): Promise<void>;
}

export type EngineErrorCode = "unreachable" | "failed" | "overloaded" | "context-length" | "conversation" | "aborted";

const MESSAGES: Record<EngineErrorCode, string> = {
  unreachable: "the inference engine cannot be reached",
  failed: "the inference engine failed to answer",
  overloaded: "the inference engine has no room for another request",
  "context-length": "the conversation does not fit into the model's context",
  conversation: "the model's chat template does not take this order of messages",
  aborted: "generation was stopped",
};

/** Why an engine gave no whole answer. Fixed texts and numbers only. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: EngineErrorCode;
  /** The engine's HTTP status, where it is a server. */
  readonly status: number | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: EngineErrorCode, details: { status?: number; retryAfterSeconds?: number } = {}) {
    super(details.status === undefined ? MESSAGES[code] : `${MESSAGES[code]} (HTTP ${details.status})`);
    this.code = code;
    this.status = details.status;
    this.retryAfterSeconds = details.retryAfterSeconds;
  }
}

/** Why an engine could not be set up: for the operator, before any prompt exists. */
export class EngineSetupError extends Error {
  override readonly name = "EngineSetupError";
  readonly code: "invalid-option" | "file-missing" | "file-invalid" | "runtime-missing";

  constructor(code: EngineSetupError["code"], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/**
 * The three roles that every chat template knows. `developer` is the newer name of `system`; a tool's result
 * becomes the user's words, since templates accept the `tool` role only behind a tool call, which text alone has not.
 */
export function templateRole(role: ChatRole): "system" | "user" | "assistant" {
  if (role === "assistant") return "assistant";
  return role === "system" || role === "developer" ? "system" : "user";
}
