import type { TcbRules } from "../policy/policy.ts";
import type { Finding } from "../result.ts";
import { faultsOf, judged } from "./judged.ts";
import type { TcbInfo } from "./tcb-info.ts";
import type { SgxExtension } from "./sgx-extension.ts";
import type { ReachedTcb } from "./tcb-status.ts";

/** What is wrong when TCB info is about another platform than the machine's certificate. */
export function platformFaults({ fmspc, pceId }: TcbInfo, machine: SgxExtension): string[] {
  const [stated, actual] = [`${fmspc}, PCEID ${pceId}`, `${machine.fmspc}, PCEID ${machine.pceId}`];
  return faultsOf([stated !== actual, `the TCB info is for FMSPC ${stated}, and this machine has ${actual}: get the collateral for that`]);
}

/** Judges a converged status under the policy. A revoked platform is never acceptable. */
export function verifyTcbStatus(tcb: ReachedTcb, { accept }: TcbRules): Finding {
  const { status, dateMs, advisories } = tcb;
  const date = new Date(dateMs).toISOString().slice(0, 10);
  const said = `the platform is ${status} by Intel's assessment of ${date}${advisories.length > 0 ? ` (${advisories.join(", ")})` : ""}`;
  return judged(
    "tdx.tcb-status",
    faultsOf([status === "Revoked" || !accept.includes(status), `${said}; the policy accepts ${accept.join(", ")}`]),
    said,
  );
}

/** Judges the advisories of a level under the policy. */
export function verifyAdvisories(advisories: readonly string[], { refuse_advisories }: TcbRules): Finding {
  const refused = advisories.filter((advisory) => refuse_advisories.includes(advisory));
  return judged(
    "tdx.advisories",
    faultsOf([refused.length > 0, `the policy refuses ${refused.join(", ")}`]),
    advisories.length > 0 ? `the policy does not refuse ${advisories.join(", ")}` : "no advisory concerns this platform",
  );
}
