import { andThen, type Awaitable } from "./awaitable.ts";
import type { CryptoBackend } from "./backend.ts";
import { utf8 } from "./bytes.ts";
import type { FinishReason, Usage } from "./chat-request.ts";
import { createEnvelopeSealer, deriveEnvelopeKey, type EnvelopeSealer } from "./envelope.ts";
import { WireError } from "./errors.ts";
import { SSE_DONE, writeSseComment, writeSseData } from "./sse.ts";
import { receiptComment, type SignedReceipt } from "./receipt.ts";
import { createTranscript, type ResponseHashes, type SealedField } from "./transcript.ts";

/** What stands in every chunk of one answer. */
export interface ResponseHead {
  readonly id: string;
  readonly model: string;
  /** Seconds since 1970. */
  readonly created: number;
}

export interface Delta {
  readonly content?: string;
  readonly reasoning?: string;
}

/**
 * Builds a streamed answer, event by event. Each method returns the bytes to write and flush whole; nothing of an
 * engine's own chunk is copied, so nothing that it adds can cross in clear.
 */
export interface ResponseWriter {
  /** The first chunk, which names the role. */
  start(): Uint8Array;
  /** One event for each of reasoning and content, in that order; no bytes for an empty delta. */
  delta(delta: Delta): Awaitable<Uint8Array>;
  /** The chunk with the finish reason, usage if asked for, and `[DONE]`. Ends the hashes. */
  finish(reason: FinishReason, usage: Usage | undefined): { readonly bytes: Uint8Array; readonly hashes: ResponseHashes };
  /** The comment behind `[DONE]`. */
  receipt(signed: SignedReceipt): Uint8Array;
}

/**
 * A writer whose content is sealed to the client's key: one key agreement for the whole answer.
 * @param clientKey 65 bytes from the request's header
 * @throws {WireError} `invalid_public_key` when that is no point on the curve
 * @see spec/protocol.md, "Sealed answers"
 */
export async function createSealedWriter(backend: CryptoBackend, clientKey: Uint8Array, head: ResponseHead): Promise<ResponseWriter> {
  const ephemeral = backend.createKeyPair();
  const aead = await deriveEnvelopeKey(backend, ephemeral.secretKey, clientKey);
  // Best effort: JavaScript gives no promise that no copy was made.
  ephemeral.secretKey.fill(0);
  if (!aead) throw new WireError("invalid_public_key");
  return createWriter(backend, head, createEnvelopeSealer(backend, aead, ephemeral.publicKey));
}

/** A writer for `tee-*` models: the same chunks, in plaintext. */
export function createPlainWriter(backend: CryptoBackend, head: ResponseHead): ResponseWriter {
  return createWriter(backend, head, undefined);
}

function createWriter(backend: CryptoBackend, { id, model, created }: ResponseHead, sealer: EnvelopeSealer | undefined): ResponseWriter {
  const transcript = createTranscript(backend);
  const shared = { id, object: "chat.completion.chunk", created, model };

  function emit(text: string): Uint8Array {
    const bytes = utf8(text);
    transcript.addBytes(bytes);
    return bytes;
  }

  const chunk = (delta: object, finishReason: FinishReason | null) =>
    writeSseData(JSON.stringify({ ...shared, choices: [{ index: 0, delta, finish_reason: finishReason }] }));

  function field(name: SealedField, text: string | undefined): Awaitable<string> {
    if (text === undefined || text === "") return "";
    if (!sealer) return chunk({ [name]: text }, null);
    return andThen(sealer.seal(text), ({ bytes, hex }) => {
      transcript.addEnvelope(0, name, bytes);
      return chunk({ [name]: hex }, null);
    });
  }

  return {
    start: () => emit(chunk({ role: "assistant" }, null)),

    delta: ({ content, reasoning }) =>
      andThen(field("reasoning_content", reasoning), (first) => andThen(field("content", content), (second) => emit(first + second))),

    finish(reason, usage) {
      const last = usage ? writeSseData(JSON.stringify({ ...shared, choices: [], usage })) : "";
      const bytes = emit(chunk({}, reason) + last + writeSseData(SSE_DONE));
      return { bytes, hashes: transcript.digest() };
    },

    receipt: (signed) => utf8(writeSseComment(receiptComment(signed))),
  };
}
