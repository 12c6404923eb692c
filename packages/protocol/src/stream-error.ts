import { isJsonObject, type JsonObject } from "./chat-fields.ts";
import { isTextless } from "./textless.ts";

/** What a server said was wrong, in the middle of an answer. Whoever relays could have written it: a hint, not a fact. */
export interface StreamError {
  readonly code: string | undefined;
  readonly message: string | undefined;
}

const MAX_CODE_CHARACTERS = 64;
const MAX_MESSAGE_CHARACTERS = 1024;

/**
 * The error that an event of a stream reports, in any of the shapes that servers give it: an `error` that is an object, a
 * text or a number, of the event or of its choice; an event that is itself the error, by its `object` or `type`; or, where
 * the stream named the event `error`, whatever stands in it.
 * @param event a parsed event, or the text of one that the stream named an error and that is no JSON object
 */
export function findStreamError(event: JsonObject | string, namedError = false): StreamError | undefined {
  if (typeof event === "string") return namedError ? describe(event, {}) : undefined;
  const { error, object, type, choices } = event;
  if (!isNone(error)) return describe(error, event);
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  if (isJsonObject(choice) && !isNone(choice["error"])) return describe(choice["error"], {});
  const isAnswer = Array.isArray(choices) && choices.length > 0;
  if (namedError || object === "error" || type === "error") return describe(event, {});
  // As frameworks in front of an engine report what was thrown.
  return !isAnswer && !isNone(event["detail"]) ? describe({ message: event["detail"] }, event) : undefined;
}

/** What servers write where there is no error. */
function isNone(error: unknown): boolean {
  return error === false || error === 0 || (typeof error !== "number" && error !== true && isTextless(error) && !isJsonObject(error));
}

function describe(error: unknown, around: JsonObject): StreamError {
  if (!isJsonObject(error)) return { code: codeOf(around["code"]), message: textOf(error) ?? textOf(around["message"]) };
  const message = [error["message"], error["error"], error["detail"], error["msg"]].map(textOf).find((text) => text !== undefined);
  return { code: codeOf(error["code"]) ?? codeOf(error["type"]), message };
}

function codeOf(value: unknown): string | undefined {
  if (Number.isSafeInteger(value)) return String(value);
  return typeof value === "string" && value !== "" && value.length <= MAX_CODE_CHARACTERS ? value : undefined;
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "" ? value.slice(0, MAX_MESSAGE_CHARACTERS) : undefined;
}
