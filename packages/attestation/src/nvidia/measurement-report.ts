import { GpuEvidenceError } from "./gpu-evidence-error.ts";
import { type OpaqueData, parseOpaqueData } from "./opaque-data.ts";
import { ReportReader } from "./report-reader.ts";

/** GPUs' reports have 4,000 to 4,300 bytes, switches' 2,200. */
export const MAX_REPORT_BYTES = 16 * 1024;

const SPDM_1_1 = 0x11;
const GET_MEASUREMENTS = 0xe0;
const MEASUREMENTS = 0x60;
/** Attributes of the request: a signature, please. */
const WITH_SIGNATURE = 0x01;
/** All measurements at once. */
const ALL = 0xff;
const NONCE_BYTES = 32;
const MAX_SLOT = 7;
const DMTF = 1;
/** Specification, size. The size counts type and size of the value as well. */
const VALUE_HEADER_BYTES = 3;
/** r ‖ s of P-384. */
const SIGNATURE_BYTES = 96;

/** One measurement, as the device gives it. */
export interface MeasurementBlock {
  /** From 1; one more than the index by which reference manifests know it. */
  readonly index: number;
  /** DMTF's: 1 for mutable firmware. The top bit marks a value that is not a digest. */
  readonly type: number;
  readonly value: Uint8Array<ArrayBuffer>;
}

/** A device's answer to a nonce; nothing in it has been verified. */
export interface MeasurementReport {
  /** What the device was asked to sign, 32 bytes. */
  readonly nonce: Uint8Array<ArrayBuffer>;
  /** In the order of the report; each index once. */
  readonly blocks: readonly MeasurementBlock[];
  readonly opaque: OpaqueData;
  /** Everything before the signature, request included. */
  readonly signedBytes: Uint8Array<ArrayBuffer>;
  /** r ‖ s, 96 bytes. */
  readonly signature: Uint8Array<ArrayBuffer>;
}

/**
 * Reads what NVIDIA's devices sign: the request for all measurements and the response, to the last byte.
 * @param bytes at most {@link MAX_REPORT_BYTES}
 * @throws GpuEvidenceError
 * @see DMTF DSP0274 1.1 §10.11, GET_MEASUREMENTS and MEASUREMENTS
 */
export function parseMeasurementReport(bytes: Uint8Array): MeasurementReport {
  if (bytes.length > MAX_REPORT_BYTES) throw new GpuEvidenceError(`report: more than ${MAX_REPORT_BYTES} bytes`);
  const reader = new ReportReader(new Uint8Array(bytes));

  // 1. The request: its nonce is the one that the caller chose.
  reader.expect("the request's version, code and parameters", SPDM_1_1, GET_MEASUREMENTS, WITH_SIGNATURE, ALL);
  const nonce = reader.take(NONCE_BYTES);
  const slot = reader.u8();
  if (slot > MAX_SLOT) throw new GpuEvidenceError(`report: certificate slot ${slot}`);

  // 2. The response: measurements, the device's own nonce, what else it says.
  reader.expect("the response's version and code", SPDM_1_1, MEASUREMENTS);
  reader.take(1);
  if ((reader.u8() & 0x0f) !== slot) throw new GpuEvidenceError("report: request and response name different certificate slots");
  const count = reader.u8();
  const blocks = readBlocks(reader.section(reader.u24()), count);
  reader.take(NONCE_BYTES);
  const opaque = parseOpaqueData(reader.section(reader.u16()));
  const signedBytes = reader.consumed();

  // 3. The signature, and nothing behind it.
  const signature = reader.take(SIGNATURE_BYTES);
  reader.end();
  return { nonce, blocks, opaque, signedBytes, signature };
}

function readBlocks(record: ReportReader, count: number): MeasurementBlock[] {
  const seen = new Set<number>();
  const blocks = Array.from({ length: count }, () => {
    const index = record.u8();
    if (index === 0 || seen.has(index)) throw new GpuEvidenceError(`report: measurement ${index} twice, or an index of 0`);
    seen.add(index);
    record.expect(`the specification of measurement ${index}`, DMTF);
    const size = record.u16();
    const type = record.u8();
    const valueBytes = record.u16();
    if (size !== valueBytes + VALUE_HEADER_BYTES) throw new GpuEvidenceError(`report: measurement ${index} has two sizes`);
    return { index, type, value: record.take(valueBytes) };
  });
  record.end();
  return blocks;
}
