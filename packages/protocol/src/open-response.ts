import type { CryptoBackend, KeyPair } from "./backend.ts";
import { equalBytes } from "./bytes.ts";
import { isAbsent, isJsonObject, type JsonObject } from "./chat-fields.ts";
import type { FinishReason, Usage } from "./chat-request.ts";
import { createEnvelopeOpener, type EnvelopeOpener, parseEnvelope } from "./envelope.ts";
import { LIMITS } from "./limits.ts";
import { RefusalError } from "./refusals.ts";
import type { StreamError } from "./stream-error.ts";
import { parseStreamEvent } from "./stream-event.ts";
import { findText, namedBelow } from "./textless.ts";
import type { SealedField, Transcript } from "./transcript.ts";

/** What one chunk of an answer told, opened. */
export interface OpenedChunk {
  readonly id: string | undefined;
  readonly reasoning: string;
  readonly content: string;
  readonly finishReason: FinishReason | undefined;
  readonly usage: Usage | undefined;
  /** A server's own error, sent as an event. */
  readonly error: StreamError | undefined;
}

export interface ChunkOpener {
  /**
   * @param data of one event
   * @param name the event's own, where the stream gives it one
   * @throws {RefusalError} for everything that a sealed answer never holds
   */
  open(data: string, name?: string): Promise<OpenedChunk>;
  /** To be called when the stream has ended. @throws {RefusalError} when it ended within a UTF-8 character */
  end(): void;
}

const FIELDS = ["reasoning_content", "content"] as const;
/** Two names of one field: engines moved from the first to the second, and some send both. */
const REASONING = ["reasoning_content", "reasoning"] as const;
const CHOICE_MEMBERS: ReadonlySet<string> = new Set(["index", "delta", "finish_reason"]);
const DELTA_MEMBERS: ReadonlySet<string> = new Set(["role", ...REASONING, "content"]);
const FINISH_REASONS: ReadonlySet<unknown> = new Set<FinishReason>(["stop", "length", "content_filter"]);

/**
 * Opens the chunks of one sealed answer, strictly: content and reasoning must be envelopes from somebody who is
 * neither the client nor the model key (a relay could reflect the request), and nothing else may carry text. What carries
 * none is left aside, whatever its name.
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

  async function openBytes(value: unknown, param: string): Promise<{ readonly sealed: Uint8Array; readonly plaintext: Uint8Array }> {
    const envelope = typeof value === "string" ? parseEnvelope(backend, value, LIMITS.envelopePlaintextBytes) : undefined;
    if (!envelope) throw new RefusalError("plaintext_received", param);
    if (sameX(envelope.senderKey, modelKey) || sameX(envelope.senderKey, clientKey.publicKey)) {
      throw new RefusalError("envelope_reflected", param);
    }
    return { sealed: envelope.bytes, plaintext: await openEnvelope(opener, envelope, param) };
  }

  async function openField(field: SealedField, value: unknown, param: string, again?: unknown): Promise<string> {
    if (isAbsent(value)) return "";
    const { sealed, plaintext } = await openBytes(value, param);
    if (again !== undefined && !equalBytes((await openBytes(again, param)).plaintext, plaintext))
      throw new RefusalError("malformed_answer", param);
    transcript.addEnvelope(0, field, sealed);
    try {
      return decoders[field].decode(plaintext, { stream: true });
    } catch {
      throw new RefusalError("envelope_not_opened", param);
    }
  }

  return {
    open: (data, name) => openChunk(data, name, openField, true),
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
  const readField: FieldOpener = (_field, value, param, again) => {
    if (isAbsent(value)) return "";
    if (typeof value !== "string" || (again !== undefined && again !== value)) throw new RefusalError("malformed_answer", param);
    return value;
  };
  return { open: (data, name) => openChunk(data, name, readField, false), end: () => undefined };
}

/** A point and its negative agree on the same key, so a reflected envelope may name either: x decides. */
function sameX(a: Uint8Array, b: Uint8Array): boolean {
  return equalBytes(a.subarray(1, 33), b.subarray(1, 33));
}

/** @param again the same text under another name, which must say the same */
type FieldOpener = (field: SealedField, value: unknown, param: string, again?: unknown) => string | Promise<string>;

async function openChunk(data: string, name: string | undefined, openField: FieldOpener, sealed: boolean): Promise<OpenedChunk> {
  const { error, chunk } = parseStreamEvent(data, name);
  if (!chunk) return { ...NOTHING, error };
  const found = { ...NOTHING, id: shortText(chunk["id"]), usage: parseUsage(chunk["usage"]) };
  const choice = onlyChoice(chunk);
  if (choice === undefined) return found;
  const delta = choice["delta"] ?? {};
  if (!isJsonObject(delta)) throw new RefusalError("malformed_answer", "choices[0].delta");
  // Some engines write the empty text where others write null.
  const finishReason = choice["finish_reason"] === "" ? undefined : (choice["finish_reason"] ?? undefined);
  if (sealed) {
    assertTextless(choice, CHOICE_MEMBERS, "choices[0]");
    assertTextless(delta, DELTA_MEMBERS, "choices[0].delta");
    if (!isAbsent(delta["role"]) && delta["role"] !== "assistant") throw new RefusalError("unexpected_member", "choices[0].delta.role");
    if (finishReason !== undefined && !FINISH_REASONS.has(finishReason))
      throw new RefusalError("unexpected_member", "choices[0].finish_reason");
  } else if (finishReason !== undefined && !(typeof finishReason === "string" && /^[a-z_]{1,32}$/.test(finishReason))) {
    throw new RefusalError("malformed_answer", "choices[0].finish_reason");
  }

  // In this order, so that the transcript is the enclave's: reasoning before content.
  const [first, second] = REASONING.filter((member) => !isAbsent(delta[member]));
  const thought = first ?? "reasoning_content";
  const again = second === undefined ? undefined : delta[second];
  const reasoning = await openField("reasoning_content", delta[thought], `choices[0].delta.${thought}`, again);
  const content = await openField("content", delta["content"], "choices[0].delta.content");
  return { ...found, reasoning, content, finishReason: finishReason as FinishReason | undefined };
}

const NOTHING: OpenedChunk = { id: undefined, reasoning: "", content: "", finishReason: undefined, usage: undefined, error: undefined };

/** The one choice of a chunk, if it has any. One that is alone need not be numbered. */
function onlyChoice(chunk: JsonObject): JsonObject | undefined {
  const choices = chunk["choices"] ?? [];
  if (!Array.isArray(choices) || choices.length > 1) throw new RefusalError("malformed_answer", "choices");
  const choice: unknown = choices[0] ?? undefined;
  if (choice !== undefined && !(isJsonObject(choice) && (choice["index"] ?? 0) === 0))
    throw new RefusalError("malformed_answer", "choices[0]");
  return choice;
}

async function openEnvelope(opener: EnvelopeOpener, envelope: Parameters<EnvelopeOpener["open"]>[0], param: string): Promise<Uint8Array> {
  const plaintext = await opener.open(envelope);
  if (!plaintext) throw new RefusalError("envelope_not_opened", param);
  return plaintext;
}

function assertTextless(object: JsonObject, allowed: ReadonlySet<string>, param: string): void {
  const text = findText(object, allowed);
  if (text !== undefined) throw new RefusalError("unexpected_member", namedBelow(param, text));
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
