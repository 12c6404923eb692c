import type { CryptoBackend, KeyPair } from "./backend.ts";
import type { FinishReason, Usage } from "./chat-request.ts";
import { type ChunkOpener, createPlainChunkOpener, createSealedChunkOpener } from "./open-response.ts";
import { parseReceiptComment } from "./receipt.ts";
import { RefusalError } from "./refusals.ts";
import type { StreamError } from "./stream-error.ts";
import { createSseParser, SSE_DONE, SseError, type SseEvent } from "./sse.ts";
import { createTranscript, type ResponseHashes } from "./transcript.ts";

export interface ResponseDelta {
  readonly content: string;
  readonly reasoning: string;
}

/** What is known of an answer once its stream has ended. */
export interface ResponseEnd {
  /** `[DONE]` arrived, after a finish reason. An answer without it is incomplete, whatever else it says. */
  readonly complete: boolean;
  readonly requestId: string | undefined;
  readonly finishReason: FinishReason | undefined;
  readonly usage: Usage | undefined;
  /** What the server said was wrong: a hint. */
  readonly error: StreamError | undefined;
  /** Over the bytes up to the end of `[DONE]`; undefined when there was none. */
  readonly hashes: ResponseHashes | undefined;
  /** The receipt that came behind `[DONE]`, unverified. */
  readonly receipt: { readonly receipt: unknown; readonly signature: string } | undefined;
}

export interface ResponseReader {
  /**
   * Takes the next bytes of the HTTP content, split anywhere; returns the text that they completed.
   * @throws {RefusalError} when the stream holds what a sealed answer never does; nothing may be read after that
   */
  push(bytes: Uint8Array): Promise<ResponseDelta[]>;
  /** True once `[DONE]` has arrived: only a receipt may follow. */
  readonly ended: boolean;
  /** True once `[DONE]` and its receipt have arrived: no more need be read. */
  readonly done: boolean;
  /** @throws {RefusalError} when the sealed text ended within a character */
  end(): ResponseEnd;
}

/**
 * Reads a sealed answer from the bytes of its stream.
 * @param modelKey 65 bytes of the attested key
 */
export function createSealedReader(backend: CryptoBackend, clientKey: KeyPair, modelKey: Uint8Array): ResponseReader {
  const transcript = createTranscript(backend);
  return createReader(transcript, createSealedChunkOpener(backend, clientKey, modelKey, transcript));
}

/** Reads a streamed answer in plaintext (`tee-*` models). */
export function createPlainReader(backend: CryptoBackend): ResponseReader {
  return createReader(createTranscript(backend), createPlainChunkOpener());
}

function createReader(transcript: ReturnType<typeof createTranscript>, opener: ChunkOpener): ResponseReader {
  const parser = createSseParser();
  let received = 0;
  let hashes: ResponseHashes | undefined;
  let requestId: string | undefined;
  let finishReason: FinishReason | undefined;
  let usage: Usage | undefined;
  let error: ResponseEnd["error"];
  let receipt: ResponseEnd["receipt"];

  function parse(bytes: Uint8Array): SseEvent[] {
    try {
      return parser.push(bytes);
    } catch (cause) {
      throw cause instanceof SseError ? new RefusalError("malformed_answer") : cause;
    }
  }

  async function take(data: string, name: string | undefined): Promise<ResponseDelta | undefined> {
    const chunk = await opener.open(data, name);
    requestId ??= chunk.id;
    usage = chunk.usage ?? usage;
    error = chunk.error ?? error;
    const delta = chunk.content !== "" || chunk.reasoning !== "";
    // Text behind the finish reason would be shown as part of an answer that had ended.
    if (delta && finishReason !== undefined) throw new RefusalError("malformed_answer", "choices[0].finish_reason");
    finishReason = chunk.finishReason ?? finishReason;
    return delta ? { content: chunk.content, reasoning: chunk.reasoning } : undefined;
  }

  return {
    get ended() {
      return hashes !== undefined;
    },

    get done() {
      return hashes !== undefined && receipt !== undefined;
    },

    async push(bytes) {
      const start = received;
      received += bytes.length;
      const deltas: ResponseDelta[] = [];
      for (const event of parse(bytes)) {
        if (hashes !== undefined) {
          for (const comment of event.comments) receipt ??= parseReceiptComment(comment);
          continue;
        }
        if (event.data === undefined) continue;
        if (event.data === SSE_DONE) {
          transcript.addBytes(bytes.subarray(0, event.endOffset - start));
          hashes = transcript.digest();
          continue;
        }
        const delta = await take(event.data, event.name);
        if (delta) deltas.push(delta);
      }
      if (hashes === undefined) transcript.addBytes(bytes);
      return deltas;
    },

    end() {
      opener.end();
      const complete = hashes !== undefined && finishReason !== undefined && error === undefined;
      return { complete, requestId, finishReason, usage, error, hashes, receipt };
    },
  };
}
