import { toHex } from "@bauta/protocol";
import type { Finding } from "../result.ts";
import { faultsOf, judged } from "./judged.ts";
import { equalUnderMask } from "./masked.ts";
import type { TdReport } from "./td-report.ts";

/**
 * Bit 0 first: x87 and SSE (bits 0 and 1), without which no TD can be, and all bits that a TD cannot have. Those in
 * between may be on: AVX, AVX-512, PT, PKU, CET, UINTR, LBR and AMX (2, 5–9, 11, 12, 14, 15, 17, 18).
 */
const FIXED = "1b24f9ffffffffff";
const ON = "0300000000000000";

/**
 * Verifies XFAM, the processor state that a TD may use: what is always on is, and nothing is that a TD cannot have.
 * @see Intel TDX Module Base Architecture Specification, "XFAM"
 */
export function verifyXfam(report: TdReport): Finding {
  const xfam = toHex(report.xfam);
  return judged(
    "td.xfam",
    faultsOf([!equalUnderMask(xfam, ON, FIXED), `x87 or SSE is off, or a bit on that a TD cannot have: ${xfam}`]),
    "XFAM is that of a TD",
  );
}
