import type { QuoteReader } from "./quote-reader.ts";

/** Bytes of a TD report by the body type of a version 5 quote: TD 1.0, TD 1.5 and its extension. */
export const TD_REPORT_BYTES: Readonly<Record<number, number>> = { 2: 584, 3: 648, 4: 885 };
const EXTENSION_BYTES = 237;

type Bytes = Uint8Array<ArrayBuffer>;

/** The TD report inside a quote: views of raw bytes, lengths in brackets. */
export interface TdReport {
  /** [16] Security versions of TDX module and loader when the TD was launched. */
  readonly teeTcbSvn: Bytes;
  /** [48] */
  readonly mrSeam: Bytes;
  /** [48] */
  readonly mrSignerSeam: Bytes;
  /** [8] */
  readonly seamAttributes: Bytes;
  /** [8] */
  readonly tdAttributes: Bytes;
  /** [8] */
  readonly xfam: Bytes;
  /** [48] */
  readonly mrTd: Bytes;
  /** [48] */
  readonly mrConfigId: Bytes;
  /** [48] */
  readonly mrOwner: Bytes;
  /** [48] */
  readonly mrOwnerConfig: Bytes;
  /** Four registers [48] */
  readonly rtmr: readonly [Bytes, Bytes, Bytes, Bytes];
  /** [64] */
  readonly reportData: Bytes;
  /** TD 1.5 only [16]: the security versions of now, after an update under a running TD. */
  readonly teeTcbSvn2?: Bytes;
  /** TD 1.5 only [48] */
  readonly mrServiceTd?: Bytes;
  /**
   * Extended TD 1.5 only [237]: VM id [1], TD id [32], device information [48], initial SERVTD_HASH [48] and SERVTD_ATTR [8],
   * initial CPUSVN [16], TEE TCB SVN [16] and FMSPC [12], current SERVTD_HASH [48] and SERVTD_ATTR [8].
   * @see Intel DCAP, sgx_quote_5.h, sgx_report2_body_v1_5_ex_t
   */
  readonly extension?: Bytes;
}

/** Reads a report of this body type, which must be one of {@link TD_REPORT_BYTES}. */
export function readTdReport(body: QuoteReader, type: number): TdReport {
  const register = () => body.take(48);
  return {
    teeTcbSvn: body.take(16),
    mrSeam: register(),
    mrSignerSeam: register(),
    seamAttributes: body.take(8),
    tdAttributes: body.take(8),
    xfam: body.take(8),
    mrTd: register(),
    mrConfigId: register(),
    mrOwner: register(),
    mrOwnerConfig: register(),
    rtmr: [register(), register(), register(), register()],
    reportData: body.take(64),
    ...(type > 2 && { teeTcbSvn2: body.take(16), mrServiceTd: register() }),
    ...(type > 3 && { extension: body.take(EXTENSION_BYTES) }),
  };
}
