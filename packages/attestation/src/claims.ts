import { toHex } from "@bauta/protocol";
import type { ContentAppraisal } from "./appraise-contents.ts";
import type { SigningKey } from "./binding/signing-key.ts";
import type { Evidence } from "./evidence/evidence.ts";
import { readMeasurements } from "./policy/measurements.ts";
import type { Claims, Statements } from "./result.ts";
import type { Platform } from "./tdx/platform.ts";
import type { TdReport } from "./tdx/quote.ts";
import type { Verdict } from "./verdict.ts";

/** What claims are read from. */
export interface ClaimSources {
  readonly platform: Platform;
  readonly contents: ContentAppraisal;
  readonly verdict: Verdict;
  readonly signing: SigningKey;
}

/** Puts together what the passed checks carry, and nothing else. Of a quote whose origin is not proven nothing is claimed. */
export function readClaims({ platform, contents, verdict, signing }: ClaimSources): Claims {
  const { quote, doubt, machine } = platform;
  if (!quote || doubt) return {};
  const keyBound = verdict.checks.some(({ id, status }) => id === "key.bound-to-report-data" && status === "pass");
  return {
    ...readReportClaims(quote.report),
    ...(machine && { fmspc: machine.fmspc }),
    ...readPlatformClaims(platform),
    ...contents.claims,
    ...contents.gpus?.claims,
    ...contents.keys?.claims,
    ...(keyBound && signing.address && { signing_address: `0x${toHex(signing.address)}` }),
    ...(verdict.pinned && contents.build && { build: contents.build.name }),
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

function readPlatformClaims({ tcb, collateral }: Platform): Claims {
  return {
    ...(tcb && {
      tcb_status: tcb.status,
      tcb_date: tcb.date,
      advisories: tcb.advisories,
      tcb_evaluation_number: tcb.evaluationNumber,
    }),
    ...(collateral && { collateral_expires: new Date(collateral.expiresMs).toISOString() }),
  };
}

function readReportClaims(report: TdReport): Claims {
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
  };
}
