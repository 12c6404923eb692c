import { concatBytes, type CryptoBackend, findStreamError, type FinishReason, SSE_DONE, toHex } from "@bauta/protocol";
import { type BodyOpener, RefusalError } from "@bauta/protocol/client";
import type { AnswerReader } from "../answer.ts";
import { type Chunk, isJsonObject, type JsonObject } from "./chunk.ts";
import { createChunkParser, parseUsage } from "./read-chunks.ts";

/** One event of a stream sealed whole: as large as a frame may be. */
const MAX_EVENT_BYTES = 4 * 1024 * 1024;
/** An answer that is one JSON value: thousands of embeddings. */
const MAX_WHOLE_BYTES = 64 * 1024 * 1024;

/**
 * Reads a streamed answer that was sealed whole. Its receipt covers the frames as they came, all of them, so that it is
 * read to the end of the connection.
 */
export function createOpenedStreamReader(backend: CryptoBackend, opener: BodyOpener): AnswerReader<Chunk> {
  const hash = backend.createSha256();
  const parser = createChunkParser(MAX_EVENT_BYTES);
  return {
    awaits: SSE_DONE,
    get ended() {
      return parser.ended;
    },
    done: false,
    async push(bytes) {
      hash.update(bytes);
      const chunks: Chunk[] = [];
      for (const plaintext of await opener.push(bytes)) chunks.push(...parser.push(plaintext).chunks);
      return chunks;
    },
    end() {
      opener.end();
      const { facts, ended } = parser;
      const hashes = ended ? { responseSha256: toHex(hash.digest()), envelopesSha256: "" } : undefined;
      const complete = ended && facts.finishReason !== undefined && facts.error === undefined;
      return { ...facts, complete, hashes, receipt: undefined };
    },
  };
}

export interface WholeReader extends AnswerReader<never> {
  /** The answer, once it has come whole. */
  readonly value: () => JsonObject | undefined;
}

/** Reads an answer that is one JSON value, sealed whole. */
export function createOpenedWholeReader(backend: CryptoBackend, opener: BodyOpener): WholeReader {
  const hash = backend.createSha256();
  let parts: Uint8Array[] = [];
  let length = 0;
  let value: JsonObject | undefined;
  return {
    awaits: "its JSON was whole",
    ended: false,
    done: false,
    async push(bytes) {
      hash.update(bytes);
      for (const plaintext of await opener.push(bytes)) {
        length += plaintext.length;
        if (length > MAX_WHOLE_BYTES) throw new RefusalError("malformed_answer");
        parts.push(plaintext);
      }
      return [];
    },
    end() {
      opener.end();
      value = parseWhole(concatBytes(...parts));
      parts = [];
      const error = value && findStreamError(value);
      return {
        complete: value !== undefined && error === undefined,
        requestId: typeof value?.["id"] === "string" ? value["id"] : undefined,
        finishReason: findFinishReason(value),
        usage: parseUsage(value?.["usage"]),
        error,
        hashes: { responseSha256: toHex(hash.digest()), envelopesSha256: "" },
        receipt: undefined,
      };
    },
    value: () => value,
  };
}

function parseWhole(bytes: Uint8Array): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function findFinishReason(value: JsonObject | undefined): FinishReason | undefined {
  const choice: unknown = Array.isArray(value?.["choices"]) ? value["choices"][0] : undefined;
  const reason = isJsonObject(choice) ? choice["finish_reason"] : undefined;
  return typeof reason === "string" && /^[a-z_]{1,32}$/.test(reason) ? (reason as FinishReason) : undefined;
}
