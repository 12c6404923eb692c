import { isJsonObject, type JsonObject } from "./chat-fields.ts";
import { RefusalError } from "./refusals.ts";
import { findStreamError, type StreamError } from "./stream-error.ts";
import { findText, isTextless, namedBelow } from "./textless.ts";

/** What one event of an answer's stream is: an error, a chunk, or nothing but a sign of life. */
export interface StreamEvent {
  readonly error?: StreamError;
  /** Without `choices` it carries no text. */
  readonly chunk?: JsonObject;
}

/** Texts beside an answer's own: what names the event, the answer and who gave it. */
const LABELS: ReadonlySet<string> = new Set(["id", "object", "type", "model", "system_fingerprint", "service_tier"]);

/**
 * Reads one event of a stream of chat completion chunks.
 * @param data of the event
 * @param name the event's own, where the stream gives it one
 * @throws {RefusalError} `malformed_answer` for what is neither, such as text in an event without `choices`: nobody knows
 *   whose it would be
 * @see spec/protocol.md, "Opening an answer"
 */
export function parseStreamEvent(data: string, name: string | undefined): StreamEvent {
  const event = parseData(data);
  const error = findStreamError(isJsonObject(event) ? event : data, name === "error");
  if (error) return { error };
  if (!isJsonObject(event)) {
    if (event === undefined || !isTextless(event)) throw new RefusalError("malformed_answer");
    return {};
  }
  if (event["choices"] === undefined || event["choices"] === null) {
    const text = findText(event, LABELS);
    if (text !== undefined) throw new RefusalError("malformed_answer", namedBelow("event", text));
  }
  return { chunk: event };
}

/** @returns undefined for what is no JSON; null for nothing at all, which some servers send to keep a connection alive */
function parseData(data: string): unknown {
  try {
    return data.trim() === "" ? null : JSON.parse(data);
  } catch {
    // A runtime's own text quotes what it stumbled over.
    return undefined;
  }
}
