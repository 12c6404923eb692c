import { LIMITS } from "./limits.ts";

/** One block of a stream: what stands between two blank lines. */
export interface SseEvent {
  /** The `data` lines joined by line feeds; undefined for a block of comments only. */
  readonly data: string | undefined;
  /** The `event` line's value; undefined for events without, which are messages. */
  readonly name: string | undefined;
  /** Text after the colon of each comment line, without one leading space. */
  readonly comments: readonly string[];
  /**
   * Bytes of the stream up to and including the blank line that ended this block. Where CRLF ends it, its line feed is
   * not counted: it may be yet to come, and the offset must not depend on how the stream was split.
   */
  readonly endOffset: number;
}

/** A stream that is not server-sent events within our limits. Says nothing of its content. */
export class SseError extends Error {
  override readonly name = "SseError";
  readonly code: "event_too_large" | "not_utf8";

  constructor(code: "event_too_large" | "not_utf8", message: string) {
    super(message);
    this.code = code;
  }
}

export interface SseParser {
  /** Takes the next bytes, split anywhere; returns the blocks that they completed, in order. */
  push(bytes: Uint8Array): SseEvent[];
  /** True when bytes of an unfinished block remain: the stream was cut. */
  readonly pending: boolean;
}

const LF = 0x0a;
const CR = 0x0d;

/**
 * Reads server-sent events from bytes, since receipts hash bytes: every block knows where it ended.
 * Lines end with LF, CRLF or CR; a block without its blank line is never returned.
 * @throws {SseError} from `push` when a block exceeds `maxEventBytes` or is not UTF-8
 * @see WHATWG HTML §9.2.6
 */
export function createSseParser(maxEventBytes: number = LIMITS.sseEventBytes): SseParser {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  /** An unfinished line, in one buffer however many pieces it came in. */
  let carry = new Uint8Array(256);
  let carried = 0;
  let blockBytes = 0;
  let offset = 0;
  let firstLine = true;
  let afterCr = false;
  let data: string | undefined;
  let name: string | undefined;
  let comments: string[] = [];

  function keep(rest: Uint8Array): void {
    if (carried + rest.length > carry.length) {
      const larger = new Uint8Array(Math.max(2 * carry.length, carried + rest.length));
      larger.set(carry.subarray(0, carried));
      carry = larger;
    }
    carry.set(rest, carried);
    carried += rest.length;
  }

  function endLine(tail: Uint8Array): void {
    if (carried > 0) keep(tail);
    const bytes = carried > 0 ? carry.subarray(0, carried) : tail;
    carried = 0;
    let text: string;
    try {
      text = decoder.decode(bytes);
    } catch {
      throw new SseError("not_utf8", "a line of the event stream is not UTF-8");
    }
    if (firstLine && text.startsWith("\ufeff")) text = text.slice(1);
    firstLine = false;
    const colon = text.indexOf(":");
    if (colon === -1) {
      if (text === "data") data = data === undefined ? "" : `${data}\n`;
      return;
    }
    const value = text.slice(text[colon + 1] === " " ? colon + 2 : colon + 1);
    if (colon === 0) comments.push(value);
    else if (text.startsWith("event:")) name = value;
    else if (text.startsWith("data:")) data = data === undefined ? value : `${data}\n${value}`;
  }

  return {
    get pending() {
      return blockBytes > 0;
    },
    push(bytes) {
      const events: SseEvent[] = [];
      let start = 0;
      for (let i = 0; i < bytes.length; i++) {
        const byte = bytes[i];
        if (afterCr) {
          afterCr = false;
          if (byte === LF) {
            start = i + 1;
            continue;
          }
        }
        if (byte !== LF && byte !== CR) continue;
        afterCr = byte === CR;
        const blank = carried === 0 && i === start;
        blockBytes += i + 1 - start;
        if (blockBytes > maxEventBytes) throw tooLarge(maxEventBytes);
        if (!blank) endLine(bytes.subarray(start, i));
        start = i + 1;
        if (!blank) continue;
        firstLine = false;
        blockBytes = 0;
        if (data !== undefined || comments.length > 0) events.push({ data, name, comments, endOffset: offset + i + 1 });
        data = undefined;
        name = undefined;
        comments = [];
      }
      if (start < bytes.length) {
        blockBytes += bytes.length - start;
        if (blockBytes > maxEventBytes) throw tooLarge(maxEventBytes);
        keep(bytes.subarray(start));
      }
      offset += bytes.length;
      return events;
    },
  };
}

function tooLarge(maxEventBytes: number): SseError {
  return new SseError("event_too_large", `an event of the stream is longer than ${maxEventBytes} bytes`);
}

/** One event as text, ready to be written whole: `data: …\n\n`. The data must hold no line break. */
export function writeSseData(data: string): string {
  return `data: ${data}\n\n`;
}

/** One comment block as text. The text must hold no line break. */
export function writeSseComment(text: string): string {
  return `: ${text}\n\n`;
}

/** The data of the event that ends a stream of chat chunks. */
export const SSE_DONE = "[DONE]";
