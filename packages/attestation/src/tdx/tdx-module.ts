import { toHex } from "@bauta/protocol";
import type { Finding } from "../result.ts";
import { faultsOf, judged } from "./judged.ts";
import { equalUnderMask } from "./masked.ts";
import type { ModuleIdentity, ModuleSigner, TcbInfo } from "./tcb-info.ts";
import { type IsvLevel, reachIsvLevel } from "./tcb-level.ts";
import type { TdReport } from "./td-report.ts";

/** The generation of the TDX module that a TEE TCB SVN names, and the level that its security version reaches. */
export interface ModuleTcb {
  /** The module's major version; 0 has no identity of its own. */
  readonly version: number;
  readonly identity: ModuleIdentity | undefined;
  readonly level: IsvLevel | undefined;
}

/** Finds out which module a TEE TCB SVN is of: byte 1 is its major version, byte 0 its security version. */
export function findModule(teeTcbSvn: Uint8Array, { modules }: TcbInfo): ModuleTcb {
  const [isvSvn = 0, version = 0] = teeTcbSvn;
  const identity = version > 0 ? modules.find(({ id }) => id === moduleId(version)) : undefined;
  const level = identity && reachIsvLevel(identity.levels, isvSvn);
  return { version, identity, level };
}

/**
 * Verifies that Intel knows the TDX modules of a report (the one of launch, and in TD 1.5 the one of now) and lists a
 * level that each reaches. Whether the level is a good one is judged with the platform's.
 * @see Intel SGX and TDX Provisioning Certification Service API v4, "TDX Module Identity"
 */
export function verifyModuleIdentity(modules: readonly ModuleTcb[]): Finding {
  const faults = modules.flatMap(({ version, identity, level }) =>
    faultsOf(
      [version > 0 && !identity, `Intel does not know the TDX module ${moduleId(version)}`],
      [identity !== undefined && !level, `the TDX module ${moduleId(version)} is below every level that Intel lists`],
    ),
  );
  const known = modules.map(({ version, level }) => `${moduleId(version)}${level ? ` (${level.status})` : ""}`);
  return judged("tdx.module-identity", [...new Set(faults)], `Intel knows the TDX module ${[...new Set(known)].join(", now ")}`);
}

/**
 * Verifies who signed the TDX module: MRSIGNERSEAM and the SEAM attributes are zero for Intel's, and as its identity says.
 * @param signer the module's identity, or the general one of a platform; undefined when there is none to rely on
 */
export function verifySeamSigner(report: TdReport, signer: ModuleSigner | undefined): Finding {
  const mrSigner = toHex(report.mrSignerSeam);
  const attributes = toHex(report.seamAttributes);
  const { mrSigner: expected = ZERO, attributes: wanted = ZERO, attributesMask: mask = ZERO } = signer ?? {};
  return judged(
    "td.seam-signer",
    faultsOf(
      [NOT_ZERO.test(mrSigner + expected), `MRSIGNERSEAM ${mrSigner} is not that of Intel's TDX module`],
      [
        NOT_ZERO.test(attributes) || !equalUnderMask(attributes, wanted, mask),
        `the SEAM attributes ${attributes} are not those of Intel's TDX module`,
      ],
    ),
    `the TDX module states Intel as its signer; Intel's identity of it ${signer ? "agrees" : "was not compared"}`,
  );
}

const ZERO = "0";
const NOT_ZERO = /[^0]/;

function moduleId(version: number): string {
  return `TDX_${version.toString(16).padStart(2, "0").toUpperCase()}`;
}
