import type { TcbRules } from "../policy/policy.ts";
import { failed, type Finding, notChecked } from "../result.ts";
import type { Endorsements } from "./endorsements.ts";
import { skip } from "./judged.ts";
import { readIsvSvn } from "./quoting-enclave.ts";
import type { Quote } from "./quote.ts";
import type { SgxExtension } from "./sgx-extension.ts";
import type { ModuleSigner } from "./tcb-info.ts";
import { reachIsvLevel } from "./tcb-level.ts";
import { platformFaults, verifyAdvisories, verifyTcbStatus } from "./tcb-policy.ts";
import { adviseRelaunch, convergeTcb, NOT_SUPPORTED, reachPlatformLevel, type ReachedTcb } from "./tcb-status.ts";
import { findModule, type ModuleTcb, verifyModuleIdentity } from "./tdx-module.ts";

/** The checks that need collateral and a proven quote. */
export const TCB_IDS = ["tdx.tcb-status", "tdx.module-identity", "tdx.advisories"] as const;

/** What Intel's collateral makes of a machine whose quote is proven. */
export interface PlatformTcb {
  /** One for each of {@link TCB_IDS}. */
  readonly findings: readonly Finding[];
  /** Who has to have signed the TDX module, if the collateral says so. */
  readonly seamSigner?: ModuleSigner | undefined;
  readonly tcb?: ReachedTcb;
}

/**
 * Finds the levels that platform, TDX module and quoting enclave reach, at launch and (TD 1.5) now, and converges them.
 * @see Intel SGX and TDX Provisioning Certification Service API v4, "Determining TCB status"
 */
export function appraiseTcb(quote: Quote, machine: SgxExtension, endorsements: Endorsements, rules: TcbRules): PlatformTcb {
  const { tcbInfo, qeIdentity, missing } = endorsements;
  if (!tcbInfo) return { findings: skip(TCB_IDS, missing) };
  const [statusId, ...otherIds] = TCB_IDS;
  const mismatch = platformFaults(tcbInfo, machine);
  if (mismatch.length > 0)
    return { findings: [failed(statusId, mismatch.join("; ")), ...skip(otherIds, `the TCB info is about another platform (${statusId})`)] };

  const { teeTcbSvn, teeTcbSvn2 = teeTcbSvn } = quote.report;
  const [launch, now] = [teeTcbSvn, teeTcbSvn2].map((svn) => findModule(svn, tcbInfo)) as [ModuleTcb, ModuleTcb];
  const module = verifyModuleIdentity([launch, now]);
  const seamSigner = launch.version > 0 ? launch.identity : tcbInfo.module;
  const enclave = qeIdentity && reachIsvLevel(qeIdentity.levels, readIsvSvn(quote.qeReport));
  const [launchPlatform, nowPlatform] = [teeTcbSvn, teeTcbSvn2].map((svn) => reachPlatformLevel(tcbInfo, machine, svn));
  const isLatest = nowPlatform === tcbInfo.levels[0] && now.level === now.identity?.levels[0];
  const tcb = adviseRelaunch(
    convergeTcb(launchPlatform, launch, enclave),
    convergeTcb(nowPlatform, now, enclave),
    isLatest && launch.level?.status === "OutOfDate",
  );
  if (typeof tcb !== "string")
    return { findings: [verifyTcbStatus(tcb, rules), module, verifyAdvisories(tcb.advisories, rules)], seamSigner, tcb };

  // Without every part there is no status; a platform that reaches no level has none whatever the other parts are.
  const unknown = module.status === "pass" ? (qeIdentity ? undefined : missing) : `the TDX module's status is unknown (${module.id})`;
  const status = unknown === undefined || tcb === NOT_SUPPORTED ? failed(statusId, tcb) : notChecked(statusId, unknown);
  return { findings: [status, module, notChecked("tdx.advisories", `no level was reached (${statusId})`)], seamSigner };
}
