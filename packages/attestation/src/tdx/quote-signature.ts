import { concatBytes, equalBytes, toHex } from "@bauta/protocol";
import { sha256, verifyP256 } from "../x509/ecdsa.ts";
import type { Quote } from "./quote.ts";
import { failed, type Finding, notChecked, passed } from "../result.ts";
import type { Certificate } from "../x509/x509.ts";

/** Where a QE report holds its 64 bytes of report data. */
const QE_REPORT_DATA_OFFSET = 320;

/**
 * Verifies that the quote's attestation key signed its header and report.
 * @see Intel TDX DCAP Quoting Library API, appendix A.3.8
 */
export async function verifyQuoteSignature(quote: Quote): Promise<Finding> {
  const id = "tdx.quote-signature";
  const key = concatBytes(Uint8Array.of(0x04), quote.attestationKey);
  return (await verifyP256(key, quote.signature, quote.signedBytes))
    ? passed(id, "the attestation key signed this quote")
    : failed(id, "the signature over the quote does not verify with its attestation key: the quote was altered or made up");
}

/**
 * Verifies that the quoting enclave's report commits to the attestation key:
 * SHA-256(attestation key ‖ authentication data) ‖ zeros(32).
 */
export async function verifyAttestationKeyBinding(quote: Quote): Promise<Finding> {
  const id = "tdx.attestation-key-bound";
  const digest = await sha256(concatBytes(quote.attestationKey, quote.qeAuthenticationData));
  const stated = quote.qeReport.subarray(QE_REPORT_DATA_OFFSET);
  return equalBytes(stated, concatBytes(digest, new Uint8Array(32)))
    ? passed(id, "the quoting enclave's report commits to the attestation key")
    : failed(id, "the quoting enclave's report commits to another attestation key", {
        expected: toHex(digest),
        actual: toHex(stated),
      });
}

/**
 * Verifies that the machine's PCK signed the quoting enclave's report.
 * @param leaf the PCK certificate, undefined when it could not be read
 */
export async function verifyQeReportSignature(quote: Quote, leaf: Certificate | undefined): Promise<Finding> {
  const id = "tdx.qe-report-signature";
  if (!leaf) return notChecked(id, "not checked: the PCK certificate that holds the key could not be read (tdx.pck-chain)");
  return (await verifyP256(leaf.publicKey, quote.qeReportSignature, quote.qeReport))
    ? passed(id, "the machine's PCK signed the quoting enclave's report")
    : failed(id, "the signature over the quoting enclave's report does not verify with the PCK certificate's key");
}
