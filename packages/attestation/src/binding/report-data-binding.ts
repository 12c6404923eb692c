import { bindNonce, bindTlsKey, equalBytes, toHex } from "@bauta/protocol";
import type { TdReport } from "../tdx/quote.ts";
import { failed, type Finding, notChecked, passed } from "../result.ts";
import type { SigningKey } from "./signing-key.ts";

const ADDRESS_BYTES = 20;
const NONCE_OFFSET = 32;
const FINGERPRINT_BYTES = 32;
const KEY_ID = "key.bound-to-report-data";

/** The certificate that the caller saw at the other end of its own connection. */
export interface TlsBinding {
  /** SHA-256 of the leaf certificate's SubjectPublicKeyInfo, DER; 32 bytes. */
  readonly spkiSha256: Uint8Array;
}

/** The nonce as the caller put it into its own request, and what else that request implies for REPORTDATA. */
export interface RequestNonce {
  /** The query's value, percent-decoded. */
  readonly query: string;
  /** True for `e2ee-*` models. */
  readonly sealed: boolean;
  /** There if, and only if, the request said `include_tls_fingerprint=true`: REPORTDATA's first half then has another form. */
  readonly tls?: TlsBinding | undefined;
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
 * Verifies that REPORTDATA's first half is of the key that the client would encrypt to: `address ‖ zeros(12)`, or
 * `SHA-256(address ‖ SHA-256(SPKI))` where the request asked for the TLS fingerprint. One form never stands in for the
 * other, and nothing that the answer says has a part in choosing.
 * @param tls the request's, {@link RequestNonce.tls}
 * @see spec/protocol.md, "Attestation"
 */
export function verifyKeyBinding(report: TdReport, signing: SigningKey, tls?: TlsBinding): Finding {
  if (!signing.address) return notChecked(KEY_ID, "not checked: no address could be derived from signing_key (key.address-derived)");
  return tls
    ? verifyFingerprintForm(report.reportData.subarray(0, NONCE_OFFSET), signing.address, tls)
    : verifyAddressForm(report.reportData.subarray(0, NONCE_OFFSET), signing.address);
}

function verifyAddressForm(half: Uint8Array, address: Uint8Array): Finding {
  const actual = half.subarray(0, ADDRESS_BYTES);
  if (!equalBytes(actual, address)) {
    return failed(KEY_ID, "REPORTDATA holds another address than that of signing_key: this key is not the enclave's", {
      expected: toHex(address),
      actual: toHex(actual),
    });
  }
  const padding = half.subarray(ADDRESS_BYTES);
  if (padding.some((byte) => byte !== 0)) {
    return failed(KEY_ID, "REPORTDATA's 12 bytes behind the address are not zero", { actual: toHex(padding) });
  }
  return passed(KEY_ID, "REPORTDATA holds the address of signing_key");
}

function verifyFingerprintForm(half: Uint8Array, address: Uint8Array, { spkiSha256 }: TlsBinding): Finding {
  if (spkiSha256.length !== FINGERPRINT_BYTES) {
    return failed(
      KEY_ID,
      `the caller's own TLS fingerprint has ${spkiSha256.length} bytes, not ${FINGERPRINT_BYTES}: give SHA-256 of the SPKI`,
    );
  }
  const expected = bindTlsKey(address, spkiSha256);
  if (equalBytes(half, expected)) return passed(KEY_ID, "REPORTDATA holds the address of signing_key with the connection's TLS key");
  const detail = { expected: toHex(expected), actual: toHex(half) };
  return equalBytes(half.subarray(0, ADDRESS_BYTES), address)
    ? failed(KEY_ID, "REPORTDATA holds the address of signing_key alone: the TLS key that was asked for is not bound", detail)
    : failed(KEY_ID, "REPORTDATA holds another key, or another TLS key than this connection's: someone else ends it", detail);
}
