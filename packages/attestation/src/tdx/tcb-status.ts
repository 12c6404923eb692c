import type { TcbStatus } from "../policy/tcb-status.ts";
import type { SgxExtension } from "./sgx-extension.ts";
import type { PlatformLevel, TcbInfo } from "./tcb-info.ts";
import type { IsvLevel, TcbVerdict } from "./tcb-level.ts";
import type { ModuleTcb } from "./tdx-module.ts";

/** The converged verdict on platform, TDX module and quoting enclave. */
export interface ReachedTcb {
  readonly status: TcbStatus;
  /** The oldest of their assessments, milliseconds since 1970. */
  readonly dateMs: number;
  readonly advisories: readonly string[];
}

/** Why there is none, when the platform reaches no level. */
export const NOT_SUPPORTED = "the platform is below every level that Intel lists";

/** Statuses that Intel gives a platform's level, and those that it gives a module's or an enclave's. */
const LEVEL_STATUS = /^(?:(?:Configuration(?:AndSWHardening)?|SWHardening|OutOfDateConfiguration)Needed|UpToDate|OutOfDate|Revoked)$/;
const PART_STATUS = /^(?:UpToDate|OutOfDate|Revoked)$/;

/**
 * Finds the highest level that a machine reaches in every component. Where the TDX module has an identity of its own,
 * that judges the first two TDX components.
 * @see Intel SGX and TDX Provisioning Certification Service API v4, "Determining TCB status"
 */
export function reachPlatformLevel({ levels }: TcbInfo, machine: SgxExtension, teeTcbSvn: Uint8Array): PlatformLevel | undefined {
  const from = (teeTcbSvn[1] ?? 0) > 0 ? 2 : 0;
  return levels.find(
    ({ sgx, pceSvn, tdx }) =>
      sgx.every((svn, index) => (machine.componentSvns[index] ?? -1) >= svn) &&
      machine.pceSvn >= pceSvn &&
      tdx.every((svn, index) => index < from || (teeTcbSvn[index] ?? -1) >= svn),
  );
}

/**
 * Converges the levels of one moment: the platform's with its module's and the quoting enclave's.
 * @returns a sentence instead when one of them reaches no level
 */
export function convergeTcb(
  platform: PlatformLevel | undefined,
  { version, level }: ModuleTcb,
  enclave: IsvLevel | undefined,
): ReachedTcb | string {
  if (!platform) return NOT_SUPPORTED;
  if (!enclave || (version > 0 && !level)) return "the quoting enclave is below every level that Intel lists";
  const parts: readonly TcbVerdict[] = level ? [level, enclave] : [enclave];
  if (!LEVEL_STATUS.test(platform.status) || !parts.every(({ status }) => PART_STATUS.test(status)))
    return "Intel gives it an unknown status";
  const all = [platform, ...parts];
  return {
    status: convergeStatus(
      platform.status as TcbStatus,
      parts.map(({ status }) => status),
    ),
    dateMs: Math.min(...all.map(({ dateMs }) => dateMs)),
    advisories: [...new Set(all.flatMap(({ advisories }) => advisories))],
  };
}

/**
 * Weighs the moment of launch against now (TD 1.5, where a module can be updated under a running TD). A TD that was
 * launched on an outdated module and runs on the latest one is advised to be launched anew. It is advised only where all
 * versions of Intel's library do so, and an outdated or revoked status of now counts, which they leave out.
 * @param advisable whether the module of launch is outdated, and that of now the latest
 * @see Intel DCAP Quote Verification Library, TDRelaunchCheck.cpp
 */
export function adviseRelaunch(launch: ReachedTcb | string, now: ReachedTcb | string, advisable: boolean): ReachedTcb | string {
  if (typeof launch === "string") return launch;
  if (typeof now === "string") return now;
  if (advisable && OUTDATED.test(launch.status) && !BAD.test(now.status)) {
    const configuration = `${launch.status}${now.status}`.includes("Configuration");
    return { ...launch, status: configuration ? "TDRelaunchAdvisedConfigurationNeeded" : "TDRelaunchAdvised" };
  }
  return now.status === "Revoked" || (BAD.test(now.status) && !BAD.test(launch.status)) ? now : launch;
}

const OUTDATED = /^OutOfDate/;
const BAD = /^(?:OutOfDate|Revoked)/;

function convergeStatus(platform: TcbStatus, parts: readonly string[]): TcbStatus {
  if (platform === "Revoked" || parts.includes("Revoked")) return "Revoked";
  if (!parts.includes("OutOfDate")) return platform;
  return platform.includes("Configuration") ? "OutOfDateConfigurationNeeded" : "OutOfDate";
}
