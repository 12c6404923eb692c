import type { RimMeasurement } from "../faults/rim-faults.ts";
import { simulatedDigest } from "../machine.ts";
import type { GpuModel } from "./gpu-model.ts";

/** How many measurements a GPU reports, each SHA-384. */
const MEASUREMENTS = 64;
/** Beyond these a GPU reports zeros. */
const USED = 41;
/** What each RIM answers for, as in NVIDIA's; the rest of both lists is inactive. */
const DRIVER_INDEXES = new Set([7, ...range(21, 40)]);
const VBIOS_INDEXES = new Set([...range(0, 6), ...range(8, 12)]);
/** For these a RIM allows several values: other firmware of the same version may report them. */
const WITH_ALTERNATIVES = new Map([
  [12, 4],
  [23, 2],
  [36, 3],
]);
/** Measures NVDEC0's firmware: zeros while NVDEC0 is disabled, whatever the RIM says. */
const NVDEC0_INDEX = 35;
const ZEROS = "00".repeat(48);

/** What a driver's RIM says the GPU has to measure. */
export function driverReferenceValues(model: GpuModel): RimMeasurement[] {
  return referenceValues(DRIVER_INDEXES, model.driverRimId);
}

/** What a VBIOS's RIM says the GPU has to measure. */
export function vbiosReferenceValues(model: GpuModel): RimMeasurement[] {
  return referenceValues(VBIOS_INDEXES, model.vbiosRimId);
}

/** What a GPU in order measures, by index from 0, 96 hex digits each: the last of the values that a RIM allows. */
export function goldenMeasurements(model: GpuModel): string[] {
  const allowed = [...driverReferenceValues(model), ...vbiosReferenceValues(model)].filter(({ active }) => active);
  const golden = new Map(allowed.map(({ index, values }) => [index, values.at(-1)]));
  return range(0, MEASUREMENTS - 1).map((index) => {
    if (index >= USED || index === NVDEC0_INDEX) return ZEROS;
    return golden.get(index) ?? digestOf(`${model.chip} measurement ${index}`);
  });
}

export const FWID_BYTES = 48;

/** SHA-384 of the firmware that holds the report key. */
export function firmwareId(model: GpuModel): Buffer {
  return simulatedDigest("sha384", `${model.chip} FMC of VBIOS ${model.vbios}`);
}

function referenceValues(indexes: ReadonlySet<number>, rimId: string): RimMeasurement[] {
  return range(0, MEASUREMENTS - 1).map((index) => {
    if (!indexes.has(index)) return { index, active: false, values: [ZEROS] };
    const values = range(1, WITH_ALTERNATIVES.get(index) ?? 1).map((alternative) => digestOf(`${rimId} ${index}.${alternative}`));
    return { index, active: true, values };
  });
}

function digestOf(what: string): string {
  return simulatedDigest("sha384", what).toString("hex");
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
}
