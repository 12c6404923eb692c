/** What the caller should do about an error. */
export type ErrorAction = "fix-request" | "retry" | "re-attest" | "stop";

interface Entry {
  readonly status: number;
  readonly type: string;
  readonly message: string;
  readonly action: ErrorAction;
}

const request = (status: number, message: string): Entry => ({
  status,
  type: "invalid_request_error",
  message,
  action: "fix-request",
});

/**
 * Every error that may cross the wire in clear: code → status, type, message, action.
 * Texts are fixed, so that no error can carry a prompt; `param` names the field that was at fault.
 * @see docs/errors.md
 */
export const WIRE_ERRORS = {
  attestation_failed: { status: 502, type: "tee_error", message: "TEE attestation verification failed", action: "stop" },
  nonce_mismatch: { status: 502, type: "tee_error", message: "Attestation nonce mismatch", action: "retry" },
  debug_mode: { status: 502, type: "tee_error", message: "TDX debug mode detected", action: "stop" },
  invalid_nonce: request(400, "Nonce must be exactly 32 bytes"),
  streaming_required: request(400, "E2EE requires streaming"),
  field_not_hex: request(400, "Encrypted field is not valid hex"),
  field_not_opened: { status: 400, type: "invalid_request_error", message: "Failed to decrypt field", action: "re-attest" },
  key_config: {
    status: 422,
    type: "tee_error",
    message: "The body is not sealed to an HPKE key of this enclave: attest again and seal to the new key",
    action: "re-attest",
  },
  sealed_body_required: request(
    400,
    "This resource takes sealed bodies only: seal the request to the hpke_key_config of the enclave's keys statement",
  ),
  headers_mixed: request(400, "A sealed body takes no client key and no signing algorithm: leave these E2EE headers out"),
  body_not_opened: request(400, "Failed to open the sealed body"),
  binding_mismatch: request(400, "What is sealed in the body differs from the request line or the Bauta-Model header"),
  body_replayed: request(400, "This sealed body was received before: seal each request anew"),
  body_expired: request(400, "The sealed body's time is too far from the enclave's: check the clock and seal the request anew"),
  invalid_public_key: request(400, "Invalid public key"),
  headers_required: request(400, "E2EE headers required"),
  headers_incomplete: request(400, "E2EE headers are incomplete: send the client key, the model key and the signing algorithm together"),
  headers_unexpected: request(400, "This model is not end-to-end encrypted: use its e2ee- counterpart, or leave the E2EE headers out"),
  signing_algorithm: request(400, "Unsupported signing algorithm: X-Venice-TEE-Signing-Algo must be ecdsa"),
  not_sealable: request(400, "This field cannot be used with E2EE: it would travel, or come back, unencrypted"),
  multiple_choices: request(400, "E2EE answers with one choice: leave n out or set it to 1"),
  web_search: request(400, "Web search is disabled with E2EE: it would send the prompt elsewhere"),
  content_parts: request(
    400,
    "Message content must be a string: this model takes no content arrays, images or files over this protocol version",
  ),
  tools_unsupported: request(400, "Tools and functions are not supported by this model"),
  unsupported_field: request(400, "This field is not supported by this model"),
  invalid_field: request(400, "This field has a value of the wrong type or out of range"),
  invalid_json: request(400, "The request body is not valid JSON in UTF-8"),
  invalid_client_nonce: request(400, "Bauta-Nonce must be 64 hexadecimal digits"),
  context_length: request(400, "The conversation does not fit into this model's context"),
  malformed_request: request(400, "The HTTP request is malformed"),
  missing_field: request(400, "A required field is missing"),
  unauthorized: {
    status: 401,
    type: "authentication_error",
    message: "Missing or unknown API key: send Authorization: Bearer <key>",
    action: "stop",
  },
  model_not_found: request(404, "Model not found: GET /models lists the models that this key can use"),
  not_found: request(404, "No such resource on this server"),
  receipt_not_found: request(404, "No receipt for this request id: it is unknown, not finished, or no longer kept"),
  method_not_allowed: request(405, "This resource does not take that HTTP method"),
  request_timeout: { status: 408, type: "invalid_request_error", message: "The request took too long to arrive", action: "retry" },
  too_large: request(413, "The request body is too large"),
  content_encoding: request(415, "Compressed request bodies are not accepted: receipts cover the bytes as sent"),
  unsupported_media_type: request(415, "Send the request body as application/json"),
  unknown_model_key: {
    status: 421,
    type: "tee_error",
    message: "No enclave holds this model key any more: attest again and encrypt to the new key",
    action: "re-attest",
  },
  headers_too_large: request(431, "The request's headers are too large"),
  rate_limited: { status: 429, type: "rate_limit_error", message: "Too many requests: wait as long as Retry-After says", action: "retry" },
  internal: { status: 500, type: "server_error", message: "The server failed to handle this request", action: "retry" },
  engine_failed: { status: 502, type: "server_error", message: "The inference engine failed to answer", action: "retry" },
  enclave_unreachable: { status: 503, type: "server_error", message: "The model's enclave cannot be reached", action: "retry" },
  overloaded: { status: 503, type: "server_error", message: "The model is at capacity: wait as long as Retry-After says", action: "retry" },
  unavailable: {
    status: 503,
    type: "server_error",
    message: "The server cannot answer right now: wait as long as Retry-After says",
    action: "retry",
  },
  shutting_down: { status: 503, type: "server_error", message: "The server is shutting down", action: "retry" },
} as const satisfies Record<string, Entry>;

/**
 * `key_config` is served as a problem, which clients of EHBP know by its type. A problem may have members of its own, so
 * that `error` can stand beside `type` and `title` for everybody else.
 * @see RFC 9457
 */
export const KEY_CONFIG_PROBLEM = {
  mediaType: "application/problem+json",
  type: "urn:ietf:params:ehbp:error:key-config",
} as const;

export type WireErrorCode = keyof typeof WIRE_ERRORS;

/** The JSON body of an error: `{"error":{message,type,code,param}}`. */
export interface WireErrorBody {
  readonly error: { readonly message: string; readonly type: string; readonly code: string; readonly param: string | null };
}

/** An error of the catalogue, as thrown by the enclave and the gateway. Holds no body, key or prompt. */
export class WireError extends Error {
  override readonly name = "WireError";
  readonly code: WireErrorCode;
  readonly status: number;
  readonly action: ErrorAction;
  /** The field at fault, such as `messages[2].content`; built from names and numbers only. */
  readonly param: string | null;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: WireErrorCode, details: { param?: string; retryAfterSeconds?: number; cause?: unknown } = {}) {
    const entry = WIRE_ERRORS[code];
    super(entry.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.status = entry.status;
    this.action = entry.action;
    this.param = details.param ?? null;
    this.retryAfterSeconds = details.retryAfterSeconds;
  }

  toBody(): WireErrorBody {
    return { error: { message: this.message, type: WIRE_ERRORS[this.code].type, code: this.code, param: this.param } };
  }
}
