import type { CheckId } from "../result.ts";

/** Builds that one policy may accept. */
const MAX_BUILDS = 256;
const MAX_TEXT_CHARACTERS = 1024;
const REGISTER_HEX_DIGITS = 96;
const SHA256_HEX_DIGITS = 64;

/** A policy that cannot be used; the message names the field. */
export class PolicyError extends Error {
  override readonly name = "PolicyError";
  readonly code = "policy_invalid";
  readonly action = "fix-request";
  /** Path of the field at fault, such as `builds[1].mrtd`. */
  readonly field: string;

  constructor(field: string, problem: string) {
    super(`policy: ${field}: ${problem}`);
    this.field = field;
  }
}

/**
 * Reference values of one build, lower-case hex. An enclave must match one build in all of them.
 * `name`, `source` and `date` are labels for people and decide nothing.
 */
export interface Build {
  readonly name: string;
  /** Where these values come from: a release, a reproducible build, a recorded capture. */
  readonly source: string;
  /** When they were taken, `YYYY-MM-DD` or an RFC 3339 time in UTC. */
  readonly date: string;
  /** From this moment on the build no longer counts; same forms as `date`. A bare date ends the build as that day begins, UTC. */
  readonly expires?: string;
  readonly mrtd: string;
  readonly rtmr0: string;
  readonly rtmr1: string;
  readonly rtmr2: string;
  /** Optional: differs from one instance to the next on dstack. */
  readonly rtmr3?: string;
  /** SHA-256 of the compose document. A build names this or `images`. */
  readonly compose_hash?: string;
  /** SHA-256 digests of container images, 64 hex digits each: the compose document may start these and no others. */
  readonly images?: readonly string[];
  /** dstack's OS image hash, 64 hex digits. */
  readonly os_image_hash?: string;
  /** dstack's key provider as `name` or `name:id`, for example `kms:3059…`. */
  readonly key_provider?: string;
}

/**
 * What Intel's collateral can say of a platform.
 * @see Intel SGX and TDX Provisioning Certification Service API v4, "tcbStatus"
 */
export const TCB_STATUSES = [
  "UpToDate",
  "SWHardeningNeeded",
  "ConfigurationNeeded",
  "ConfigurationAndSWHardeningNeeded",
  "TDRelaunchAdvised",
  "TDRelaunchAdvisedConfigurationNeeded",
  "OutOfDate",
  "OutOfDateConfigurationNeeded",
  "Revoked",
] as const;
export type TcbStatus = (typeof TCB_STATUSES)[number];

/** What a policy says about the platform. */
export interface TcbRules {
  /** `["UpToDate"]` unless the policy says more; never "Revoked". */
  readonly accept: readonly TcbStatus[];
  /** Collateral of a lower TCB evaluation data number is refused. */
  readonly min_evaluation_number?: number;
  /** Advisories, such as `INTEL-SA-00837`, that are refused whatever the status. */
  readonly refuse_advisories: readonly string[];
}

/** Weaknesses that a policy may accept by name; all false unless it does. */
export interface Allowances {
  /** Accept a TD whose host can read its memory. Insecure: for debugging an enclave only. */
  readonly debug: boolean;
  /** Accept a TD without SEPT_VE_DISABLE, as Azure's are: its host can make it see exceptions on its private memory. */
  readonly sept_ve_disable_off: boolean;
  /** Accept a TD with a service TD (MRSERVICETD not zero), or a migratable one: another TD may move it. */
  readonly service_td: boolean;
}

/** RATS "reference values" and what else a relying party decides. */
export interface Policy {
  readonly version: 1;
  /**
   * Whom the policy is about, for its reader: a label that decides nothing. Nothing in TDX evidence names a provider, so
   * no enclave is held against it (an answer's `tee_provider` is the server's word), and no result repeats it.
   */
  readonly provider?: string;
  /** Accept any measurements. Insecure: any machine passes, and results say UNPINNED. */
  readonly measurements?: "any";
  readonly builds: readonly Build[];
  readonly tcb: TcbRules;
  readonly allow: Allowances;
  /** Checks that must pass beyond those that always must. */
  readonly require: readonly CheckId[];
}

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads a policy file's JSON. Unknown members are refused, so that a misspelt rule is not a rule left out.
 * Known ones are all enforced, except the labels: `provider`, and a build's `name`, `source` and `date`.
 * @param json the parsed JSON
 * @throws PolicyError naming the field
 */
export function parsePolicy(json: unknown): Policy {
  const body = object(json, "(whole)", ["version", "provider", "measurements", "builds", "allow"]);
  if (body["version"] !== 1) throw new PolicyError("version", "must be 1");
  const measurements = body["measurements"];
  if (measurements !== undefined && measurements !== "any") throw new PolicyError("measurements", 'must be "any" or left out');
  const builds = parseBuilds(body["builds"]);
  if (measurements === "any" && builds.length > 0) {
    throw new PolicyError("measurements", '"any" contradicts builds: with it no build would be enforced; keep one of the two');
  }
  const provider = body["provider"] === undefined ? undefined : shortText(body["provider"], "provider");
  return {
    version: 1,
    ...(provider !== undefined && { provider }),
    ...(measurements === "any" && { measurements }),
    builds,
    tcb: { accept: ["UpToDate"], refuse_advisories: [] },
    allow: { debug: parseAllowDebug(body["allow"]), sept_ve_disable_off: false, service_td: false },
    require: [],
  };
}

/** The moment at which a build stops counting, in milliseconds; undefined when it never does. */
export function buildExpiryMs(build: Build): number | undefined {
  return build.expires === undefined ? undefined : timeMs(build.expires, "expires");
}

function parseBuilds(value: unknown): readonly Build[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new PolicyError("builds", "must be a list");
  if (value.length > MAX_BUILDS) throw new PolicyError("builds", `has ${value.length} entries, more than ${MAX_BUILDS}`);
  return value.map((entry: unknown, index) => parseBuild(entry, `builds[${index}]`));
}

function parseBuild(value: unknown, at: string): Build {
  const body = object(value, at, ["name", "source", "date", "expires", "mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3", "compose_hash"]);
  const register = (name: string) => hex(body[name], `${at}.${name}`, REGISTER_HEX_DIGITS);
  return {
    name: shortText(body["name"], `${at}.name`),
    source: shortText(body["source"], `${at}.source`),
    date: dateText(body["date"], `${at}.date`),
    ...(body["expires"] !== undefined && { expires: dateText(body["expires"], `${at}.expires`) }),
    mrtd: register("mrtd"),
    rtmr0: register("rtmr0"),
    rtmr1: register("rtmr1"),
    rtmr2: register("rtmr2"),
    ...(body["rtmr3"] !== undefined && { rtmr3: register("rtmr3") }),
    compose_hash: hex(body["compose_hash"], `${at}.compose_hash`, SHA256_HEX_DIGITS),
  };
}

function parseAllowDebug(value: unknown): boolean {
  if (value === undefined) return false;
  const debug = object(value, "allow", ["debug"])["debug"] ?? false;
  if (typeof debug !== "boolean") throw new PolicyError("allow.debug", "must be true or false");
  return debug;
}

function object(value: unknown, at: string, known: readonly string[]): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new PolicyError(at, "must be a JSON object");
  for (const name of Object.keys(value)) {
    if (!known.includes(name)) {
      const path = at === "(whole)" ? name : `${at}.${name}`;
      throw new PolicyError(path.slice(0, MAX_TEXT_CHARACTERS), `is not a known member; known are ${known.join(", ")}`);
    }
  }
  return value as JsonObject;
}

function shortText(value: unknown, at: string): string {
  if (typeof value !== "string" || value.length === 0) throw new PolicyError(at, "must be a text that is not empty");
  if (value.length > MAX_TEXT_CHARACTERS) throw new PolicyError(at, `has ${value.length} characters, more than ${MAX_TEXT_CHARACTERS}`);
  return value;
}

function hex(value: unknown, at: string, digits: number): string {
  if (typeof value !== "string") throw new PolicyError(at, `must be ${digits} hexadecimal digits`);
  if (value.length !== digits) throw new PolicyError(at, `must be ${digits} hexadecimal digits, not ${value.length} characters`);
  if (!/^[0-9a-fA-F]+$/.test(value)) throw new PolicyError(at, "holds a character that is not a hexadecimal digit");
  return value.toLowerCase();
}

function dateText(value: unknown, at: string): string {
  const date = shortText(value, at);
  timeMs(date, at);
  return date;
}

function timeMs(date: string, at: string): number {
  const form = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,3})?Z)?$/;
  const ms = form.test(date) ? Date.parse(date) : NaN;
  // Date.parse rolls 30 February over into March; a date must read back as it was written.
  if (!Number.isFinite(ms) || !new Date(ms).toISOString().startsWith(date.slice(0, 10))) {
    throw new PolicyError(at, "must be a date such as 2026-01-31 or 2026-01-31T12:00:00Z");
  }
  return ms;
}
