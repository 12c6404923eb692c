import { toHex } from "@bauta/protocol";
import { readComposeHash } from "./compose-hash.ts";
import type { Evidence } from "./evidence.ts";
import { readMeasurements } from "./measurements.ts";
import type { Build } from "./policy.ts";
import type { Quote } from "./quote.ts";
import type { Claims } from "./result.ts";
import type { SgxExtension } from "./sgx-extension.ts";
import type { SigningKey } from "./signing-key.ts";

/** Everything that claims are read from; what is undefined could not be read. */
export interface ClaimSources {
  readonly evidence: Evidence;
  readonly quote: Quote | undefined;
  readonly signing: SigningKey;
  readonly machine: SgxExtension | undefined;
  /** The build that matched. */
  readonly build: Build | undefined;
}

/** Puts together what evidence states, whether or not its checks passed. */
export async function readClaims({ evidence, quote, signing, machine, build }: ClaimSources): Promise<Claims> {
  const compose = quote && (await readComposeHash(quote.report, evidence.info));
  const composeHash = compose?.served ?? compose?.measured;
  return {
    ...(quote && readReportClaims(quote)),
    ...(machine && { fmspc: machine.fmspc }),
    ...(composeHash !== undefined && { compose_hash: composeHash }),
    ...(signing.address && { signing_address: `0x${toHex(signing.address)}` }),
    ...(build && { build: build.name }),
    ...(evidence.teeProvider !== undefined && { tee_provider: evidence.teeProvider }),
    ...(evidence.teeHardware !== undefined && { tee_hardware: evidence.teeHardware }),
    ...(evidence.model !== undefined && { model: evidence.model }),
  };
}

function readReportClaims({ report }: Quote): Claims {
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
