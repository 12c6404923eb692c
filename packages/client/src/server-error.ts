import { type ErrorAction, LIMITS, WIRE_ERRORS, type WireErrorCode } from "@bauta/protocol";
import { type Body, readWhole } from "./body.ts";
import { ClientError, type ServerErrorDetails } from "./errors.ts";
import { printableLine } from "./printable.ts";

const MAX_MESSAGE_CHARACTERS = 300;
const MAX_RETRY_AFTER_SECONDS = 86_400;

/** How much of a server's wording may be repeated. */
export interface Quoting {
  /** Removed from the server's text, should it repeat the key. */
  readonly apiKey: string;
  /** False where the server knows the prompt (`tee-*`): then only the catalogue's own texts are repeated. */
  readonly freeText: boolean;
}

/**
 * Reads an answer with an error status. Three shapes are known: `{"error":{message,code}}`, `{"error":"…"}` and
 * `{"message":"…"}`; anything else leaves the status alone to speak.
 */
export async function readServerError(status: number, headers: Headers, body: Body, quoting: Quoting): Promise<ServerErrorDetails> {
  const whole = await readWhole(body, LIMITS.sseEventBytes);
  body.cancel();
  let answer: unknown;
  try {
    answer = whole && JSON.parse(new TextDecoder().decode(whole.bytes));
  } catch {
    answer = undefined;
  }
  const { code, message, param } = findText(answer);
  const quoted = quoteServerText({ code, message }, quoting);
  const named = quoting.freeText || catalogueCode(code) ? paramOf(param, quoting) : undefined;
  return { status, ...quoted, param: named, retryAfterSeconds: parseRetryAfter(headers.get("retry-after")) };
}

/** What may be repeated of a server's code and message. */
export function quoteServerText(
  said: { readonly code: unknown; readonly message: unknown },
  { apiKey, freeText }: Quoting,
): Pick<ServerErrorDetails, "code" | "message"> {
  const known = catalogueCode(said.code);
  if (known) return { code: known, message: WIRE_ERRORS[known].message };
  const inCatalogue = Object.values(WIRE_ERRORS).some((entry) => entry.message === said.message);
  const message = typeof said.message === "string" && (inCatalogue || freeText) ? said.message.slice(0, 8192) : undefined;
  const code =
    freeText && typeof said.code === "string" && /^[A-Za-z0-9_.-]{1,64}$/.test(said.code) && !said.code.includes(apiKey)
      ? said.code
      : undefined;
  return {
    code,
    message: message === undefined ? undefined : printableLine(message.replaceAll(apiKey, "[API key]"), MAX_MESSAGE_CHARACTERS),
  };
}

/** The error that a caller gets for such an answer. */
export function serverError(server: ServerErrorDetails): ClientError {
  const said = [server.param, server.message ?? server.code].filter((part) => part !== undefined).join(": ");
  const message = `the server answered with status ${server.status}${said === "" ? "" : `: ${said}`} (the server's word: a hint, not a fact)`;
  return new ClientError("server_error", message, { server }, actionFor(server));
}

function actionFor({ status, code }: ServerErrorDetails): ErrorAction {
  const known = catalogueCode(code);
  if (known && WIRE_ERRORS[known].status === status) return WIRE_ERRORS[known].action;
  if (status === 421) return "re-attest";
  if (status === 408 || status === 429 || status >= 500) return "retry";
  return status === 401 || status === 402 || status === 403 ? "stop" : "fix-request";
}

function catalogueCode(code: unknown): WireErrorCode | undefined {
  return typeof code === "string" && Object.hasOwn(WIRE_ERRORS, code) ? (code as WireErrorCode) : undefined;
}

/** A path into the request, such as enclaves name; a name that is longer, or has blanks in it, may be more than one. */
function paramOf(param: unknown, { apiKey }: Quoting): string | undefined {
  const isPath = typeof param === "string" && /^[A-Za-z_][A-Za-z0-9_.[\]-]{0,127}$/.test(param);
  return isPath && !param.includes(apiKey) ? param : undefined;
}

function findText(answer: unknown): { readonly code: unknown; readonly message: unknown; readonly param: unknown } {
  if (typeof answer !== "object" || answer === null) return { code: undefined, message: undefined, param: undefined };
  const { error, message, code, param } = answer as Readonly<Record<string, unknown>>;
  if (typeof error === "object" && error !== null) {
    const inner = error as Readonly<Record<string, unknown>>;
    return { code: inner["code"], message: inner["message"], param: inner["param"] };
  }
  return { code, message: error ?? message, param };
}

/** Seconds only: a date would need the server's clock to be ours. */
function parseRetryAfter(value: string | null): number | undefined {
  if (value === null || !/^\d{1,9}$/.test(value.trim())) return undefined;
  return Math.min(Number(value), MAX_RETRY_AFTER_SECONDS);
}
