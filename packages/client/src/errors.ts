import type { PolicyDifference } from "@bauta/attestation/on-demand";
import type { ErrorAction } from "@bauta/protocol";
import type { Attestation } from "./attestation.ts";

/**
 * Why a call of this client failed, beside what the protocol refuses (`RefusalError`). Messages are fixed or built from
 * names and numbers; no error holds a prompt, an answer, a key or a token.
 * @see docs/errors.md
 */
export const CLIENT_ERRORS = {
  invalid_option: { action: "fix-request", meaning: "an option of `createClient` cannot be used; `details.field` names it" },
  invalid_request: { action: "fix-request", meaning: "the request cannot be sent as it is; `details.field` names the member" },
  model_not_private: { action: "fix-request", meaning: "the model's name promises no protection, so nothing is sent to it" },
  gateway_visible: { action: "fix-request", meaning: "the gateway would read a request to this model, and the caller did not allow that" },
  path_not_private: {
    action: "fix-request",
    meaning: "`fetch` was called with an address that nothing protects; `passThrough` lets it by",
  },
  attestation_refused: { action: "stop", meaning: "evidence was appraised and is not acceptable; `details.attestation` has every check" },
  evidence_malformed: { action: "stop", meaning: "the attestation answer cannot be read as evidence; `details.field` names the member" },
  collateral_unavailable: {
    action: "retry",
    meaning: "the answer brings none of Intel's collateral, and the configured source has none either",
  },
  server_error: { action: "retry", meaning: "the server answered with an error status; the action follows its code and status" },
  network_failed: { action: "retry", meaning: "no answer arrived: refused or broken connection, redirect, bad certificate" },
  timeout: { action: "retry", meaning: "the answer did not come in time" },
  answer_too_large: { action: "stop", meaning: "an answer is longer than its limit" },
  answer_malformed: { action: "stop", meaning: "an answer is not the JSON that it should be" },
  answer_unverified: { action: "stop", meaning: "`fetch` withholds an answer that nothing proves; the message says what is wrong with it" },
  answer_incomplete: { action: "retry", meaning: "`fetch` withholds an answer that ended early" },
} as const satisfies Record<string, { action: ErrorAction; meaning: string }>;

export type ClientErrorCode = keyof typeof CLIENT_ERRORS;

/** What a server said about its error. Whoever relays the answer could have written it: a hint, not a fact. */
export interface ServerErrorDetails {
  readonly status: number;
  /** The server's own code, if it is one of the catalogue or a short identifier. */
  readonly code: string | undefined;
  /** The member of the request that it names, such as `max_tokens` or `messages[0].content`. */
  readonly param: string | undefined;
  /** At most 300 printable characters; undefined where the text could repeat a prompt. */
  readonly message: string | undefined;
  readonly retryAfterSeconds: number | undefined;
}

export interface ClientErrorDetails {
  /** `invalid_option`, `invalid_request`, `evidence_malformed`: the member at fault. */
  readonly field?: string;
  /** `attestation_refused`: what was appraised, and each check. Of an answer that is withheld: what it rests on. */
  readonly attestation?: Attestation;
  /** `attestation_refused`: how the enclave's build differs from the nearest one that the policy knows. */
  readonly difference?: PolicyDifference;
  /** `server_error` */
  readonly server?: ServerErrorDetails;
  /** `network_failed`: the runtime's code, such as `ECONNREFUSED`. */
  readonly networkCode?: string;
  /** `network_failed`: a request that an enclave answers may have reached it, and would be answered twice if repeated. */
  readonly mayHaveArrived?: true;
}

/** The one error class of this package. `action` says what the caller can do. */
export class ClientError extends Error {
  override readonly name = "ClientError";
  readonly code: ClientErrorCode;
  readonly action: ErrorAction;
  readonly details: ClientErrorDetails;

  constructor(code: ClientErrorCode, message: string, details: ClientErrorDetails = {}, action: ErrorAction = CLIENT_ERRORS[code].action) {
    super(message);
    this.code = code;
    this.action = action;
    this.details = details;
  }
}
