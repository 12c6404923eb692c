import { toHex } from "@bauta/protocol";
import type { Allowances } from "../policy/policy.ts";
import type { Finding } from "../result.ts";
import { faultsOf, judged } from "./judged.ts";
import { equalUnderMask } from "./masked.ts";
import type { TdReport } from "./td-report.ts";

const DEBUG_BIT = 0x01;

/**
 * Masks over a TD's attributes, bit 0 first. SEPT_VE_DISABLE is bit 28; PERFMON (63) is the only other bit that may be on;
 * a service TD brings MIGRATABLE (29) and SERVTD_EXT (17) with it.
 * @see Intel TDX Module ABI Specification, "ATTRIBUTES"
 */
const SEPT_VE_DISABLE = "0000001000000000";
const MIGRATABLE = "0000002000000000";
const OFF = "00ffffefffffff7f";
const OFF_BUT_FOR_SERVICE_TD = "00fffdcfffffff7f";

/**
 * Verifies that the TD is not under debug: the whole first byte of its attributes is zero.
 * @see Intel TDX Module Base Architecture Specification, "ATTRIBUTES" (TUD)
 */
export function verifyDebugOff(report: TdReport): Finding {
  const [debug = 0xff] = report.tdAttributes;
  return judged(
    "td.debug-off",
    faultsOf(
      [debug === DEBUG_BIT, "the TD runs in debug mode: its host can read and change its memory"],
      [debug > DEBUG_BIT, "reserved debug bits of the TD's attributes are set"],
    ),
    "the TD is not under debug",
  );
}

/** True when the debug bit is all that is wrong with the first byte, which a policy may allow. */
export function isOnlyDebug(report: TdReport): boolean {
  return report.tdAttributes[0] === DEBUG_BIT;
}

/** Whether a TD may be moved to another machine by a migration TD. */
export function isMigratable({ tdAttributes }: TdReport): boolean {
  return equalUnderMask(toHex(tdAttributes), MIGRATABLE, MIGRATABLE);
}

/**
 * Verifies a TD's attributes behind the debug byte: SEPT_VE_DISABLE is on, and of all others only PERFMON may be.
 * @param allow what the policy accepts beyond that
 */
export function verifyAttributes(report: TdReport, allow: Allowances): Finding {
  const attributes = toHex(report.tdAttributes);
  const off = allow.service_td ? OFF_BUT_FOR_SERVICE_TD : OFF;
  return judged(
    "td.attributes",
    faultsOf(
      [!allow.sept_ve_disable_off && !equalUnderMask(attributes, SEPT_VE_DISABLE, SEPT_VE_DISABLE), "SEPT_VE_DISABLE (bit 28) is off"],
      [!equalUnderMask(attributes, "0", off), `bits are on that must be off (MIGRATABLE, PKS, KL or reserved): ${attributes}`],
    ),
    "the policy allows these attributes",
  );
}
