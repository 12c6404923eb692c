import type { Build, Policy } from "./policy/policy.ts";
import { type AttestationResult, type AttestationScope, type Check, CHECK_IDS, type CheckId, type Finding } from "./result.ts";
import type { Quote } from "./tdx/quote.ts";
import { isOnlyDebug } from "./tdx/td-attributes.ts";

/** Without these nothing is known of the machine: whatever the list has of them, so that none is forgotten here. */
export const PLATFORM_CHECKS: readonly CheckId[] = CHECK_IDS.filter((id) => id.startsWith("tdx.") || id.startsWith("td."));
const NOT_GPUS_OWN: ReadonlySet<CheckId> = new Set(["gpu.nras", "gpu.bound-to-cpu"]);
/** What GPUs prove by their own evidence and NVIDIA's signatures: not its opinion, and not what nobody can prove. */
export const GPU_CHECKS: readonly CheckId[] = CHECK_IDS.filter((id) => id.startsWith("gpu.") && !NOT_GPUS_OWN.has(id));
/** Without these the machine's answer is not one to this client, or its key somebody else's. */
const BINDING_IDS = ["nonce.bound", "key.address-derived", "key.bound-to-report-data"] as const;
/** A rule about GPUs says nothing of GPUs that anybody could have made up, or that answered somebody else. */
const GPU_RULE_IDS = ["gpu.present", "gpu.nonce", "gpu.cert-chain", "gpu.report-signature"] as const;
const REGISTER_IDS = ["measure.mrtd", "measure.rtmr0", "measure.rtmr1", "measure.rtmr2"] as const;

/** What the findings decide on. */
export interface VerdictInput {
  /** One for each known check. */
  readonly findings: readonly Finding[];
  readonly policy: Policy;
  readonly scope: AttestationScope;
  /** The build that the enclave was compared with. */
  readonly build: Build | undefined;
  readonly quote: Quote | undefined;
}

export type Verdict = Pick<AttestationResult, "ok" | "pinned" | "debug" | "checks">;

/**
 * Weighs the findings under a policy. A result is ok only if every required check passed and no check failed at all,
 * save weaknesses that the policy allows by name.
 */
export function reachVerdict({ findings, policy, scope, build, quote }: VerdictInput): Verdict {
  const references = referenceChecks(policy, scope, build);
  const required = new Set<CheckId>([
    ...PLATFORM_CHECKS,
    ...(scope === "enclave" ? BINDING_IDS : []),
    ...references,
    ...policyChecks(policy, scope),
  ]);
  const allowed = new Set<CheckId>([
    ...(policy.allow.debug && quote !== undefined && isOnlyDebug(quote.report) ? (["td.debug-off"] as const) : []),
    ...(policy.allow.unpinned_images ? (["image.digests-pinned"] as const) : []),
  ]);
  const checks = findings.map((finding): Check => {
    const forgiven = allowed.has(finding.id);
    return { ...finding, required: !forgiven && (required.has(finding.id) || finding.status === "fail") };
  });
  const debug = checks.some(({ id, status }) => id === "td.debug-off" && status === "fail");
  const met = (check: Check) => !check.required || check.status === "pass";
  return {
    ok: checks.every(met),
    // Whoever debugs a TD can rewrite its memory after it was measured.
    pinned: build !== undefined && !debug && checks.filter(({ id }) => references.has(id)).every(met),
    debug,
    checks,
  };
}

/** What a policy asks for by name, and what its other rules rest on. A quote alone can show a platform and its registers. */
function policyChecks({ require, protocol, gpu }: Policy, scope: AttestationScope): readonly CheckId[] {
  if (scope === "platform") return require.filter((id) => /^(?:tdx|td|measure)\./.test(id));
  return [
    ...require,
    ...(protocol === 2 ? (["keys.signed"] as const) : []),
    ...(gpu.count !== undefined || gpu.archs !== undefined ? GPU_RULE_IDS : []),
  ];
}

/** The checks that hold an enclave against a build; a policy without builds lets them fail by not being made. */
function referenceChecks(policy: Policy, scope: AttestationScope, build: Build | undefined): ReadonlySet<CheckId> {
  if (policy.measurements === "any" || (scope === "platform" && !build)) return new Set();
  const references = new Set<CheckId>(REGISTER_IDS);
  if (build?.rtmr3 !== undefined) references.add("measure.rtmr3");
  if (scope === "platform") return references;
  references.add("dstack.compose-hash");
  if (build?.os_image_hash !== undefined) references.add("dstack.os-image");
  if (build?.key_provider !== undefined) references.add("dstack.key-provider");
  return references;
}
