import {
  type CryptoBackend,
  createSseParser,
  createTranscript,
  LIMITS,
  parseReceiptComment,
  type ResponseHashes,
  SSE_DONE,
  SseError,
  type SseEvent,
  type SseParser,
  type Usage,
} from "@bauta/protocol";
import { parseStreamEvent, RefusalError, type ResponseEnd } from "@bauta/protocol/client";
import type { AnswerReader } from "../answer.ts";
import { type Chunk, isJsonObject } from "./chunk.ts";
import { createChoiceReader } from "./read-choice.ts";

/** What a stream of chunks told beside its text. */
export type ChunkFacts = Pick<ResponseEnd, "requestId" | "finishReason" | "usage" | "error">;

/** Takes the chunks of one stream apart, in the order in which they came. */
export interface ChunkParser {
  /**
   * @returns the chunks that these bytes completed, as OpenAI writes them: without errors and signs of life, null for an
   *   empty finish reason, each piece of a tool call under the index of its call; and how many of the bytes `[DONE]` and
   *   all before it take, once it is among them
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
  const choiceReader = createChoiceReader();
  let facts: ChunkFacts = { requestId: undefined, finishReason: undefined, usage: undefined, error: undefined };
  let receipt: ResponseEnd["receipt"];
  let ended = false;
  let received = 0;

  function take(data: string, name: string | undefined): Chunk | undefined {
    const { error, chunk } = parseStreamEvent(data, name);
    if (error) facts = { ...facts, error };
    if (!chunk) return undefined;
    const { usage } = chunk;
    const choices = chunk["choices"] ?? [];
    if (!Array.isArray(choices)) throw new RefusalError("malformed_answer", "choices");
    const read = choices.map((choice: unknown, i) => choiceReader.read(choice, `choices[${i}]`, choices.length === 1));
    facts = {
      requestId: facts.requestId ?? shortText(chunk["id"]),
      finishReason: facts.finishReason ?? read.find(({ finish_reason: reason }) => reason !== null)?.finish_reason ?? undefined,
      usage: parseUsage(usage) ?? facts.usage,
      error: facts.error,
    };
    return chunk["choices"] || isJsonObject(usage) ? { ...chunk, choices: read } : undefined;
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
      for (const { data, name, comments, endOffset } of parse(parser, bytes)) {
        if (ended) {
          for (const comment of comments) receipt ??= parseReceiptComment(comment);
        } else if (data === SSE_DONE) {
          choiceReader.end();
          ended = true;
          doneAt = endOffset - start;
        } else if (data !== undefined) {
          const chunk = take(data, name);
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
