import type { CryptoBackend, KeyPair } from "./backend.ts";
import { equalBytes } from "./bytes.ts";
import { isAbsent, isJsonObject, type JsonObject } from "./chat-fields.ts";
import type { FinishReason, Usage } from "./chat-request.ts";
import { createEnvelopeOpener, type EnvelopeOpener, parseEnvelope } from "./envelope.ts";
import { LIMITS } from "./limits.ts";
import { RefusalError } from "./refusals.ts";
import type { SealedField, Transcript } from "./transcript.ts";

/** What one chunk of an answer told, opened. */
export interface OpenedChunk {
  readonly id: string | undefined;
  readonly reasoning: string;
  readonly content: string;
  readonly finishReason: FinishReason | undefined;
  readonly usage: Usage | undefined;
  /** A server's own error, sent as an event. Whoever relays could have written it: a hint, not a fact. */
  readonly error: { readonly code: string | undefined; readonly message: string | undefined } | undefined;
}

export interface ChunkOpener {
  /** @throws {RefusalError} for everything that a sealed answer never holds */
  open(data: string): Promise<OpenedChunk>;
  /** To be called when the stream has ended. @throws {RefusalError} when it ended within a UTF-8 character */
  end(): void;
}

const FIELDS = ["reasoning_content", "content"] as const;
const CHOICE_MEMBERS: ReadonlySet<string> = new Set(["index", "delta", "finish_reason"]);
const DELTA_MEMBERS: ReadonlySet<string> = new Set(["role", ...FIELDS]);
const FINISH_REASONS: ReadonlySet<unknown> = new Set<FinishReason>(["stop", "length", "content_filter"]);

/**
 * Opens the chunks of one sealed answer, strictly: content and reasoning must be envelopes from somebody who is
 * neither the client nor the model key (a relay could reflect the request), and nothing else may carry text.
 * @see spec/protocol.md, "Opening an answer"
 */
export function createSealedChunkOpener(
  backend: CryptoBackend,
  clientKey: KeyPair,
  modelKey: Uint8Array,
  transcript: Transcript,
): ChunkOpener {
  const opener = createEnvelopeOpener(backend, clientKey.secretKey);
  const decoders = { content: streamDecoder(), reasoning_content: streamDecoder() };

  async function openField(field: SealedField, value: unknown, param: string): Promise<string> {
    if (isAbsent(value)) return "";
    const envelope = typeof value === "string" ? parseEnvelope(backend, value, LIMITS.envelopePlaintextBytes) : undefined;
    if (!envelope) throw new RefusalError("plaintext_received", param);
    if (sameX(envelope.senderKey, modelKey) || sameX(envelope.senderKey, clientKey.publicKey)) {
      throw new RefusalError("envelope_reflected", param);
    }
    const plaintext = await openEnvelope(opener, envelope, param);
    transcript.addEnvelope(0, field, envelope.bytes);
    try {
      return decoders[field].decode(plaintext, { stream: true });
    } catch {
      throw new RefusalError("envelope_not_opened", param);
    }
  }

  return {
    open: (data) => openChunk(data, openField, true),
    end() {
      try {
        for (const field of FIELDS) decoders[field].decode();
      } catch {
        throw new RefusalError("envelope_not_opened");
      }
    },
  };
}

/** Reads the chunks of an answer in plaintext (`tee-*` models), whose other members are nobody's secret. */
export function createPlainChunkOpener(): ChunkOpener {
  const readField: FieldOpener = (_field, value, param) => {
    if (isAbsent(value)) return "";
    if (typeof value !== "string") throw new RefusalError("malformed_answer", param);
    return value;
  };
  return { open: (data) => openChunk(data, readField, false), end: () => undefined };
}

/** A point and its negative agree on the same key, so a reflected envelope may name either: x decides. */
function sameX(a: Uint8Array, b: Uint8Array): boolean {
  return equalBytes(a.subarray(1, 33), b.subarray(1, 33));
}

type FieldOpener = (field: SealedField, value: unknown, param: string) => string | Promise<string>;

async function openChunk(data: string, openField: FieldOpener, sealed: boolean): Promise<OpenedChunk> {
  const chunk = parseChunk(data);
  const error = chunk["error"];
  if (isJsonObject(error)) return { ...NOTHING, error: { code: shortText(error["code"]), message: shortText(error["message"]) } };

  const id = shortText(chunk["id"]);
  const usage = parseUsage(chunk["usage"]);
  const choices = chunk["choices"];
  if (!Array.isArray(choices) || choices.length > 1) throw new RefusalError("malformed_answer", "choices");
  const choice: unknown = choices[0];
  if (choice === undefined) return { ...NOTHING, id, usage };
  if (!isJsonObject(choice) || choice["index"] !== 0) throw new RefusalError("malformed_answer", "choices[0]");
  const delta = choice["delta"] ?? {};
  if (!isJsonObject(delta)) throw new RefusalError("malformed_answer", "choices[0].delta");
  const finishReason = choice["finish_reason"] ?? undefined;
  if (sealed) {
    assertOnly(choice, CHOICE_MEMBERS, "choices[0]");
    assertOnly(delta, DELTA_MEMBERS, "choices[0].delta");
    if (!isAbsent(delta["role"]) && delta["role"] !== "assistant") throw new RefusalError("unexpected_member", "choices[0].delta.role");
    if (finishReason !== undefined && !FINISH_REASONS.has(finishReason))
      throw new RefusalError("unexpected_member", "choices[0].finish_reason");
  } else if (finishReason !== undefined && !(typeof finishReason === "string" && /^[a-z_]{1,32}$/.test(finishReason))) {
    throw new RefusalError("malformed_answer", "choices[0].finish_reason");
  }

  // In this order, so that the transcript is the enclave's: reasoning before content.
  const reasoning = await openField("reasoning_content", delta["reasoning_content"], "choices[0].delta.reasoning_content");
  const content = await openField("content", delta["content"], "choices[0].delta.content");
  return { id, reasoning, content, finishReason: finishReason as FinishReason | undefined, usage, error: undefined };
}

const NOTHING: OpenedChunk = { id: undefined, reasoning: "", content: "", finishReason: undefined, usage: undefined, error: undefined };

async function openEnvelope(opener: EnvelopeOpener, envelope: Parameters<EnvelopeOpener["open"]>[0], param: string): Promise<Uint8Array> {
  const plaintext = await opener.open(envelope);
  if (!plaintext) throw new RefusalError("envelope_not_opened", param);
  return plaintext;
}

function parseChunk(data: string): JsonObject {
  let chunk: unknown;
  try {
    chunk = JSON.parse(data);
  } catch {
    throw new RefusalError("malformed_answer");
  }
  if (!isJsonObject(chunk)) throw new RefusalError("malformed_answer");
  return chunk;
}

/** A member's name is the server's choice of words, so only a plain identifier is repeated in the refusal. */
function assertOnly(object: JsonObject, allowed: ReadonlySet<string>, param: string): void {
  const other = Object.keys(object).find((member) => !allowed.has(member) && !isAbsent(object[member]));
  if (other !== undefined) throw new RefusalError("unexpected_member", /^[a-z_]{1,32}$/.test(other) ? `${param}.${other}` : param);
}

function parseUsage(value: unknown): Usage | undefined {
  if (!isJsonObject(value)) return undefined;
  const { prompt_tokens, completion_tokens, total_tokens } = value;
  const valid = [prompt_tokens, completion_tokens, total_tokens].every((count) => Number.isSafeInteger(count) && (count as number) >= 0);
  return valid ? ({ prompt_tokens, completion_tokens, total_tokens } as Usage) : undefined;
}

function shortText(value: unknown): string | undefined {
  return typeof value === "string" && value.length <= 256 ? value : undefined;
}

function streamDecoder(): TextDecoder {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
}
