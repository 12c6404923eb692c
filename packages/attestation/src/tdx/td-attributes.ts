import { toHex } from "@bauta/protocol";
import type { TdReport } from "./quote.ts";
import { failed, type Finding, passed } from "../result.ts";

const DEBUG_BIT = 0x01;

/**
 * Verifies that the TD is not under debug: the whole first byte of its attributes is zero.
 * @see Intel TDX Module Base Architecture Specification, "ATTRIBUTES" (TUD)
 */
export function verifyDebugOff(report: TdReport): Finding {
  const id = "td.debug-off";
  const detail = { td_attributes: toHex(report.tdAttributes) };
  const [debug = 0xff] = report.tdAttributes;
  if (debug === 0) return passed(id, "the TD is not under debug", detail);
  return isOnlyDebug(report)
    ? failed(id, "the TD runs in debug mode: its host can read and change its memory", detail)
    : failed(id, "reserved debug bits of the TD's attributes are set", detail);
}

/** True when the debug bit is all that is wrong with the first byte, which a policy may allow. */
export function isOnlyDebug(report: TdReport): boolean {
  return report.tdAttributes[0] === DEBUG_BIT;
}
