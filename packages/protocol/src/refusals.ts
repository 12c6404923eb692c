import type { ErrorAction } from "./errors.ts";

/**
 * Why a client refuses, before anything is sent or while an answer arrives. None of these comes from a server.
 * @see docs/errors.md
 */
export const REFUSALS = {
  field_in_clear: {
    message: "this field would travel unencrypted beside the sealed messages; leave it out or allow it by name",
    action: "fix-request",
  },
  content_not_text: { message: "message content must be a string to be sealed", action: "fix-request" },
  invalid_request: { message: "the request is not a chat completion request", action: "fix-request" },
  invalid_model_key: { message: "the model key is not an uncompressed secp256k1 point", action: "re-attest" },
  plaintext_received: { message: "the server sent plaintext where a sealed field belongs", action: "stop" },
  envelope_reflected: { message: "the server sent an envelope made with the client's own or the model's own key", action: "stop" },
  envelope_not_opened: { message: "a sealed field of the answer does not open", action: "stop" },
  unexpected_member: { message: "the answer has a member that a sealed answer never has", action: "stop" },
  invalid_key_config: { message: "the enclave's HPKE key configuration is not one that can be sealed to", action: "re-attest" },
  body_too_large: { message: "the request is larger than an enclave takes", action: "fix-request" },
  sealing_unavailable: {
    message: "this runtime's WebCrypto has no X25519, which sealed bodies need: use Node.js 20.19 or a browser of 2025 and later",
    action: "stop",
  },
  body_not_opened: { message: "the answer's sealed body does not open", action: "stop" },
  body_cut: { message: "the answer's sealed body ends within a frame", action: "retry" },
  malformed_answer: { message: "the answer is not a stream of chat completion chunks", action: "stop" },
} as const satisfies Record<string, { message: string; action: ErrorAction }>;

export type RefusalCode = keyof typeof REFUSALS;

/** Thrown by the client's side of the protocol. Holds names of fields, never their content. */
export class RefusalError extends Error {
  override readonly name = "RefusalError";
  readonly code: RefusalCode;
  readonly action: ErrorAction;
  /** The field that was at fault, such as `tools` or `choices[0].delta.content`. */
  readonly field: string | undefined;

  constructor(code: RefusalCode, field?: string) {
    super(field === undefined ? REFUSALS[code].message : `${field}: ${REFUSALS[code].message}`);
    this.code = code;
    this.action = REFUSALS[code].action;
    this.field = field;
  }
}
