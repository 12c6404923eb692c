import { CertificateError, parsePolicy, type Policy, PolicyError, sortTrustRoots } from "@bauta/attestation";
import { LIMITS, protectionOf } from "@bauta/protocol";
import type { ApiKeyRecord } from "./api-keys.ts";
import { findUrlProblem } from "./collateral.ts";
import { parseEnclaveUrl } from "./enclave-address.ts";
import { findGpuServiceProblems, type GpuServices } from "./gpu-endorsements.ts";

/** Where a server listens. Port 0 takes any free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** One model and the enclaves that serve it. */
export interface ModelConfig {
  /** `tee-…` (attested) or `e2ee-…` (attested, sealed requests only). */
  readonly id: string;
  /** Name for people. */
  readonly name: string;
  readonly contextTokens: number;
  readonly maxCompletionTokens: number;
  /** US dollars for a million tokens; 0 where left out. */
  readonly pricing?: { readonly inputUsd: number; readonly outputUsd: number };
  readonly ownedBy?: string;
  /** True if the model thinks before it answers. */
  readonly reasoning?: boolean;
  /** Origins of its enclaves, `http://host:port`. */
  readonly enclaves: readonly string[];
  /** What those enclaves must be. */
  readonly policy: Policy;
}

/** Sizes and counts that the gateway enforces. */
export interface GatewayLimits {
  /** A request body, bytes. */
  readonly bodyBytes: number;
  /** All headers of a request together, bytes. */
  readonly headerBytes: number;
  /** Relayed and attestation requests in progress; more are answered 503. Receipts have as many places of their own. */
  readonly concurrentRequests: number;
  /** The same for one API key; more are answered 429. Half of all if left out, or all where there is one key only. */
  readonly concurrentRequestsPerKey: number;
  /** How long a request, body included, may take to arrive. */
  readonly requestTimeoutMs: number;
  /** How long an answer may wait for a reader that takes none of it; one that waits for its engine may take any time. */
  readonly stallTimeoutMs: number;
  /** Receipts kept in memory, and the bytes of all of them together. */
  readonly receipts: number;
  readonly receiptBytes: number;
}

/** What `createGateway` takes; a configuration file is read into the same shape. */
export interface GatewayConfig {
  readonly listen: ListenAddress;
  /** Where `/healthz` and `/readyz` are; nowhere if left out. Never the public address. */
  readonly operator?: ListenAddress;
  readonly keys: readonly ApiKeyRecord[];
  readonly models: readonly ModelConfig[];
  /** Roots beside Intel's and NVIDIA's, DER. Naming one trusts a simulator, and answers say so. */
  readonly trustRoots?: readonly Uint8Array[];
  /** How `intel_quote` is served unless the caller asks otherwise. */
  readonly quoteEncoding?: "base64" | "hex";
  readonly limits?: Partial<GatewayLimits>;
  /** Pause between verifications of an enclave, and the longest one may take. */
  readonly attestation?: GpuServices & {
    readonly intervalMs?: number;
    readonly timeoutMs?: number;
    /** Intel's provisioning service or a cache of it, for enclaves that send no collateral along; none if left out. */
    readonly collateralUrl?: string;
  };
  /** How long answers in progress may go on after `close()`. */
  readonly graceMs?: number;
  readonly logLevel?: LogLevel;
}

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Values for what a configuration leaves out. */
export const DEFAULTS = {
  limits: {
    bodyBytes: LIMITS.requestBodyBytes,
    headerBytes: 16 * 1024,
    concurrentRequests: 256,
    requestTimeoutMs: 60_000,
    stallTimeoutMs: 60_000,
    receipts: 100_000,
    receiptBytes: 128 * 1024 * 1024,
  } satisfies Omit<GatewayLimits, "concurrentRequestsPerKey">,
  attestation: { intervalMs: 5 * 60_000, timeoutMs: 15_000 },
  graceMs: 30_000,
  quoteEncoding: "base64",
  logLevel: "info",
} as const;

/**
 * The limits of a gateway, with values for what its configuration leaves out.
 * @param soleKey whether there is one API key only
 */
export function resolveLimits(given: Partial<GatewayLimits> = {}, soleKey: boolean): GatewayLimits {
  const { concurrentRequests } = { ...DEFAULTS.limits, ...given };
  // One key of several must not be able to shut the others out, whatever it does.
  const concurrentRequestsPerKey = soleKey ? concurrentRequests : Math.max(1, Math.floor(concurrentRequests / 2));
  return { ...DEFAULTS.limits, concurrentRequestsPerKey, ...given };
}

/** One thing that is wrong with a configuration. */
export interface ConfigIssue {
  /** Path of the field, such as `models[0].enclaves`. */
  readonly field: string;
  readonly problem: string;
  /** Line in the file, from 1. */
  readonly line?: number;
}

/** A configuration that cannot be used; the message has one line for each issue. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code = "config_invalid";
  readonly issues: readonly ConfigIssue[];

  constructor(file: string, issues: readonly ConfigIssue[]) {
    super(
      issues
        .map(({ field, problem, line }) => `${file}${line === undefined ? "" : `:${line}`}: ${field === "" ? "" : `${field}: `}${problem}`)
        .join("\n"),
    );
    this.issues = issues;
  }
}

const MODEL_ID = /^[a-z0-9]+-[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const KEY_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** What must hold beyond the types, for configurations from files and from code alike. */
export function findConfigIssues(config: GatewayConfig): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const add = (field: string, problem: string) => issues.push({ field, problem });
  const collateralProblem = config.attestation?.collateralUrl === undefined ? undefined : findUrlProblem(config.attestation.collateralUrl);
  if (collateralProblem !== undefined) add("attestation.collateral_url", collateralProblem);
  for (const { field, problem } of findGpuServiceProblems(config.attestation ?? {})) add(`attestation.${field}`, problem);
  const rootProblem = findRootProblem(config.trustRoots ?? []);
  if (rootProblem !== undefined) add("trust_roots", rootProblem);
  if (config.keys.length === 0) add("keys", "is empty, so nobody could call; `bauta keys` makes a key and its hash");
  if (config.models.length === 0) add("models", "is empty, so there is nothing to serve");
  config.keys.forEach(({ name, sha256 }, index) => {
    if (!KEY_NAME.test(name))
      add(`keys[${index}].name`, "must be 1 to 64 letters, digits, dots, dashes or underscores, since it stands in logs");
    if (!/^[0-9a-f]{64}$/.test(sha256))
      add(`keys[${index}].sha256`, "must be the key's SHA-256 in 64 lower-case hexadecimal digits, not the key");
  });
  addRepeats(
    config.keys.map(({ name }) => name),
    (index) => add(`keys[${index}].name`, "is used twice: receipts belong to a name"),
  );
  addRepeats(
    config.keys.map(({ sha256 }) => sha256),
    (index) => add(`keys[${index}].sha256`, "is used twice: a key has one name"),
  );
  config.models.forEach((model, index) => {
    const at = `models[${index}]`;
    if (protectionOf(model.id) === "none" || !MODEL_ID.test(model.id))
      add(`${at}.id`, "must begin with tee- (attested) or e2ee- (attested and sealed), then letters, digits, dots, dashes or underscores");
    const policyProblem = findPolicyProblem(model.policy);
    if (policyProblem) add(`${at}.policy.${policyProblem.field}`, policyProblem.problem);
    if (model.enclaves.length === 0) add(`${at}.enclaves`, "is empty; list the URL of at least one enclave");
    const origins = model.enclaves.map((url, n) => {
      const parsed = parseEnclaveUrl(url);
      if ("origin" in parsed) return parsed.origin;
      add(`${at}.enclaves[${n}]`, parsed.problem);
      return `${n}`;
    });
    addRepeats(origins, (n) => add(`${at}.enclaves[${n}]`, "is listed twice"));
  });
  addRepeats(
    config.models.map(({ id }) => id),
    (index) => add(`models[${index}].id`, "is used twice"),
  );
  const { listen, operator } = config;
  if (operator && listen.port !== 0 && operator.port === listen.port && operator.host === listen.host) {
    add("operator.port", "is the public port; health and metrics need one of their own");
  }
  return issues;
}

/** A policy from code may never have been parsed: a rule that is misspelt there must not be a rule left out. */
function findPolicyProblem(policy: Policy): PolicyError | undefined {
  try {
    parsePolicy(policy);
    return undefined;
  } catch (error) {
    if (error instanceof PolicyError) return error;
    throw error;
  }
}

/** Roots from code have not been looked at; what is wrong with one would show only when evidence comes. */
function findRootProblem(roots: readonly Uint8Array[]): string | undefined {
  try {
    sortTrustRoots(roots);
    return undefined;
  } catch (error) {
    if (error instanceof CertificateError) return error.message;
    throw error;
  }
}

function addRepeats(values: readonly string[], report: (index: number) => void): void {
  values.forEach((value, index) => {
    if (values.indexOf(value) < index) report(index);
  });
}
