import { toHex } from "@bauta/protocol";
import { type Finding, notChecked } from "../result.ts";
import { faultsIn, faultsOf, judged } from "./judged.ts";
import { equalUnderMask } from "./masked.ts";
import type { QeIdentity } from "./qe-identity.ts";

/**
 * Intel's signer and product number of the enclave that makes TDX quotes, as every signed TD QE identity so far states
 * them: what is left to compare with where no identity came along.
 */
const INTEL_TD_QE = {
  mrSigner: "dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5",
  isvProdId: 2,
  attributes: "0",
  attributesMask: "0",
  miscSelect: "0",
  miscSelectMask: "0",
} as const;

/** INIT, and INIT with DEBUG, in the first byte of an enclave's attributes. @see Intel SDM volume 3D, "ATTRIBUTES" */
const INITIALISED = 0x01;
const STATE_MASK = 0x03;

/**
 * Verifies that the enclave which holds the attestation key is Intel's TD quoting enclave, initialised and not under
 * debug. A PCE certifies whatever enclave its host runs: without this, any owner of a genuine machine could have an
 * enclave of his own certified, and let it "quote" TDs that do not exist.
 * @param qeReport the quoting enclave's SGX report, 384 bytes
 * @param reportSignature what came of the report's signature: without it the report is anybody's
 * @param identity Intel's signed description of the enclave, if there is one to rely on; it decides
 * @see Intel SGX and TDX Provisioning Certification Service API v4, "Get TDX QE Identity"
 */
export function verifyQuotingEnclave(qeReport: Uint8Array<ArrayBuffer>, reportSignature: Finding, identity?: QeIdentity): Finding {
  const id = "tdx.qe-identity-match";
  if (reportSignature.status !== "pass")
    return notChecked(id, `the quoting enclave's report is not proven: ${reportSignature.id} did not pass`);
  // Intel compares MISCSELECT byte by byte as the report holds it, not as a number.
  const miscSelect = toHex(qeReport.subarray(16, 20));
  const attributes = toHex(qeReport.subarray(48, 64));
  const mrSigner = toHex(qeReport.subarray(128, 160));
  const isvProdId = readU16(qeReport, 256);
  const expected = identity ?? INTEL_TD_QE;
  const faults = faultsOf(
    [mrSigner !== expected.mrSigner, `its MRSIGNER ${mrSigner} is not Intel's`],
    [isvProdId !== expected.isvProdId, `its ISVPRODID is ${isvProdId}, not ${expected.isvProdId}`],
    [((qeReport[48] ?? 0) & STATE_MASK) !== INITIALISED, "it runs in debug mode, or was never initialised"],
    [!equalUnderMask(attributes, expected.attributes, expected.attributesMask), `its attributes ${attributes} differ`],
    [!equalUnderMask(miscSelect, expected.miscSelect, expected.miscSelectMask), `its MISCSELECT ${miscSelect} differs`],
  );
  return judged(
    id,
    faultsIn("this is not Intel's TD quoting enclave", faults),
    identity
      ? "the quoting enclave is as Intel's identity of it says"
      : "the quoting enclave states Intel's signer; Intel's identity of it was not compared",
  );
}

/** The quoting enclave's security version. */
export function readIsvSvn(qeReport: Uint8Array): number {
  return readU16(qeReport, 258);
}

/** @see Intel SGX SDK, sgx_report_body_t, for what stands where */
function readU16(report: Uint8Array, offset: number): number {
  return (report[offset] ?? 0) + 256 * (report[offset + 1] ?? 0);
}
