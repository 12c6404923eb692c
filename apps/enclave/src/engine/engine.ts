import type { ChatRequest, ChatRole, FinishReason, Usage } from "@bauta/protocol";

/** What an engine yields: pieces of text in order, then exactly one `finish` when the answer is whole. */
export type EngineEvent =
  | { readonly type: "delta"; readonly content?: string; readonly reasoning?: string }
  | { readonly type: "finish"; readonly reason: FinishReason; readonly usage: Usage };

/**
 * Something that answers a conversation. Pull-based: an engine works no further ahead than its consumer asks,
 * and stops when the consumer's signal aborts or its iterator is returned. Each delta holds whole characters.
 */
export interface Engine {
  /** Names the engine for people, without addresses or file paths. */
  readonly name: string;
  /** Tokens of one conversation, prompt and answer together. */
  readonly contextTokens: number;
  /** @throws {EngineError} from the iterator; never with a text of the engine's own, which may quote the prompt */
  generate(request: ChatRequest, signal: AbortSignal): AsyncIterable<EngineEvent>;
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
 * becomes the user's words, since templates accept the `tool` role only behind a tool call, which we do not take.
 */
export function templateRole(role: ChatRole): "system" | "user" | "assistant" {
  if (role === "assistant") return "assistant";
  return role === "system" || role === "developer" ? "system" : "user";
}
