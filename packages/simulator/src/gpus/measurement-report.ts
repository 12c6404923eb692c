import type { GpuEvidenceChanges } from "../faults/gpu-evidence-faults.ts";
import { type SigningKeyPair, signRaw } from "../keys.ts";
import { hexBytes, u16 } from "../quote-layout.ts";

const SPDM_1_1 = 0x11;
const GET_MEASUREMENTS = 0xe0;
const MEASUREMENTS = 0x60;
const WITH_SIGNATURE = 0x01;
const ALL_MEASUREMENTS = 0xff;
const SLOT = 0;
const DMTF = 0x01;
/** Mutable firmware, as a digest. */
const DIGEST = 0x01;

export interface MeasurementReport {
  /** 32 bytes. */
  readonly nonce: Uint8Array;
  /** The GPU's own, 32 bytes. */
  readonly responseNonce: Uint8Array;
  /** 96 hex digits each, by index from 0; null for a block that is not there. */
  readonly measurements: readonly (string | null)[];
  readonly opaque: ReadonlyMap<number, Buffer>;
}

/**
 * Writes the SPDM request for all measurements with a signature, followed by the response to it and the signature over
 * both.
 * @returns request ‖ response
 * @see DMTF DSP0274 1.1 §10.11
 */
export function writeMeasurementReport(report: MeasurementReport, key: SigningKeyPair, changes: GpuEvidenceChanges = {}): Buffer {
  const blocks = report.measurements.flatMap((value, index) => (value === null ? [] : [measurementBlock(index, value)]));
  const record = Buffer.concat(blocks);
  const opaque = Buffer.concat([...report.opaque].flatMap(([type, value]) => [u16(type), u16(value.length), value]));
  const written = Buffer.concat([
    Buffer.of(SPDM_1_1, GET_MEASUREMENTS, WITH_SIGNATURE, ALL_MEASUREMENTS),
    report.nonce,
    Buffer.of(SLOT),
    Buffer.of(SPDM_1_1, MEASUREMENTS, 0, SLOT, blocks.length),
    u24(record.length),
    record,
    report.responseNonce,
    u16(opaque.length),
    opaque,
  ]);
  const signed = Buffer.from(changes.signed?.(written) ?? written);
  const signature = signRaw(key, signed);
  const finished = Buffer.concat([signed, changes.signature?.(signature) ?? signature]);
  return Buffer.from(changes.report?.(finished) ?? finished);
}

function measurementBlock(index: number, value: string): Buffer {
  const digest = hexBytes(value, 48);
  return Buffer.concat([Buffer.of(index + 1, DMTF), u16(digest.length + 3), Buffer.of(DIGEST), u16(digest.length), digest]);
}

function u24(value: number): Buffer {
  const bytes = Buffer.alloc(3);
  bytes.writeUIntLE(value, 0, 3);
  return bytes;
}
