import { toHex } from "@bauta/protocol";
import { failed, type Finding, notChecked, passed } from "../result.ts";

/** Intel's signer and product number of the enclave that makes TDX quotes, as every signed TD QE identity so far states them. */
const INTEL_TD_QE = { mrSigner: "dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5", isvProdId: 2 } as const;

/** Where an SGX report has what, in bytes. @see Intel SGX SDK, sgx_report_body_t */
const OFFSET = { attributes: 48, mrSigner: 128, isvProdId: 256, isvSvn: 258 } as const;
const ATTRIBUTES_BYTES = 16;
const MR_SIGNER_BYTES = 32;
/** Bits of the attributes' first byte. @see Intel SDM volume 3D, "ATTRIBUTES" */
const INIT = 0x01;
const DEBUG = 0x02;

/**
 * Verifies that the enclave which holds the attestation key is Intel's TD quoting enclave, initialised and not under
 * debug. A PCE certifies whatever enclave its host runs: without this, any owner of a genuine machine could have an
 * enclave of his own certified, and let it "quote" TDs that do not exist.
 * @param qeReport the quoting enclave's SGX report, 384 bytes
 * @param reportSignature what came of the report's signature: without it the report is anybody's
 * @see Intel SGX and TDX Provisioning Certification Service API v4, "Get TDX QE Identity"
 */
export function verifyQuotingEnclave(qeReport: Uint8Array<ArrayBuffer>, reportSignature: Finding): Finding {
  const id = "tdx.qe-identity-match";
  if (reportSignature.status !== "pass")
    return notChecked(id, `not checked: nothing proves that the quoting enclave's report is one, since ${reportSignature.id} did not pass`);
  const view = new DataView(qeReport.buffer, qeReport.byteOffset, qeReport.byteLength);
  const attributes = qeReport.subarray(OFFSET.attributes, OFFSET.attributes + ATTRIBUTES_BYTES);
  const [flags = DEBUG] = attributes;
  const mrSigner = toHex(qeReport.subarray(OFFSET.mrSigner, OFFSET.mrSigner + MR_SIGNER_BYTES));
  const isvProdId = view.getUint16(OFFSET.isvProdId, true);
  const detail = {
    mr_signer: mrSigner,
    isv_prod_id: `${isvProdId}`,
    isv_svn: `${view.getUint16(OFFSET.isvSvn, true)}`,
    attributes: toHex(attributes),
  };
  const faults = [
    ...(mrSigner === INTEL_TD_QE.mrSigner
      ? []
      : [`its MRSIGNER ${mrSigner} is not Intel's: whoever made it may sign quotes of TDs that do not exist`]),
    ...(isvProdId === INTEL_TD_QE.isvProdId ? [] : [`its ISVPRODID is ${isvProdId}, not ${INTEL_TD_QE.isvProdId} (TD quoting enclave)`]),
    ...((flags & DEBUG) === 0 ? [] : ["it runs in debug mode: its host can read the attestation key and sign what it likes"]),
    ...((flags & INIT) === 0 ? ["its attributes say that it was never initialised"] : []),
  ];
  if (faults.length > 0) return failed(id, `the quote was not signed by Intel's TD quoting enclave: ${faults.join("; ")}`, detail);
  return passed(
    id,
    "the quoting enclave states Intel's signer and product and is not under debug; its minimum security version (ISVSVN) and Intel's signed identity of it are not compared by this version",
    detail,
  );
}
