import type { Allowances } from "../policy/policy.ts";
import { type Finding, notChecked } from "../result.ts";
import { faultsOf, judged } from "./judged.ts";
import { isMigratable } from "./td-attributes.ts";
import type { TdReport } from "./td-report.ts";

/** Where an extended report holds the initial and the current SERVTD_HASH and SERVTD_ATTR, in bytes. */
const INITIAL = [81, 137] as const;
const CURRENT = [181, 237] as const;

/**
 * Verifies that no service TD (a migration TD) is bound to the TD: its hashes in the report are zero. A report of TD 1.0
 * does not show them, and then it counts that the TD is not migratable.
 * @see Intel TDX Module Base Architecture Specification, "Service TDs"
 */
export function verifyServiceTd(report: TdReport, allow: Allowances): Finding {
  const id = "td.service-td";
  const { mrServiceTd, extension = new Uint8Array() } = report;
  const migratable = isMigratable(report);
  if (!mrServiceTd && migratable && !allow.service_td)
    return notChecked(id, "TD 1.0 does not show MRSERVICETD, and this TD is migratable (td.attributes)");
  const hashes = [mrServiceTd ?? new Uint8Array(), extension.subarray(...INITIAL), extension.subarray(...CURRENT)];
  const bound = hashes.some((bytes) => bytes.some((byte) => byte !== 0));
  return judged(
    id,
    faultsOf([bound && !allow.service_td, "MRSERVICETD is not zero: a service TD may move this TD"]),
    bound || migratable ? "the policy allows a service TD" : "no service TD can move this TD",
  );
}
