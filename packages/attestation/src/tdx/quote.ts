import { toHex } from "@bauta/protocol";
import { QuoteError, QuoteReader } from "./quote-reader.ts";
import { readTdReport, TD_REPORT_BYTES, type TdReport } from "./td-report.ts";

export { QuoteError } from "./quote-reader.ts";
export type { TdReport } from "./td-report.ts";

/** Google pads its quotes to 8,000 bytes. */
export const MAX_QUOTE_BYTES = 64 * 1024;
const HEADER_BYTES = 48;
const TD_10 = 2;
const QE_REPORT_BYTES = 384;
const ATTESTATION_KEY_TYPE_P256 = 2;
const TEE_TYPE_TDX = 0x81;
const INTEL_QE_VENDOR_ID = "939a7233f79c4ca9940a0db3957f0607";
const CERTIFICATION_TYPE_PCK_CHAIN = 5;
const CERTIFICATION_TYPE_QE_REPORT = 6;

/** A parsed TDX quote; nothing in it has been verified. */
export interface Quote {
  readonly version: 4 | 5;
  /** Header and report: what the attestation key signed. */
  readonly signedBytes: Uint8Array<ArrayBuffer>;
  readonly report: TdReport;
  /** r ‖ s by the attestation key [64] */
  readonly signature: Uint8Array<ArrayBuffer>;
  /** x ‖ y on P-256 [64] */
  readonly attestationKey: Uint8Array<ArrayBuffer>;
  /** The quoting enclave's own SGX report [384] */
  readonly qeReport: Uint8Array<ArrayBuffer>;
  /** r ‖ s by the PCK [64] */
  readonly qeReportSignature: Uint8Array<ArrayBuffer>;
  readonly qeAuthenticationData: Uint8Array<ArrayBuffer>;
  /** The PCK certificate chain as embedded: PEM, as a rule with a NUL at the end. */
  readonly pckChain: Uint8Array<ArrayBuffer>;
}

/**
 * Reads a TDX quote of version 4, or 5 with a TD 1.0, TD 1.5 or extended TD 1.5 report.
 * Every length is checked before use; bytes behind the quote must be zero (drivers pad with zeros).
 * @param bytes at most {@link MAX_QUOTE_BYTES}
 * @throws QuoteError
 * @see Intel TDX DCAP Quoting Library API, appendix A.3 and A.4; sgx_quote_5.h for the extended report
 */
export function parseQuote(bytes: Uint8Array): Quote {
  if (bytes.length > MAX_QUOTE_BYTES) throw new QuoteError(`${bytes.length} bytes are more than the ${MAX_QUOTE_BYTES} that are read`);
  // A copy of its own, so that nobody can change what is checked while it is being checked. (A Buffer's slice() is none.)
  const quote = new QuoteReader(new Uint8Array(bytes));
  const version = readHeader(quote);
  const type = version === 4 ? TD_10 : readBodyType(quote);
  const report = readTdReport(quote, type);
  const signedBytes = quote.consumed();
  const signatureData = quote.section(quote.u32());
  if (quote.rest().some((byte) => byte !== 0)) throw new QuoteError("is followed by bytes that are not zero");
  return { version, signedBytes, report, ...readSignatureData(signatureData) };
}

function readHeader(quote: QuoteReader): 4 | 5 {
  const header = quote.section(HEADER_BYTES);
  const version = header.u16();
  if (version !== 4 && version !== 5)
    throw new QuoteError(`version ${version} is neither 4 nor 5: this is no TDX quote, or has to be decoded first`);
  expect("attestation key type", header.u16(), ATTESTATION_KEY_TYPE_P256);
  expect("TEE type (0: SGX)", header.u32(), TEE_TYPE_TDX);
  header.take(4);
  expect("QE vendor", toHex(header.take(16)), INTEL_QE_VENDOR_ID);
  return version;
}

function readBodyType(quote: QuoteReader): number {
  const type = quote.u16();
  const expected = TD_REPORT_BYTES[type];
  if (expected === undefined) throw new QuoteError(`body type ${type} is not one of a TD`);
  expect(`size of body type ${type}`, quote.u32(), expected);
  return type;
}

function readSignatureData(data: QuoteReader): Omit<Quote, "version" | "signedBytes" | "report"> {
  const signature = data.take(64);
  const attestationKey = data.take(64);
  expect("certification data type", data.u16(), CERTIFICATION_TYPE_QE_REPORT);
  const certification = data.section(data.u32());
  data.end();
  const qeReport = certification.take(QE_REPORT_BYTES);
  const qeReportSignature = certification.take(64);
  const qeAuthenticationData = certification.take(certification.u16());
  expect("certificate type (5: PCK chain)", certification.u16(), CERTIFICATION_TYPE_PCK_CHAIN);
  const pckChain = certification.take(certification.u32());
  certification.end();
  return { signature, attestationKey, qeReport, qeReportSignature, qeAuthenticationData, pckChain };
}

function expect<T extends number | string>(what: string, value: T, expected: T): void {
  if (value !== expected) throw new QuoteError(`${what} is ${value}, not ${expected}`);
}
