import type { GpuRules } from "../nvidia/gpu-rules.ts";
import type { CheckId } from "../result.ts";
import { assertConsistent } from "./contradictions.ts";
import { parseDateMs } from "./policy-date.ts";
import { POLICY_SHAPE } from "./policy-shape.ts";
import { readShape } from "./read-shape.ts";
import type { TcbStatus } from "./tcb-status.ts";

export { PolicyError } from "./policy-error.ts";
export { TCB_STATUSES, type TcbStatus } from "./tcb-status.ts";

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
  /** Accept a compose document that names images by tag: whoever runs their registry may change what starts. */
  readonly unpinned_images: boolean;
}

/** RATS "reference values" and what else a relying party decides. */
export interface Policy {
  readonly version: 1;
  /**
   * Whom the policy is about, for its reader: a label that decides nothing. Nothing in TDX evidence names a provider, so
   * no enclave is held against it (an answer's `tee_provider` is the server's word), and no result repeats it.
   */
  readonly provider?: string;
  /**
   * Version of the protocol in which requests are sealed. 2: whole; the enclave's signed keys statement has to list it, and
   * nothing falls back. 1 or absent: message by message.
   */
  readonly protocol?: 1 | 2;
  /** Accept any measurements. Insecure: any machine passes, and results say UNPINNED. */
  readonly measurements?: "any";
  readonly builds: readonly Build[];
  readonly tcb: TcbRules;
  /** What is asked of GPUs. A count or architectures mean that there have to be GPUs, which prove themselves. */
  readonly gpu: GpuRules;
  readonly allow: Allowances;
  /** Checks that must pass beyond those that always must. */
  readonly require: readonly CheckId[];
}

/**
 * Reads a policy file's JSON, or a policy that was read before, which gives the same. Unknown members are refused, so that
 * a misspelt rule is not a rule left out; so are rules that contradict each other or that nothing could ever pass.
 * Known ones are all enforced, except the labels: `provider`, and a build's `name`, `source` and `date`.
 * @param json the parsed JSON
 * @throws PolicyError naming the field
 * @see spec/policy.schema.json
 */
export function parsePolicy(json: unknown): Policy {
  const policy = readShape(POLICY_SHAPE, json, "") as Policy;
  assertConsistent(policy);
  return policy;
}

/** True when a build no longer counts at a moment, milliseconds since 1970. */
export function isExpired({ expires }: Build, nowMs: number): boolean {
  // A date that cannot be read, in a policy that no parser has seen, has always passed.
  return expires !== undefined && nowMs >= (parseDateMs(expires) ?? -Infinity);
}
