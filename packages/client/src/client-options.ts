import {
  CertificateError,
  type CollateralSource,
  parseCertificate,
  parsePolicy,
  type Policy,
  type RollbackMemory,
} from "@bauta/attestation";
import type { CryptoBackend } from "@bauta/protocol";
import { parseBaseUrl } from "./base-url.ts";
import { ClientError } from "./errors.ts";
import type { Fetch } from "./http.ts";
import type { ReceiptKind } from "./receipt-check.ts";

/** Longest waits in milliseconds; Infinity for none. */
export interface Timeouts {
  /** A whole attestation or model list. */
  readonly answerMs: number;
  /** From sending a chat request to the head of its answer. */
  readonly headMs: number;
  /** Silence within a streamed answer. */
  readonly idleMs: number;
  /** For a receipt, behind `[DONE]` and again when it is fetched. */
  readonly receiptMs: number;
}

const DEFAULT_TIMEOUTS: Timeouts = { answerMs: 60_000, headMs: 300_000, idleMs: 300_000, receiptMs: 10_000 };

/** How long an attested key is used before it is attested again. */
const DEFAULT_SESSION_MS = 10 * 60_000;

export interface ClientOptions {
  /** The server's API, such as `https://api.example.com/api/v1`. */
  readonly baseURL: string;
  /** Sent to `baseURL` and nowhere else. */
  readonly apiKey: string;
  /** A policy file's JSON, or a parsed policy: which enclaves are acceptable. */
  readonly policy: object;
  /** Roots to accept beside Intel's, as DER certificates: simulators. Results that rest on one are `simulated`. */
  readonly trustRoots?: readonly Uint8Array[];
  /**
   * The least that proves an answer; `"bauta"` unless given, and then an answer without `bauta/receipt/1` is unverified.
   * Weaker: `"documented"` also takes the published signature over the hashes of request and answer, for servers that
   * offer nothing more. It says nothing of usage, weights or engine, and whoever relays can reduce any server to it. The
   * outcome's `receiptKind` tells which it was. It never proves an answer of a `tee-*` model, whose equal request could
   * have had it before.
   */
  readonly receipts?: ReceiptKind;
  /**
   * Where to get Intel's collateral for answers that bring none, such as `createCollateralSource({ baseUrl: INTEL_PCS_URL,
   * … })`. Without it such answers are not acceptable.
   */
  readonly collateral?: CollateralSource;
  /** Remembers the newest collateral seen, so that older one is refused; as long as this client lives unless given. */
  readonly memory?: RollbackMemory;
  /** The platform's own unless given. */
  readonly fetch?: Fetch;
  /** Milliseconds since 1970; the system's clock unless given. */
  readonly nowMs?: () => number;
  /** The platform's own unless given. */
  readonly backend?: CryptoBackend;
  readonly timeouts?: Partial<Timeouts>;
  readonly sessionMs?: number;
  /** Insecure: send the API key in plain http to hosts other than this machine. */
  readonly allowInsecureHttp?: boolean;
}

export interface CheckedOptions {
  readonly baseURL: string;
  readonly apiKey: string;
  readonly policy: Policy;
  readonly trustRoots: readonly Uint8Array[];
  readonly receipts: ReceiptKind;
  readonly timeouts: Timeouts;
  readonly sessionMs: number;
}

/**
 * Checks what can be checked before the first request.
 * @throws {ClientError} `invalid_option`; PolicyError naming the policy's field
 */
export function checkOptions(options: ClientOptions): CheckedOptions {
  const { apiKey, timeouts = {}, sessionMs = DEFAULT_SESSION_MS } = options;
  if (typeof apiKey !== "string" || !/^[\x21-\x7e]{1,4096}$/.test(apiKey)) {
    throw invalid("apiKey", "must be a key of printable characters without spaces");
  }
  return {
    baseURL: parseBaseUrl(options.baseURL, options.allowInsecureHttp === true),
    apiKey,
    // Also for one that looks parsed: an unknown member must not pass as a rule that is enforced.
    policy: parsePolicy(options.policy),
    trustRoots: (options.trustRoots ?? []).map(checkRoot),
    receipts: checkReceipts(options.receipts),
    timeouts: {
      answerMs: duration("timeouts.answerMs", timeouts.answerMs ?? DEFAULT_TIMEOUTS.answerMs),
      headMs: duration("timeouts.headMs", timeouts.headMs ?? DEFAULT_TIMEOUTS.headMs),
      idleMs: duration("timeouts.idleMs", timeouts.idleMs ?? DEFAULT_TIMEOUTS.idleMs),
      receiptMs: duration("timeouts.receiptMs", timeouts.receiptMs ?? DEFAULT_TIMEOUTS.receiptMs),
    },
    sessionMs: duration("sessionMs", sessionMs),
  };
}

function checkRoot(der: Uint8Array, i: number): Uint8Array {
  try {
    return parseCertificate(der.slice()).der;
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    throw invalid(`trustRoots[${i}]`, `is not a DER certificate: ${error.message}`);
  }
}

function checkReceipts(kind: ReceiptKind = "bauta"): ReceiptKind {
  if (kind === "bauta" || kind === "documented") return kind;
  throw invalid("receipts", 'must be "bauta" or "documented"');
}

function duration(field: string, value: number): number {
  if (typeof value === "number" && value > 0) return value;
  throw invalid(field, "must be a positive number of milliseconds, or Infinity");
}

function invalid(field: string, problem: string): ClientError {
  return new ClientError("invalid_option", `${field} ${problem}`, { field });
}
