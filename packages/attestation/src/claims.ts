import { toHex } from "@bauta/protocol";
import { readMeasuredCompose } from "./dstack/compose-hash.ts";
import type { Evidence } from "./evidence/evidence.ts";
import { readMeasurements } from "./policy/measurements.ts";
import type { Build } from "./policy/policy.ts";
import type { Quote, TdReport } from "./tdx/quote.ts";
import type { Claims, Statements } from "./result.ts";
import type { SgxExtension } from "./tdx/sgx-extension.ts";
import type { SigningKey } from "./binding/signing-key.ts";
import type { Verdict } from "./verdict.ts";

/** What claims beyond the quote's own are read from. */
export interface ClaimSources {
  readonly signing: SigningKey;
  /** The build that the enclave was compared with. */
  readonly build: Build | undefined;
}

/**
 * Puts together what the passed checks carry, and nothing else.
 * @param quote a quote whose origin is proven
 * @param machine what the proven PCK certificate says
 */
export function readClaims(quote: Quote, machine: SgxExtension | undefined, verdict: Verdict, { signing, build }: ClaimSources): Claims {
  const keyBound = verdict.checks.some(({ id, status }) => id === "key.bound-to-report-data" && status === "pass");
  return {
    ...readReportClaims(quote.report),
    ...(machine && { fmspc: machine.fmspc }),
    ...(keyBound && signing.address && { signing_address: `0x${toHex(signing.address)}` }),
    ...(verdict.pinned && build && { build: build.name }),
  };
}

/** Puts together what the server says about itself. */
export function readStatements({ teeProvider, teeHardware, model }: Evidence): Statements {
  return {
    ...(teeProvider !== undefined && { tee_provider: teeProvider }),
    ...(teeHardware !== undefined && { tee_hardware: teeHardware }),
    ...(model !== undefined && { model }),
  };
}

function readReportClaims(report: TdReport): Claims {
  const { measured } = readMeasuredCompose(report);
  return {
    ...readMeasurements(report),
    mrconfigid: toHex(report.mrConfigId),
    mrowner: toHex(report.mrOwner),
    mrownerconfig: toHex(report.mrOwnerConfig),
    mrseam: toHex(report.mrSeam),
    report_data: toHex(report.reportData),
    td_attributes: toHex(report.tdAttributes),
    xfam: toHex(report.xfam),
    tee_tcb_svn: toHex(report.teeTcbSvn),
    ...(measured !== undefined && { compose_hash: measured }),
  };
}
