interface Entry {
  readonly status: number;
  readonly type: string;
  readonly message: string;
}

const refused = (status: number, message: string): Entry => ({ status, type: "invalid_request_error", message });

/** Every error that this proxy makes itself: code → status, type, message. Texts are fixed, so that none carries a prompt. */
export const PROXY_ERRORS = {
  foreign_host: refused(
    403,
    "This proxy does not answer to the name in the request's Host header: call it by the address that it listens on, or allow the name",
  ),
  foreign_origin: refused(
    403,
    "This proxy takes no requests from web pages of other origins: call it from a program, or allow the page's origin by name",
  ),
  unauthorized: {
    status: 401,
    type: "authentication_error",
    message: "This proxy was given a key of its own: send Authorization: Bearer <local key>, which is not the server's API key",
  },
  not_found: refused(404, "This proxy serves /v1/chat/completions, /v1/embeddings and /v1/models, and /, /verification and /healthz"),
  model_not_found: refused(404, "No model of that name is listed: GET /v1/models lists those that can be used through this proxy"),
  method_not_allowed: refused(405, "This resource does not take that HTTP method"),
  invalid_model: refused(400, "model must be the name of a model: 1 to 256 printable characters without spaces"),
  invalid_text: refused(400, "The request body is not text in UTF-8"),
  too_large: refused(413, "The request body is larger than this proxy takes"),
  unsupported_media_type: refused(415, "Send the request body as Content-Type: application/json, uncompressed"),
  client_gone: refused(499, "The caller closed the request"),
  internal: { status: 500, type: "server_error", message: "The proxy failed to handle this request" },
  upstream_failed: { status: 502, type: "server_error", message: "The server could not be asked" },
  upstream_timeout: { status: 504, type: "server_error", message: "The server did not answer in time" },
} as const satisfies Record<string, Entry>;

export type ProxyErrorCode = keyof typeof PROXY_ERRORS;

/** An answer of this proxy's own, and the code of the error that it is. */
export interface Refused {
  readonly response: Response;
  readonly code: string;
}

/**
 * An error answer in OpenAI's shape, which its client libraries show as it is.
 * @param details.message replaces the fixed text; never anything that a request or an answer held
 * @param details.code replaces the code, not the status
 */
export function refuse(
  error: ProxyErrorCode,
  details: { readonly message?: string; readonly code?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Refused {
  const { status, type, message } = PROXY_ERRORS[error];
  const code = details.code ?? error;
  const body = { error: { message: details.message ?? message, type, code, param: null } };
  return { response: Response.json(body, { status, headers: { ...details.headers } }), code };
}
