import { runPlatform } from "../browser/run-case.ts";
import type { DifferentialCase } from "./differential-cases.ts";
import type { Verdict } from "./other-verifiers.ts";

/** Policy decides on these, or they only speak about them; other verifiers leave both to their caller. */
const LEFT_TO_POLICY = new Set(["tdx.tcb-status", "tdx.advisories"]);

/** Our verdict in the words of the others: the status where all else holds, or a refusal. */
export async function judgeHere({ name, quote, collateral, nowMs, root }: DifferentialCase): Promise<Verdict> {
  // appraise() throws RangeError: such a time is its caller's fault.
  if (!Number.isFinite(nowMs)) return { verdict: "refused", why: "" };
  const { findings, tcb } = await runPlatform({
    name,
    quote,
    endorsements: collateral as never,
    nowMs,
    trustRoots: root === undefined ? [] : [root],
  });
  const failing = findings.filter(({ status }) => status === "fail").map(({ id }) => id);
  const decisive = failing.filter((id) => !LEFT_TO_POLICY.has(id));
  // No policy can accept a revoked platform, and without a level there is nothing to accept.
  if (decisive.length > 0) return { verdict: "refused", why: decisive.join(", ") };
  if (!tcb || tcb.status === "Revoked") return { verdict: "refused", why: failing.join(", ") };
  return { verdict: tcb.status, why: "" };
}
