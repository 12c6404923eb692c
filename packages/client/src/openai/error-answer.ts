import { RefusalError } from "@bauta/protocol/client";
import { ClientError, type ClientErrorCode } from "../errors.ts";

/** OpenAI's shape of an error, which its clients read status, message, code and param from. */
export interface ErrorBody {
  readonly error: { readonly message: string; readonly type: string; readonly code: string; readonly param: string | null };
}

const STATUSES: Readonly<Record<Exclude<ClientErrorCode, "server_error">, number>> = {
  invalid_option: 400,
  invalid_request: 400,
  model_not_private: 400,
  gateway_visible: 400,
  path_not_private: 400,
  attestation_refused: 403,
  evidence_malformed: 502,
  collateral_unavailable: 503,
  network_failed: 502,
  timeout: 504,
  answer_too_large: 502,
  answer_malformed: 502,
  answer_unverified: 502,
  answer_incomplete: 502,
};

/**
 * The answer that tells a caller's OpenAI client of an error: these show what a status comes with, and hide or repeat what
 * a `fetch` throws.
 * @throws what is no matter of an answer: the caller's own abort reason, and a `TypeError` where nothing was sent, as `fetch`
 */
export function answerError(error: unknown): Response {
  // OpenAI's clients repeat what throws.
  if (error instanceof ClientError && error.code === "network_failed" && error.details.mayHaveArrived !== true) {
    throw new TypeError("fetch failed", { cause: error });
  }
  if (!(error instanceof ClientError) && !(error instanceof RefusalError)) throw error;
  const status = statusOf(error);
  const retryAfter = error instanceof ClientError ? error.details.server?.retryAfterSeconds : undefined;
  const isServers = error instanceof ClientError && error.code === "server_error";
  const hadNotBegun = isServers && (status === 429 || status === 503);
  return new Response(JSON.stringify(errorBody(error)), {
    status,
    headers: {
      "content-type": "application/json",
      "cache-control": "no-store",
      ...(retryAfter !== undefined && { "retry-after": String(retryAfter) }),
      // OpenAI's clients repeat requests by themselves. What this client refused or withheld would only be refused again, and
      // after any other error a relay may have had the enclave answer, and would have it do so once more.
      ...(!hadNotBegun && { "x-should-retry": "false" }),
    },
  });
}

/** The JSON of such an answer, which is also the event that ends a stream. */
export function errorBody(error: ClientError | RefusalError): ErrorBody {
  const param = error instanceof RefusalError ? error.field : (error.details.field ?? error.details.server?.param);
  const code = (error instanceof ClientError ? error.details.server?.code : undefined) ?? error.code;
  return { error: { message: error.message, type: typeOf(error), code, param: param ?? null } };
}

function statusOf(error: ClientError | RefusalError): number {
  if (error instanceof RefusalError) return error.action === "fix-request" ? 400 : 502;
  if (error.code !== "server_error") return STATUSES[error.code];
  const status = error.details.server?.status ?? 502;
  return status >= 400 && status <= 599 ? status : 502;
}

function typeOf(error: ClientError | RefusalError): string {
  if (error.action === "fix-request") return "invalid_request_error";
  const isServers = error.code === "server_error" || error.code === "timeout" || error.code === "network_failed";
  return isServers ? "server_error" : "tee_error";
}
