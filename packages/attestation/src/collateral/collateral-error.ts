import type { ErrorAction } from "@bauta/protocol";

const ACTIONS = {
  /** What was served or read is not collateral in a form that is known. */
  collateral_malformed: "stop",
  /** It is collateral, but for another platform than the one asked for. */
  collateral_mismatch: "stop",
  /** The service could not be reached, did not answer in time, or failed. */
  collateral_unreachable: "retry",
  /** The service asked to come back later than this caller is willing to wait. */
  collateral_rate_limited: "retry",
  /** The service answered, and has nothing for this request. */
  collateral_refused: "stop",
  /** The service gives an older issue than it, or another, gave before. */
  collateral_older: "retry",
  /** Only collateral past its next update is at hand, and no newer could be fetched. */
  collateral_expired: "retry",
  /** A file or folder that cannot be opened. */
  collateral_unreadable: "fix-request",
  /** The store failed; collateral is fetched without it. */
  collateral_store: "retry",
  /** The caller's own settings cannot be used. */
  collateral_settings: "fix-request",
} as const satisfies Record<string, ErrorAction>;

export type CollateralErrorCode = keyof typeof ACTIONS;

/** Collateral that could not be fetched or read. It holds no body and no header of any answer. */
export class CollateralError extends Error {
  override readonly name = "CollateralError";
  readonly code: CollateralErrorCode;
  readonly action: ErrorAction;
  /** What it is about: a member of the collateral, a file, or a URL without credentials. */
  readonly field: string;
  /** What is wrong with it. */
  readonly problem: string;
  /** How long the service asked to wait, milliseconds. */
  readonly retryAfterMs?: number;

  constructor(
    code: CollateralErrorCode,
    field: string,
    problem: string,
    options: { readonly cause?: unknown; readonly retryAfterMs?: number | undefined } = {},
  ) {
    super(`collateral: ${field}: ${problem}`, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.action = ACTIONS[code];
    this.field = field;
    this.problem = problem;
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
  }
}
