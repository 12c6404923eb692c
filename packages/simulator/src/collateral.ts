import type { Collateral } from "@bauta/attestation";
import { toPem } from "./certificates.ts";
import { signRaw } from "./keys.ts";
import type { Machine } from "./machine.ts";
import type { Pki } from "./pki.ts";
import { issueRevocationList } from "./revocation-list.ts";

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
const VALID_DAYS = 30;
const EVALUATION_NUMBER = 17;
const CRL_NUMBER = 1;
const TCB_DATE = "2026-01-01T00:00:00Z";
const OLD_TCB_DATE = "2024-01-01T00:00:00Z";
const ZERO_SIGNER = "0".repeat(96);

/**
 * Issues the collateral that belongs to a machine: TCB info v3 and QE identity v2 in Intel's form, signed by the
 * TCB signer over their exact text, and both revocation lists. Issued a day before `issuedMs`, current for 30 days.
 * @see Intel SGX and TDX Provisioning Certification Service API v4, "Get TDX TCB Info", "Get TDX QE Identity"
 */
export function issueCollateral(pki: Pki, machine: Machine, issuedMs: number): Collateral {
  const dates = { issueDate: isoSeconds(issuedMs - DAY_MS), nextUpdate: isoSeconds(issuedMs + VALID_DAYS * DAY_MS) };
  const tcbInfo = JSON.stringify(tcbInfoOf(machine, dates));
  const qeIdentity = JSON.stringify(qeIdentityOf(machine, dates));
  const signerChain = toPem(pki.tcbSigning.der, pki.root.der);
  const crl = { number: CRL_NUMBER, thisUpdateMs: issuedMs - DAY_MS };
  return {
    tcb_info: tcbInfo,
    tcb_info_signature: signRaw(pki.tcbSigning.key, Buffer.from(tcbInfo)).toString("hex"),
    tcb_info_issuer_chain: signerChain,
    qe_identity: qeIdentity,
    qe_identity_signature: signRaw(pki.tcbSigning.key, Buffer.from(qeIdentity)).toString("hex"),
    qe_identity_issuer_chain: signerChain,
    pck_crl: issueRevocationList({
      ...crl,
      issuer: pki.pckCa,
      nextUpdateMs: issuedMs + VALID_DAYS * DAY_MS,
      // Somebody else's: a list with entries, none of which is this machine.
      revokedSerials: [Buffer.from("00c0ffee", "hex"), Buffer.from("7f".repeat(20), "hex")],
    }).toString("hex"),
    pck_crl_issuer_chain: toPem(pki.pckCa.der, pki.root.der),
    root_ca_crl: issueRevocationList({ ...crl, issuer: pki.root, nextUpdateMs: issuedMs + YEAR_MS, revokedSerials: [] }).toString("hex"),
  };
}

interface Dates {
  readonly issueDate: string;
  readonly nextUpdate: string;
}

function tcbInfoOf(machine: Machine, dates: Dates): object {
  const signer = { mrsigner: ZERO_SIGNER, attributes: "0".repeat(16), attributesMask: "F".repeat(16) };
  const moduleSvn = machine.teeTcbSvn[0] ?? 0;
  const moduleVersion = (machine.teeTcbSvn[1] ?? 0).toString(16).toUpperCase().padStart(2, "0");
  const components = (svns: Iterable<number>) => Array.from(svns, (svn) => ({ svn }));
  // The module's own two bytes are judged by its identity; in the levels Intel puts the SVN first and zero second.
  const tdxSvns = [...machine.teeTcbSvn];
  tdxSvns[1] = 0;
  const level = (pceSvn: number, tcbDate: string, tcbStatus: string) => ({
    tcb: { sgxtcbcomponents: components(machine.componentSvns), pcesvn: pceSvn, tdxtcbcomponents: components(tdxSvns) },
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
          { tcb: { isvsvn: moduleSvn - 1 }, tcbDate: OLD_TCB_DATE, tcbStatus: "OutOfDate" },
        ],
      },
    ],
    tcbLevels: [level(machine.pceSvn, TCB_DATE, "UpToDate"), level(machine.pceSvn - 6, OLD_TCB_DATE, "OutOfDate")],
  };
}

function qeIdentityOf(machine: Machine, dates: Dates): object {
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

function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
