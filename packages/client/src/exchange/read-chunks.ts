import {
  type CryptoBackend,
  createSseParser,
  createTranscript,
  type FinishReason,
  LIMITS,
  parseReceiptComment,
  type ResponseHashes,
  SSE_DONE,
  SseError,
  type SseEvent,
  type SseParser,
  type Usage,
} from "@bauta/protocol";
import { RefusalError, type ResponseEnd } from "@bauta/protocol/client";
import type { AnswerReader } from "../answer.ts";
import { type Chunk, isJsonObject, type JsonObject } from "./chunk.ts";

/** What a stream of chunks told beside its text. */
export type ChunkFacts = Pick<ResponseEnd, "requestId" | "finishReason" | "usage" | "error">;

/** Takes the chunks of one stream apart, in the order in which they came. */
export interface ChunkParser {
  /**
   * @returns the chunks that these bytes completed, without an error event; and how many of the bytes `[DONE]` and all
   *   before it take, once it is among them
   * @throws {RefusalError} `malformed_answer`
   */
  push(bytes: Uint8Array): { readonly chunks: Chunk[]; readonly doneAt: number | undefined };
  /** `[DONE]` has come: what follows is not looked at but for comments. */
  readonly ended: boolean;
  readonly facts: ChunkFacts;
  /** The receipt that came behind `[DONE]`, unverified. */
  readonly receipt: ResponseEnd["receipt"];
}

/** @param maxEventBytes of one event; answers sealed whole may bring a whole tool call in one */
export function createChunkParser(maxEventBytes: number = LIMITS.sseEventBytes): ChunkParser {
  const parser = createSseParser(maxEventBytes);
  const finished = new Set<number>();
  let facts: ChunkFacts = { requestId: undefined, finishReason: undefined, usage: undefined, error: undefined };
  let receipt: ResponseEnd["receipt"];
  let ended = false;
  let received = 0;

  function take(data: string): Chunk | undefined {
    const chunk = parseObject(data);
    const { error, choices } = chunk;
    if (isJsonObject(error)) {
      facts = { ...facts, error: { code: shortText(error["code"]), message: shortText(error["message"]) } };
      return undefined;
    }
    if (!Array.isArray(choices)) throw new RefusalError("malformed_answer", "choices");
    const reasons = choices.map((choice: unknown, i) => takeChoice(choice, `choices[${i}]`));
    facts = {
      requestId: facts.requestId ?? shortText(chunk["id"]),
      finishReason: facts.finishReason ?? reasons.find((reason) => reason !== undefined),
      usage: parseUsage(chunk["usage"]) ?? facts.usage,
      error: facts.error,
    };
    return chunk;
  }

  function takeChoice(choice: unknown, param: string): FinishReason | undefined {
    if (!isJsonObject(choice) || !Number.isSafeInteger(choice["index"])) throw new RefusalError("malformed_answer", param);
    const index = choice["index"] as number;
    const delta = choice["delta"] ?? {};
    if (!isJsonObject(delta)) throw new RefusalError("malformed_answer", `${param}.delta`);
    // What stands behind the finish reason would be shown as part of an answer that had ended.
    if (finished.has(index) && Object.values(delta).some((value) => value !== undefined && value !== null && value !== "")) {
      throw new RefusalError("malformed_answer", `${param}.finish_reason`);
    }
    const reason = choice["finish_reason"] ?? undefined;
    if (reason === undefined) return undefined;
    if (typeof reason !== "string" || !/^[a-z_]{1,32}$/.test(reason)) throw new RefusalError("malformed_answer", `${param}.finish_reason`);
    finished.add(index);
    return reason as FinishReason;
  }

  return {
    get ended() {
      return ended;
    },
    get facts() {
      return facts;
    },
    get receipt() {
      return receipt;
    },
    push(bytes) {
      const start = received;
      received += bytes.length;
      const chunks: Chunk[] = [];
      let doneAt: number | undefined;
      for (const { data, comments, endOffset } of parse(parser, bytes)) {
        if (ended) {
          for (const comment of comments) receipt ??= parseReceiptComment(comment);
        } else if (data === SSE_DONE) {
          ended = true;
          doneAt = endOffset - start;
        } else if (data !== undefined) {
          const chunk = take(data);
          if (chunk) chunks.push(chunk);
        }
      }
      return { chunks, doneAt };
    },
  };
}

/** Reads an answer that the gateway reads too: its chunks as they are, hashed as its receipt has them. */
export function createClearReader(backend: CryptoBackend): AnswerReader<Chunk> {
  const transcript = createTranscript(backend);
  const parser = createChunkParser();
  let hashes: ResponseHashes | undefined;
  return {
    awaits: SSE_DONE,
    get ended() {
      return parser.ended;
    },
    get done() {
      return parser.ended && parser.receipt !== undefined;
    },
    // oxlint-disable-next-line require-await -- as its interface has it; what it throws is to be a rejection
    async push(bytes) {
      const { chunks, doneAt } = parser.push(bytes);
      if (!hashes) transcript.addBytes(doneAt === undefined ? bytes : bytes.subarray(0, doneAt));
      if (doneAt !== undefined) hashes = transcript.digest();
      return chunks;
    },
    end() {
      const { facts, receipt } = parser;
      const complete = hashes !== undefined && facts.finishReason !== undefined && facts.error === undefined;
      return { ...facts, complete, hashes, receipt };
    },
  };
}

function parse(parser: SseParser, bytes: Uint8Array): SseEvent[] {
  try {
    return parser.push(bytes);
  } catch (error) {
    throw error instanceof SseError ? new RefusalError("malformed_answer") : error;
  }
}

function parseObject(data: string): JsonObject {
  try {
    const value: unknown = JSON.parse(data);
    if (isJsonObject(value)) return value;
  } catch {
    // Refused below: a runtime's own text quotes what it stumbled over.
  }
  throw new RefusalError("malformed_answer");
}

/** Token counts, if all three are there. */
export function parseUsage(value: unknown): Usage | undefined {
  if (!isJsonObject(value)) return undefined;
  const { prompt_tokens, completion_tokens, total_tokens } = value;
  const isCount = (count: unknown) => Number.isSafeInteger(count) && (count as number) >= 0;
  return [prompt_tokens, completion_tokens, total_tokens].every(isCount)
    ? ({ prompt_tokens, completion_tokens, total_tokens } as Usage)
    : undefined;
}

function shortText(value: unknown): string | undefined {
  return typeof value === "string" && value.length <= 256 ? value : undefined;
}
