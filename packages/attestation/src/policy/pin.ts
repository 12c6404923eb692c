import { GPU_ARCHS, type GpuRules } from "../nvidia/gpu-rules.ts";
import type { AttestationResult, Check, CheckId, Claims } from "../result.ts";
import { GPU_CHECKS } from "../verdict.ts";
import { REFERENCE_CHECKS } from "./contradictions.ts";
import { diffPolicy, speaksSealedBodies } from "./diff.ts";
import { type Allowances, type Build, parsePolicy, type Policy } from "./policy.ts";
import { ACCEPTABLE_TCB_STATUSES } from "./tcb-status.ts";

/** An enclave whose values are not to be trusted, and which no policy is written from. */
export class PinError extends Error {
  override readonly name = "PinError";
  readonly code = "pin_refused";
  readonly action = "stop";
  /** The check that stands against it, where it is one. */
  readonly check: CheckId | undefined;

  constructor(reason: string, check?: CheckId) {
    super(reason);
    this.check = check;
  }
}

/** What the reader of a policy wants to know of a build. See {@link Build}. */
export type BuildLabels = Pick<Build, "name" | "source" | "date" | "expires">;

export interface PinOptions extends BuildLabels {
  readonly provider?: string;
  /** Weaknesses of this enclave that the policy is to accept; it must have been appraised with them. */
  readonly allow?: Partial<Omit<Allowances, "debug">>;
  /** The same of its GPUs. */
  readonly gpu?: Partial<Pick<GpuRules, "allow_hold">>;
}

/** What a policy decides by itself, and an enclave may differ in. */
const DECIDED_BY_POLICY: ReadonlySet<CheckId> = new Set([...REFERENCE_CHECKS, "dstack.compose-hash", "tdx.tcb-status", "tdx.advisories"]);

/** What must have passed, whatever a policy asks for: else anyone could have written the values, or replayed them. */
const PROOF: ReadonlySet<CheckId> = new Set([
  "nonce.bound",
  "key.address-derived",
  "key.bound-to-report-data",
  "tdx.parse",
  "tdx.quote-signature",
  "tdx.attestation-key-bound",
  "tdx.qe-report-signature",
  "tdx.pck-chain",
  "tdx.pck-crl",
  "tdx.root-crl",
  "tdx.tcb-info-signature",
  "tdx.qe-identity-signature",
  "tdx.qe-identity-match",
  "tdx.collateral-current",
  "td.debug-off",
]);

/** What an enclave said and anybody who relays its answers could take away: once seen, it is asked for. */
const STRIPPABLE: ReadonlySet<CheckId> = new Set(["keys.signed"]);
/** The same of GPUs, once there are any; not gpu.nras, which sends their evidence to NVIDIA. */
const STRIPPABLE_GPU: ReadonlySet<CheckId> = new Set(GPU_CHECKS);

/**
 * The policy to appraise an enclave under before it is pinned or accepted: the platform and its answer are judged as
 * always, and whatever status, build and GPUs it has are let through, to be written down. Never for use: any machine passes.
 * @param policy whose allowances and further demands to keep
 */
export function surveyPolicy(policy: Partial<Pick<Policy, "allow" | "require">> & { readonly gpu?: PinOptions["gpu"] } = {}): Policy {
  const { allow = {}, require = [], gpu } = policy;
  return parsePolicy({
    version: 1,
    measurements: "any",
    tcb: { accept: ACCEPTABLE_TCB_STATUSES },
    gpu: { allow_hold: gpu?.allow_hold },
    allow,
    require: require.filter((id) => !REFERENCE_CHECKS.includes(id)),
  });
}

/**
 * Writes a policy from an appraised enclave: its measurements, compose hash, OS image and key provider as the one build,
 * the TCB status that it had, and the number of the collateral that judged it as the least. Where it signed a keys statement
 * or has GPUs, the policy requires that, with the checks of GPUs that passed, so that nobody on the way can take them out;
 * where its statement offers sealed bodies, the policy has requests sealed so.
 * @param result of {@link surveyPolicy} or any other policy
 * @throws PinError when the platform is not proven, or proves too little; PolicyError when a label cannot be used
 */
export function pinPolicy(result: AttestationResult, options: PinOptions): Policy {
  const { provider, allow = {}, gpu, ...labels } = options;
  assertProven(result);
  const { tcb_status: status, tcb_evaluation_number: number } = result.claims;
  if (status === undefined || number === undefined) {
    throw new PinError("no collateral of Intel judged the platform; give it, or fetch it", "tdx.tcb-status");
  }
  if (status === "Revoked") throw new PinError("the platform is revoked", "tdx.tcb-status");
  return parsePolicy({
    version: 1,
    provider,
    protocol: speaksSealedBodies(result.claims) ? 2 : undefined,
    builds: [readBuild(result, labels)],
    // Also the status of a machine that has been brought up to date since.
    tcb: { accept: status === "UpToDate" ? [status] : ["UpToDate", status], min_evaluation_number: number },
    gpu: { ...readGpus(result.claims), allow_hold: gpu?.allow_hold },
    allow,
    require: readDemands(result),
  });
}

/**
 * Adds an appraised enclave's build to those that a policy accepts. Everything else stays as it is: a platform or GPUs that
 * the policy's own rules refuse are not accepted this way.
 * @param nowMs milliseconds since 1970
 * @throws PinError when the platform is not proven or the policy refuses it, when the policy accepts any build or has
 *   this one already; PolicyError when a label cannot be used
 */
export function acceptBuild(policy: Policy, result: AttestationResult, labels: BuildLabels, nowMs: number): Policy {
  if (policy.measurements === "any")
    throw new PinError('the policy accepts any measurements; pin a policy instead, or take measurements: "any" out');
  assertProven(result);
  const { build: nearest, values } = diffPolicy(policy, result, nowMs);
  if (nearest && values.length === 0) throw new PinError(`the policy accepts this enclave already, as build "${nearest.name}"`);
  const rule = values.find(({ name }) => name.startsWith("tcb.") || name.startsWith("gpu.") || name === "protocol");
  if (rule) {
    const { name, expected, actual = "nothing proven" } = rule;
    throw new PinError(
      `the policy's ${name} asks for ${expected}, and this enclave has ${actual}; change the rule first if you accept that`,
    );
  }
  if (policy.builds.some(({ name }) => name === labels.name))
    throw new PinError(`the policy has a build "${labels.name}" already; choose another name`);
  const { rtmr3 } = result.claims;
  const build = { ...readBuild(result, labels), ...(policy.require.includes("measure.rtmr3") && { rtmr3 }) };
  return parsePolicy({ ...policy, builds: [...policy.builds, build] });
}

/**
 * Requires that an enclave's values come from a genuine platform and answer this request, whatever a policy thinks of them.
 * @throws PinError naming the check that stands against it
 */
export function assertProven({ checks, debug }: Pick<AttestationResult, "checks" | "debug">): void {
  if (debug) {
    throw new PinError(
      "the enclave is under debug: its host can read and change its memory, so its measurements say nothing",
      "td.debug-off",
    );
  }
  // A check that failed is required, unless the policy that it was appraised under allows that weakness by name.
  const open = checks.filter(({ id, status, required }) => status !== "pass" && !DECIDED_BY_POLICY.has(id) && (required || PROOF.has(id)));
  // What failed is why others were not made.
  const against = open.find(({ status }) => status === "fail") ?? open[0];
  if (against) throw new PinError(`the enclave's values are not proven: ${against.id} ${stands(against)}: ${against.reason}`, against.id);
}

function stands({ status }: Check): string {
  return status === "fail" ? "failed" : "was not made";
}

function readGpus({ gpus }: Claims): Partial<GpuRules> {
  if (!gpus || gpus.length === 0) return {};
  return { count: gpus.length, archs: GPU_ARCHS.filter((arch) => gpus.some((gpu) => gpu.arch === arch)) };
}

/** What has to be seen again. @param result whose claims say whether there are GPUs that are proven */
function readDemands({ checks, claims }: AttestationResult): CheckId[] {
  const hasGpus = claims.gpus !== undefined && claims.gpus.length > 0;
  const again = (id: CheckId) => STRIPPABLE.has(id) || (hasGpus && STRIPPABLE_GPU.has(id));
  return checks.flatMap(({ id, status }) => (status === "pass" && again(id) ? [id] : []));
}

function readBuild({ claims }: AttestationResult, { name, source, date, expires }: BuildLabels): object {
  const { mrtd, rtmr0, rtmr1, rtmr2 } = claims;
  if (mrtd === undefined) throw new PinError("no measurements are proven", "measure.mrtd");
  if (claims.compose_hash === undefined) {
    throw new PinError(
      "nothing that is measured says which containers run in it: it commits to no compose document",
      "dstack.compose-hash",
    );
  }
  return {
    name,
    source,
    date,
    expires,
    mrtd,
    rtmr0,
    rtmr1,
    rtmr2,
    compose_hash: claims.compose_hash,
    os_image_hash: claims.os_image_hash,
    key_provider: claims.key_provider,
  };
}
