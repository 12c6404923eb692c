import { toHex } from "@bauta/protocol";
import type { ReferenceMeasurement, Rim } from "./rim-measurements.ts";

/** The measurement of the video decoder's firmware, and the status byte of a decoder that is switched off. */
const DECODER_INDEX = 35;
const DECODER_OFF = 0x55;

/** What is compared of a device's report. */
export interface MeasuredDevice {
  readonly blocks: readonly {
    /** As in the report, from 1. */
    readonly index: number;
    readonly value: Uint8Array;
  }[];
  /** The NVDEC0 field of the opaque data, where there is one. */
  readonly decoderStatus?: number | undefined;
}

/** A measurement that is not one of its reference values. */
export interface MeasurementMismatch {
  /** As manifests count, from 0: one less than the index of the report's block. */
  readonly index: number;
  readonly manifest: Rim["kind"];
  /** What the report holds, in hex; undefined where it has no such block. */
  readonly measured?: string;
  /** Any of these would do, in hex. */
  readonly expected: readonly string[];
}

export interface MeasurementComparison {
  /** In the order of their indices. */
  readonly mismatches: readonly MeasurementMismatch[];
  /** Indices of which both manifests speak: neither counts as the one to be believed. */
  readonly conflicts: readonly number[];
  /** Indices that were compared. */
  readonly compared: readonly number[];
  /** Indices that were left out, as the decoder is off. */
  readonly skipped: readonly number[];
}

/**
 * Compares a device's measurements with the active reference values of its manifests, any alternative of which will do. A
 * match is a comparison without mismatches and without conflicts. Measurements that no manifest speaks of are not looked at.
 * @param rims verified, and found to be about this device; a missing one is the caller's to judge
 */
export function compareMeasurements(device: MeasuredDevice, rims: readonly Rim[]): MeasurementComparison {
  const measured = new Map<number, string | undefined>();
  // A block that is there twice has no value that could be told.
  for (const { index, value } of device.blocks) measured.set(index - 1, measured.has(index - 1) ? undefined : toHex(value));
  const active = rims.flatMap((rim) => activeOf(rim)).toSorted((a, b) => a.index - b.index);
  const isSkipped = ({ index }: { readonly index: number }) => index === DECODER_INDEX && device.decoderStatus === DECODER_OFF;
  const compared = active.filter((reference) => !isSkipped(reference));
  const mismatches = compared.flatMap(({ index, manifest, values }) => {
    const value = measured.get(index);
    if (value !== undefined && values.includes(value)) return [];
    return [{ index, manifest, expected: values, ...(value !== undefined && { measured: value }) }];
  });
  return {
    mismatches,
    conflicts: active.filter(({ index }, position) => active[position - 1]?.index === index).map(({ index }) => index),
    compared: compared.map(({ index }) => index),
    skipped: active.filter(isSkipped).map(({ index }) => index),
  };
}

function activeOf({ kind, measurements }: Rim): (ReferenceMeasurement & { readonly index: number; readonly manifest: Rim["kind"] })[] {
  return [...measurements].filter(([, { active }]) => active).map(([index, measurement]) => ({ index, manifest: kind, ...measurement }));
}
