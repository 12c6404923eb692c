import type { SimulatedBuild } from "./build.ts";
import type { QuoteFaults } from "./faults/quote-faults.ts";
import type { Machine } from "./machine.ts";
import { hexBytes, type QuoteFormat, register } from "./quote-layout.ts";

const XFAM = "e702060000000000";
/** SEPT_VE_DISABLE, and nothing else. */
const TD_ATTRIBUTES = "0000001000000000";
const TD_ATTRIBUTES_DEBUG = "0100001000000000";
const NO_REGISTER = "00".repeat(48);
const NO_ATTRIBUTES = "00".repeat(8);

/** What a TD is, as its report tells it. */
export interface Td {
  readonly machine: Machine;
  readonly build: SimulatedBuild;
  readonly debug: boolean;
  readonly faults: QuoteFaults;
}

/** The TD report up to its report data. @see Intel TDX Module 1.5 ABI Specification, "TDREPORT_STRUCT" */
export function writeReportHead({ machine, build, debug, faults }: Td): Buffer {
  const measured = (name: "mrtd" | "rtmr0" | "rtmr1" | "rtmr2" | "rtmr3") => register(faults.measurements?.[name] ?? build[name]);
  return Buffer.concat([
    teeTcbSvn(machine, faults.teeTcbSvn),
    machine.mrSeam,
    register(faults.mrSignerSeam ?? NO_REGISTER), // zero for Intel's modules
    hexBytes(faults.seamAttributes ?? NO_ATTRIBUTES, 8),
    hexBytes(faults.tdAttributes ?? (debug ? TD_ATTRIBUTES_DEBUG : TD_ATTRIBUTES), 8),
    hexBytes(faults.xfam ?? XFAM, 8),
    measured("mrtd"),
    register(faults.mrConfigId ?? build.mrConfigId),
    register(NO_REGISTER), // MROWNER
    register(NO_REGISTER), // MROWNERCONFIG
    measured("rtmr0"),
    measured("rtmr1"),
    measured("rtmr2"),
    measured("rtmr3"),
  ]);
}

/**
 * What follows the report data: nothing before TD 1.5.
 * @throws RangeError for faults of fields that the format does not have
 * @see Intel DCAP, sgx_quote_5.h, sgx_report2_body_v1_5_t and sgx_report2_body_v1_5_ex_t
 */
export function writeReportTail(td: Td, format: QuoteFormat): Buffer {
  const { machine, faults } = td;
  const isExtended = format === "v5-td15-extended";
  const isTd15 = isExtended || format === "v5-td15";
  if (!isTd15 && (faults.teeTcbSvn2 !== undefined || faults.mrServiceTd !== undefined))
    throw new RangeError(`only quotes of TD 1.5 hold a second TEE_TCB_SVN and MRSERVICETD, not ${format}`);
  if (!isExtended && faults.extension) throw new RangeError(`only quotes of format "v5-td15-extended" have such fields, not ${format}`);
  return Buffer.concat([
    ...(isTd15 ? [teeTcbSvn(machine, faults.teeTcbSvn2), register(faults.mrServiceTd ?? NO_REGISTER)] : []),
    ...(isExtended ? [extensionOf(td)] : []),
  ]);
}

function extensionOf({ machine, faults: { extension = {} } }: Td): Buffer {
  return Buffer.concat([
    Buffer.of(extension.vmId ?? 0),
    Buffer.alloc(32), // TD id
    Buffer.alloc(48), // device information
    register(extension.initialServiceTdHash ?? NO_REGISTER),
    hexBytes(extension.initialServiceTdAttributes ?? NO_ATTRIBUTES, 8),
    Buffer.from(machine.componentSvns), // initial CPUSVN
    machine.teeTcbSvn, // initial TEE TCB SVN
    Buffer.concat([machine.fmspc], 12), // initial FMSPC
    register(extension.currentServiceTdHash ?? NO_REGISTER),
    hexBytes(extension.currentServiceTdAttributes ?? NO_ATTRIBUTES, 8),
  ]);
}

function teeTcbSvn(machine: Machine, fault: string | undefined): Buffer {
  return fault === undefined ? machine.teeTcbSvn : hexBytes(fault, 16);
}
