import { bindNonce, equalBytes, toHex } from "@bauta/protocol";
import type { TdReport } from "../tdx/quote.ts";
import { failed, type Finding, notChecked, passed } from "../result.ts";
import type { SigningKey } from "./signing-key.ts";

const ADDRESS_BYTES = 20;
const NONCE_OFFSET = 32;

/** The nonce as the caller put it into its own request. */
export interface RequestNonce {
  /** The query's value, percent-decoded. */
  readonly query: string;
  /** True for `e2ee-*` models. */
  readonly sealed: boolean;
}

/**
 * Verifies that REPORTDATA's second half is what the request's nonce implies, so the quote answers this request.
 * @param echoed the nonce as the answer repeats it, if it does
 * @see spec/protocol.md, "Attestation"
 */
export function verifyNonceBinding(report: TdReport, nonce: RequestNonce, echoed: string | undefined): Finding {
  const id = "nonce.bound";
  const expected = bindNonce(nonce.query, nonce.sealed);
  if (!expected)
    return failed(id, `the request's own nonce is not one that ${nonce.sealed ? "an e2ee-* model" : "a model"} takes: send 64 hex digits`);
  const actual = report.reportData.subarray(NONCE_OFFSET);
  if (!equalBytes(actual, expected.bytes)) {
    return failed(id, "REPORTDATA holds another nonce: this quote was made for another request", {
      expected: toHex(expected.bytes),
      actual: toHex(actual),
    });
  }
  if (echoed !== undefined && echoed.toLowerCase() !== nonce.query.toLowerCase()) {
    return failed(id, "REPORTDATA holds the request's nonce, but the answer states another", { actual: echoed.slice(0, 256) });
  }
  return passed(id, `REPORTDATA holds the request's nonce (${expected.method})`);
}

/**
 * Verifies that REPORTDATA's first half is `address ‖ zeros(12)` of the key that the client would encrypt to.
 * @see spec/protocol.md, "Attestation"
 */
export function verifyKeyBinding(report: TdReport, signing: SigningKey): Finding {
  const id = "key.bound-to-report-data";
  if (!signing.address) return notChecked(id, "not checked: no address could be derived from signing_key (key.address-derived)");
  const actual = report.reportData.subarray(0, ADDRESS_BYTES);
  if (!equalBytes(actual, signing.address)) {
    return failed(id, "REPORTDATA holds another address than that of signing_key: this key is not the enclave's", {
      expected: toHex(signing.address),
      actual: toHex(actual),
    });
  }
  const padding = report.reportData.subarray(ADDRESS_BYTES, NONCE_OFFSET);
  if (padding.some((byte) => byte !== 0)) {
    return failed(id, "REPORTDATA's 12 bytes behind the address are not zero", { actual: toHex(padding) });
  }
  return passed(id, "REPORTDATA holds the address of signing_key");
}
