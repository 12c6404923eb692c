import { concatBytes, equalBytes } from "@bauta/protocol";
import { sha256, verifyP256 } from "../x509/ecdsa.ts";
import type { Certificate } from "../x509/x509.ts";
import { type Finding, notChecked } from "../result.ts";
import { faultsOf, judged } from "./judged.ts";
import type { Quote } from "./quote.ts";

/** Where a QE report holds its 64 bytes of report data. */
const QE_REPORT_DATA_OFFSET = 320;

/**
 * Verifies that the quote's attestation key signed its header and report.
 * @see Intel TDX DCAP Quoting Library API, appendix A.3.8
 */
export async function verifyQuoteSignature(quote: Quote): Promise<Finding> {
  const key = concatBytes(Uint8Array.of(0x04), quote.attestationKey);
  const holds = await verifyP256(key, quote.signature, quote.signedBytes);
  const fault = "the attestation key did not sign this quote";
  return judged("tdx.quote-signature", faultsOf([!holds, fault]), "the attestation key signed this quote");
}

/**
 * Verifies that the quoting enclave's report commits to the attestation key:
 * SHA-256(attestation key ‖ authentication data) ‖ zeros(32).
 */
export async function verifyAttestationKeyBinding(quote: Quote): Promise<Finding> {
  const digest = await sha256(concatBytes(quote.attestationKey, quote.qeAuthenticationData));
  const stated = quote.qeReport.subarray(QE_REPORT_DATA_OFFSET);
  const holds = equalBytes(stated, concatBytes(digest, new Uint8Array(32)));
  return judged(
    "tdx.attestation-key-bound",
    faultsOf([!holds, "the quoting enclave's report does not commit to the attestation key"]),
    "the quoting enclave's report commits to the attestation key",
  );
}

/**
 * Verifies that the machine's PCK signed the quoting enclave's report.
 * @param leaf the PCK certificate, undefined when it could not be read
 */
export async function verifyQeReportSignature(quote: Quote, leaf: Certificate | undefined): Promise<Finding> {
  const id = "tdx.qe-report-signature";
  if (!leaf) return notChecked(id, "no PCK certificate was read (tdx.pck-chain)");
  const holds = await verifyP256(leaf.publicKey, quote.qeReportSignature, quote.qeReport);
  return judged(
    id,
    faultsOf([!holds, "the machine's PCK did not sign the quoting enclave's report"]),
    "the machine's PCK signed the quoting enclave's report",
  );
}
