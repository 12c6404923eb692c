import { createSseParser, SSE_DONE, SseError, type SseEvent } from "@bauta/protocol";
import type { AnswerReader } from "../answer.ts";
import { parseRequestId } from "../request-id.ts";
import { isJsonObject } from "./chunk.ts";

/** What the first chunks of a sealed answer say in clear. A hint: whoever relays could have written it. */
export interface HeadHint {
  readonly id: string | undefined;
  /** Seconds since 1970. */
  readonly created: number | undefined;
}

export interface HintedReader<Piece> extends AnswerReader<Piece> {
  readonly hint: HeadHint;
}

/** Notes the id and the time that an answer's first chunk names in clear; the reader itself judges all of it. */
export function withHeadHint<Piece>(reader: AnswerReader<Piece>): HintedReader<Piece> {
  let parser: ReturnType<typeof createSseParser> | undefined = createSseParser();
  let hint: HeadHint = { id: undefined, created: undefined };

  function look(bytes: Uint8Array): void {
    let events: SseEvent[];
    try {
      events = parser?.push(bytes) ?? [];
    } catch (error) {
      if (!(error instanceof SseError)) throw error;
      parser = undefined;
      return;
    }
    const data = events.find((event) => event.data !== undefined)?.data;
    if (data === undefined) return;
    parser = undefined;
    if (data !== SSE_DONE) hint = readHint(data);
  }

  return {
    awaits: reader.awaits,
    get ended() {
      return reader.ended;
    },
    get done() {
      return reader.done;
    },
    get hint() {
      return hint;
    },
    push(bytes) {
      if (parser) look(bytes);
      return reader.push(bytes);
    },
    end: () => reader.end(),
  };
}

function readHint(data: string): HeadHint {
  let chunk: unknown;
  try {
    chunk = JSON.parse(data);
  } catch {
    chunk = undefined;
  }
  if (!isJsonObject(chunk)) return { id: undefined, created: undefined };
  const { id, created } = chunk;
  const isTime = Number.isSafeInteger(created) && (created as number) >= 0;
  return { id: parseRequestId(typeof id === "string" ? id : undefined), created: isTime ? (created as number) : undefined };
}
