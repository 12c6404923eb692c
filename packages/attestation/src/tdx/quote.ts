import { LIMITS, toHex } from "@bauta/protocol";

const HEADER_BYTES = 48;
const TD_REPORT_10_BYTES = 584;
const TD_REPORT_15_BYTES = 648;
const QE_REPORT_BYTES = 384;
const ATTESTATION_KEY_TYPE_P256 = 2;
const TEE_TYPE_TDX = 0x81;
const INTEL_QE_VENDOR_ID = "939a7233f79c4ca9940a0db3957f0607";
const CERTIFICATION_TYPE_PCK_CHAIN = 5;
const CERTIFICATION_TYPE_QE_REPORT = 6;

/** Bytes that are not a TDX quote as this project reads it. */
export class QuoteError extends Error {
  override readonly name = "QuoteError";
  readonly code = "quote_malformed";
  readonly action = "stop";
}

/** The TD report inside a quote: views of raw bytes, lengths in brackets. */
export interface TdReport {
  /** [16] */
  readonly teeTcbSvn: Uint8Array<ArrayBuffer>;
  /** [48] */
  readonly mrSeam: Uint8Array<ArrayBuffer>;
  /** [48] */
  readonly mrSignerSeam: Uint8Array<ArrayBuffer>;
  /** [8] */
  readonly seamAttributes: Uint8Array<ArrayBuffer>;
  /** [8] */
  readonly tdAttributes: Uint8Array<ArrayBuffer>;
  /** [8] */
  readonly xfam: Uint8Array<ArrayBuffer>;
  /** [48] */
  readonly mrTd: Uint8Array<ArrayBuffer>;
  /** [48] */
  readonly mrConfigId: Uint8Array<ArrayBuffer>;
  /** [48] */
  readonly mrOwner: Uint8Array<ArrayBuffer>;
  /** [48] */
  readonly mrOwnerConfig: Uint8Array<ArrayBuffer>;
  /** Four registers [48] */
  readonly rtmr: readonly [Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>];
  /** [64] */
  readonly reportData: Uint8Array<ArrayBuffer>;
  /** TD 1.5 only [16] */
  readonly teeTcbSvn2?: Uint8Array<ArrayBuffer>;
  /** TD 1.5 only [48] */
  readonly mrServiceTd?: Uint8Array<ArrayBuffer>;
}

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
 * Reads a TDX quote of version 4, or 5 with a TD 1.0 or 1.5 report.
 * Every length is checked before use; bytes behind the quote must be zero (drivers pad with zeros).
 * @param bytes at most {@link LIMITS.quoteBytes}
 * @throws QuoteError
 * @see Intel TDX DCAP Quoting Library API, appendix A.3 and A.4
 */
export function parseQuote(bytes: Uint8Array): Quote {
  if (bytes.length > LIMITS.quoteBytes)
    throw new QuoteError(`quote: ${bytes.length} bytes are more than the ${LIMITS.quoteBytes} that are read`);
  // A copy of its own, so that nobody can change what is checked while it is being checked. (A Buffer's slice() is none.)
  const quote = new QuoteReader(new Uint8Array(bytes), "quote");
  const version = readHeader(quote);
  const reportBytes = version === 4 ? TD_REPORT_10_BYTES : readBodyDescriptor(quote);
  const report = readReport(quote, reportBytes);
  const signedBytes = quote.consumed();
  const signatureData = quote.section(quote.u32("signature data length"), "signature data");
  if (quote.rest().some((byte) => byte !== 0)) throw new QuoteError("quote: is followed by bytes that are not zero");
  return { version, signedBytes, report, ...readSignatureData(signatureData) };
}

function readHeader(quote: QuoteReader): 4 | 5 {
  if (quote.left < HEADER_BYTES) throw new QuoteError(`quote: ${quote.left} bytes are too few for a header of ${HEADER_BYTES}`);
  const version = quote.u16("version");
  if (version !== 4 && version !== 5) throw new QuoteError(`quote: version ${version} is neither 4 nor 5`);
  const keyType = quote.u16("attestation key type");
  if (keyType !== ATTESTATION_KEY_TYPE_P256) throw new QuoteError(`quote: attestation key type ${keyType} is not 2 (ECDSA P-256)`);
  const teeType = quote.u32("TEE type");
  if (teeType !== TEE_TYPE_TDX) throw new QuoteError(`quote: TEE type 0x${teeType.toString(16)} is not 0x81 (TDX)`);
  quote.take(4, "reserved");
  const vendor = toHex(quote.take(16, "QE vendor id"));
  if (vendor !== INTEL_QE_VENDOR_ID) throw new QuoteError(`quote: QE vendor id ${vendor} is not Intel's`);
  quote.take(20, "user data");
  return version;
}

function readBodyDescriptor(quote: QuoteReader): number {
  const type = quote.u16("body type");
  const size = quote.u32("body size");
  const expected = type === 2 ? TD_REPORT_10_BYTES : type === 3 ? TD_REPORT_15_BYTES : undefined;
  if (expected === undefined) throw new QuoteError(`quote: body type ${type} is neither 2 (TD 1.0) nor 3 (TD 1.5)`);
  if (size !== expected) throw new QuoteError(`quote: body type ${type} has ${expected} bytes, not ${size}`);
  return expected;
}

function readReport(quote: QuoteReader, size: number): TdReport {
  const body = quote.section(size, "TD report");
  const report = {
    teeTcbSvn: body.take(16, "TEE TCB SVN"),
    mrSeam: body.take(48, "MRSEAM"),
    mrSignerSeam: body.take(48, "MRSIGNERSEAM"),
    seamAttributes: body.take(8, "SEAM attributes"),
    tdAttributes: body.take(8, "TD attributes"),
    xfam: body.take(8, "XFAM"),
    mrTd: body.take(48, "MRTD"),
    mrConfigId: body.take(48, "MRCONFIGID"),
    mrOwner: body.take(48, "MROWNER"),
    mrOwnerConfig: body.take(48, "MROWNERCONFIG"),
    rtmr: [body.take(48, "RTMR0"), body.take(48, "RTMR1"), body.take(48, "RTMR2"), body.take(48, "RTMR3")] as const,
    reportData: body.take(64, "REPORTDATA"),
  };
  if (size === TD_REPORT_10_BYTES) return report;
  return { ...report, teeTcbSvn2: body.take(16, "second TEE TCB SVN"), mrServiceTd: body.take(48, "MRSERVICETD") };
}

function readSignatureData(data: QuoteReader): Omit<Quote, "version" | "signedBytes" | "report"> {
  const signature = data.take(64, "signature");
  const attestationKey = data.take(64, "attestation key");
  const outerType = data.u16("certification data type");
  if (outerType !== CERTIFICATION_TYPE_QE_REPORT) throw new QuoteError(`quote: certification data type ${outerType} is not 6 (QE report)`);
  const certification = data.section(data.u32("certification data length"), "certification data");
  data.end();
  const qeReport = certification.take(QE_REPORT_BYTES, "QE report");
  const qeReportSignature = certification.take(64, "QE report signature");
  const qeAuthenticationData = certification.take(certification.u16("QE authentication data length"), "QE authentication data");
  const innerType = certification.u16("inner certification data type");
  if (innerType !== CERTIFICATION_TYPE_PCK_CHAIN)
    throw new QuoteError(`quote: inner certification data type ${innerType} is not 5 (PCK chain)`);
  const pckChain = certification.take(certification.u32("PCK chain length"), "PCK chain");
  certification.end();
  return { signature, attestationKey, qeReport, qeReportSignature, qeAuthenticationData, pckChain };
}

/** Takes little-endian fields from a byte string, never past its end. */
class QuoteReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #what: string;
  #offset = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>, what: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  take(length: number, field: string): Uint8Array<ArrayBuffer> {
    if (length > this.left) throw new QuoteError(`${this.#what}: ${field} needs ${length} bytes where ${this.left} are left`);
    this.#offset += length;
    return this.#bytes.subarray(this.#offset - length, this.#offset);
  }

  u16(field: string): number {
    this.take(2, field);
    return this.#view.getUint16(this.#offset - 2, true);
  }

  u32(field: string): number {
    this.take(4, field);
    return this.#view.getUint32(this.#offset - 4, true);
  }

  section(length: number, field: string): QuoteReader {
    return new QuoteReader(this.take(length, field), `${this.#what}: ${field}`);
  }

  consumed(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#offset);
  }

  rest(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(this.#offset);
  }

  end(): void {
    if (this.left > 0) throw new QuoteError(`${this.#what}: ${this.left} bytes are left over`);
  }
}
