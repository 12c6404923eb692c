import type { Machine } from "./machine.ts";

const EVALUATION_NUMBER = 17;
const TCB_DATE = "2026-01-01T00:00:00Z";
const OLD_TCB_DATE = "2024-01-01T00:00:00Z";
const ZERO_SIGNER = "0".repeat(96);

/** When a document was issued and until when it is current, RFC 3339. */
export interface Dates {
  readonly issueDate: string;
  readonly nextUpdate: string;
}

/** Who signed a TDX module, hex. */
export interface ModuleSigner {
  readonly mrsigner: string;
  readonly attributes: string;
  readonly attributesMask: string;
}

/** What a level says about whoever reaches it. */
export interface LevelStatus {
  readonly tcbDate: string;
  readonly tcbStatus: string;
  readonly advisoryIDs?: readonly string[];
}

export interface TcbComponent {
  readonly svn: number;
  readonly category?: string;
  readonly type?: string;
}

export interface PlatformLevel extends LevelStatus {
  readonly tcb: {
    readonly sgxtcbcomponents: readonly TcbComponent[];
    readonly pcesvn: number;
    readonly tdxtcbcomponents: readonly TcbComponent[];
  };
}

/** A level of a TDX module or of the quoting enclave. */
export interface IsvLevel extends LevelStatus {
  readonly tcb: { readonly isvsvn: number };
}

export interface ModuleIdentity extends ModuleSigner {
  readonly id: string;
  readonly tcbLevels: readonly IsvLevel[];
}

/** TDX TCB info, version 3. @see Intel SGX and TDX Provisioning Certification Service API v4, "Get TDX TCB Info" */
export interface TcbInfo extends Dates {
  readonly id: string;
  readonly version: number;
  readonly fmspc: string;
  readonly pceId: string;
  readonly tcbType: number;
  readonly tcbEvaluationDataNumber: number;
  readonly tdxModule: ModuleSigner;
  readonly tdxModuleIdentities: readonly ModuleIdentity[];
  readonly tcbLevels: readonly PlatformLevel[];
}

/** TD QE identity, version 2. @see Intel SGX and TDX Provisioning Certification Service API v4, "Get TDX QE Identity" */
export interface QeIdentity extends Dates {
  readonly id: string;
  readonly version: number;
  readonly tcbEvaluationDataNumber: number;
  readonly miscselect: string;
  readonly miscselectMask: string;
  readonly attributes: string;
  readonly attributesMask: string;
  readonly mrsigner: string;
  readonly isvprodid: number;
  readonly tcbLevels: readonly IsvLevel[];
}

/** TCB info by which this machine is up to date, with an older level below. */
export function tcbInfoOf(machine: Machine, dates: Dates): TcbInfo {
  const signer = { mrsigner: ZERO_SIGNER, attributes: "0".repeat(16), attributesMask: "F".repeat(16) };
  const moduleSvn = machine.teeTcbSvn[0] ?? 0;
  const moduleVersion = (machine.teeTcbSvn[1] ?? 0).toString(16).toUpperCase().padStart(2, "0");
  const components = (svns: Iterable<number>) => Array.from(svns, (svn) => ({ svn }));
  // The module's own two bytes are judged by its identity; in the levels Intel puts the SVN first and zero second.
  const tdxSvns = [...machine.teeTcbSvn];
  tdxSvns[1] = 0;
  const level = (pcesvn: number, tcbDate: string, tcbStatus: string): PlatformLevel => ({
    tcb: { sgxtcbcomponents: components(machine.componentSvns), pcesvn, tdxtcbcomponents: components(tdxSvns) },
    tcbDate,
    tcbStatus,
  });
  return {
    id: "TDX",
    version: 3,
    ...dates,
    fmspc: machine.fmspc.toString("hex").toUpperCase(),
    pceId: machine.pceId.toString("hex").toUpperCase(),
    tcbType: 0,
    tcbEvaluationDataNumber: EVALUATION_NUMBER,
    tdxModule: signer,
    tdxModuleIdentities: [
      {
        id: `TDX_${moduleVersion}`,
        ...signer,
        tcbLevels: [
          { tcb: { isvsvn: moduleSvn }, tcbDate: TCB_DATE, tcbStatus: "UpToDate" },
          { tcb: { isvsvn: Math.max(0, moduleSvn - 1) }, tcbDate: OLD_TCB_DATE, tcbStatus: "OutOfDate" },
        ],
      },
    ],
    tcbLevels: [level(machine.pceSvn, TCB_DATE, "UpToDate"), level(Math.max(0, machine.pceSvn - 6), OLD_TCB_DATE, "OutOfDate")],
  };
}

/** The identity of the quoting enclave that this machine runs, masked as Intel masks it. */
export function qeIdentityOf(machine: Machine, dates: Dates): QeIdentity {
  const qe = machine.quotingEnclave;
  return {
    id: "TD_QE",
    version: 2,
    ...dates,
    tcbEvaluationDataNumber: EVALUATION_NUMBER,
    miscselect: "00000000",
    miscselectMask: "FFFFFFFF",
    attributes: "11000000000000000000000000000000",
    attributesMask: "FBFFFFFFFFFFFFFF0000000000000000",
    mrsigner: qe.mrSigner.toString("hex").toUpperCase(),
    isvprodid: qe.isvProdId,
    tcbLevels: [{ tcb: { isvsvn: qe.isvSvn }, tcbDate: TCB_DATE, tcbStatus: "UpToDate" }],
  };
}
