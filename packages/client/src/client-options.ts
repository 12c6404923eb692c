import {
  CertificateError,
  type CollateralSource,
  type GpuEndorsementSource,
  loadPolicyText,
  parsePolicy,
  type Policy,
  type RollbackMemory,
  sortTrustRoots,
} from "@bauta/attestation/on-demand";
import type { CryptoBackend } from "@bauta/protocol";
import { parseBaseUrl } from "./base-url.ts";
import { ClientError } from "./errors.ts";
import type { Fetch } from "./http.ts";
import { assertKnownOptions } from "./known-options.ts";
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
  /**
   * Which enclaves are acceptable: a policy file's text, YAML or JSON; what `JSON.parse` makes of one; a parsed policy; or a
   * built-in policy's name, such as `"venice"`. What is wrong with a text or name is thrown by the first call.
   */
  readonly policy: object | string;
  /**
   * Roots to accept beside Intel's and NVIDIA's, as DER certificates: simulators. On P-256 they stand for platforms, on
   * P-384 for GPUs. Results that rest on one are `simulated`.
   */
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
  /**
   * Where to get NVIDIA's manifests and certificate states for answers with GPU evidence that bring none, such as
   * `createGpuEndorsementSource({ … })`. What it cannot give is missed only where the policy asks for it.
   */
  readonly gpuEndorsements?: GpuEndorsementSource;
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
  /**
   * Insecure: send to `tee-*` models although the gateway reads the whole conversation. For `fetch`, and for `chat` unless
   * its own options say otherwise. A policy with `protocol: 2` has such requests sealed, and needs no leave.
   */
  readonly allowGatewayVisible?: boolean;
  /** Members of a sealed request that may travel unencrypted although they can carry content; as for `chat`. */
  readonly allowInClear?: readonly string[];
  /**
   * Insecure, for `fetch`: paths below the base URL, such as `images/generations`, whose calls are sent as they are for the
   * gateway to read. None of a model whose name promises protection is, nor a body whose model cannot be told:
   * `chat/completions` stands for the other models.
   */
  readonly passThrough?: readonly string[];
  /**
   * For `fetch`, what becomes of an answer that nothing proves: an error unless given. `"mark"` hands it out and says so, in
   * the header `bauta-outcome` or in a comment of the stream.
   */
  readonly unverified?: "error" | "mark";
  /** Insecure: send the API key in plain http to hosts other than this machine. */
  readonly allowInsecureHttp?: boolean;
}

export interface CheckedOptions {
  readonly baseURL: string;
  readonly apiKey: string;
  /** A text is read with what reads YAML, which loads when it is needed. */
  readonly policy: Policy | Promise<Policy>;
  readonly trustRoots: readonly Uint8Array[];
  readonly receipts: ReceiptKind;
  readonly timeouts: Timeouts;
  readonly sessionMs: number;
  readonly allowGatewayVisible: boolean;
  readonly allowInClear: readonly string[];
  readonly passThrough: readonly string[];
  readonly unverified: "error" | "mark";
}

const TIMEOUTS = Object.keys(DEFAULT_TIMEOUTS);

/** Every option by name; the type sees to it that none is left out. */
const OPTIONS = Object.keys({
  baseURL: 0,
  apiKey: 0,
  policy: 0,
  trustRoots: 0,
  receipts: 0,
  collateral: 0,
  gpuEndorsements: 0,
  memory: 0,
  fetch: 0,
  nowMs: 0,
  backend: 0,
  timeouts: 0,
  sessionMs: 0,
  allowGatewayVisible: 0,
  allowInClear: 0,
  passThrough: 0,
  unverified: 0,
  allowInsecureHttp: 0,
} satisfies Record<keyof ClientOptions, 0>);

/** What a first program forgets, and where it gets it. */
const NEEDED = {
  baseURL: "the server's API, such as https://api.example.com/api/v1",
  apiKey: "the key that the server's operator gave you, often in the environment variable BAUTA_API_KEY",
  policy: "which enclaves you accept: a policy file's text, or a built-in policy's name such as \"venice\"",
} as const;

/**
 * Checks what can be checked before the first request.
 * @throws {ClientError} `invalid_option`; PolicyError naming the policy's field
 */
export function checkOptions(options: ClientOptions): CheckedOptions {
  assertComplete(options);
  const { apiKey, timeouts = {}, sessionMs = DEFAULT_SESSION_MS } = options;
  assertKnownOptions(timeouts, TIMEOUTS, "timeouts.");
  if (typeof apiKey !== "string" || !/^[\x21-\x7e]{1,4096}$/.test(apiKey)) {
    throw invalid("apiKey", "must be a key of printable characters without spaces");
  }
  return {
    baseURL: parseBaseUrl(options.baseURL, options.allowInsecureHttp === true),
    apiKey,
    // Also for one that looks parsed: an unknown member must not pass as a rule that is enforced.
    policy: typeof options.policy === "string" ? loadPolicyText(options.policy) : parsePolicy(options.policy),
    trustRoots: checkRoots(options.trustRoots ?? []),
    receipts: checkReceipts(options.receipts),
    timeouts: {
      answerMs: duration("timeouts.answerMs", timeouts.answerMs ?? DEFAULT_TIMEOUTS.answerMs),
      headMs: duration("timeouts.headMs", timeouts.headMs ?? DEFAULT_TIMEOUTS.headMs),
      idleMs: duration("timeouts.idleMs", timeouts.idleMs ?? DEFAULT_TIMEOUTS.idleMs),
      receiptMs: duration("timeouts.receiptMs", timeouts.receiptMs ?? DEFAULT_TIMEOUTS.receiptMs),
    },
    sessionMs: duration("sessionMs", sessionMs),
    allowGatewayVisible: options.allowGatewayVisible === true,
    allowInClear: names("allowInClear", options.allowInClear),
    passThrough: names("passThrough", options.passThrough).map((path) => path.replaceAll(/^\/+|\/+$/g, "")),
    unverified: checkUnverified(options.unverified),
  };
}

/** Said for all that is missing at once: whoever writes a first program should not meet one error after the other. */
function assertComplete(options: ClientOptions | undefined): void {
  // JavaScript can call without any, whatever the types say.
  const given: Partial<ClientOptions> = options ?? {};
  if (typeof given !== "object") throw invalid("options", "must be an object such as { baseURL, apiKey, policy }");
  assertKnownOptions(given, OPTIONS);
  const missing = (Object.keys(NEEDED) as (keyof typeof NEEDED)[]).filter((name) => given[name] === undefined);
  if (missing.length === 0) return;
  const what = missing.map((name) => `${name}, ${NEEDED[name]}`).join("; ");
  throw new ClientError("invalid_option", `createClient lacks ${what}`, { field: missing[0] as string });
}

function checkRoots(ders: unknown): readonly Uint8Array[] {
  if (!Array.isArray(ders) || !ders.every((der) => der instanceof Uint8Array)) {
    throw invalid("trustRoots", "must be a list of DER certificates; parsePemCertificates(text) makes one of a PEM file's text");
  }
  const own = ders.map((der) => der.slice());
  own.forEach((der, i) => checkRootsAs(`trustRoots[${i}]`, [der]));
  checkRootsAs("trustRoots", own);
  return own;
}

function checkRootsAs(field: string, ders: readonly Uint8Array[]): void {
  try {
    sortTrustRoots(ders);
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    throw invalid(field, `is not a DER certificate that can be a root: ${error.message}`);
  }
}

function names(field: string, list: readonly string[] = []): readonly string[] {
  if (Array.isArray(list) && list.every((name) => typeof name === "string" && name !== "")) return [...(list as string[])];
  throw invalid(field, "must be a list of names");
}

function checkUnverified(choice: "error" | "mark" = "error"): "error" | "mark" {
  if (choice === "error" || choice === "mark") return choice;
  throw invalid("unverified", 'must be "error" or "mark"');
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
