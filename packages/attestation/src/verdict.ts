import type { Build, Policy } from "./policy/policy.ts";
import type { Quote } from "./tdx/quote.ts";
import type { AttestationResult, Check, CheckId, Finding } from "./result.ts";
import { isOnlyDebug } from "./tdx/td-attributes.ts";

/** The checks that vouch for a quote's bytes: until all of them have passed, anyone may have written it. */
export const ORIGIN_IDS = [
  "tdx.quote-signature",
  "tdx.attestation-key-bound",
  "tdx.qe-report-signature",
  "tdx.pck-chain",
  "tdx.qe-identity-match",
] as const satisfies readonly CheckId[];

const ALWAYS_REQUIRED = ["nonce.bound", "key.address-derived", "key.bound-to-report-data", "tdx.parse", ...ORIGIN_IDS] as const;
const REFERENCE_IDS = ["measure.mrtd", "measure.rtmr0", "measure.rtmr1", "measure.rtmr2", "dstack.compose-hash"] as const;

/** What the findings decide on. */
export interface VerdictInput {
  /** One for each known check. */
  readonly findings: readonly Finding[];
  readonly policy: Policy;
  /** The build that the enclave was compared with. */
  readonly build: Build | undefined;
  readonly quote: Quote | undefined;
}

export type Verdict = Pick<AttestationResult, "ok" | "pinned" | "debug" | "checks">;

/**
 * Weighs the findings under a policy. A result is ok only if every required check passed and no check failed at all,
 * save the debug mode that a policy allows by name.
 */
export function reachVerdict({ findings, policy, build, quote }: VerdictInput): Verdict {
  const required = requiredChecks(policy, build);
  const debugAllowed = policy.allow.debug && quote !== undefined && isOnlyDebug(quote.report);
  const checks = findings.map((finding): Check => {
    const forgiven = finding.id === "td.debug-off" && debugAllowed;
    return { ...finding, required: !forgiven && (required.has(finding.id) || finding.status === "fail") };
  });
  const debug = checks.some(({ id, status }) => id === "td.debug-off" && status === "fail");
  const met = (check: Check) => !check.required || check.status === "pass";
  return {
    ok: checks.every(met),
    // Whoever debugs a TD can rewrite its memory after it was measured.
    pinned: build !== undefined && !debug && checks.filter(({ id }) => isReferenceCheck(id)).every(met),
    debug,
    checks,
  };
}

/** The checks without which a result cannot be ok, whatever their findings. */
function requiredChecks(policy: Policy, build: Build | undefined): ReadonlySet<CheckId> {
  const required = new Set<CheckId>([...ALWAYS_REQUIRED, "td.debug-off"]);
  if (policy.measurements === "any") return required;
  for (const id of REFERENCE_IDS) required.add(id);
  if (build?.rtmr3 !== undefined) required.add("measure.rtmr3");
  return required;
}

function isReferenceCheck(id: CheckId): boolean {
  return id.startsWith("measure.") || id === "dstack.compose-hash";
}
