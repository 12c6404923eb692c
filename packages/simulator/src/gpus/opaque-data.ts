import { GPU_MODES, type GpuModel } from "./gpu-model.ts";

/** Types of the fields in a report's opaque data that the simulator writes. */
export const OPAQUE = {
  driver: 3,
  vbios: 6,
  nvdec0: 11,
  chipSku: 15,
  chipSkuModifier: 16,
  project: 17,
  projectSku: 18,
  fwid: 20,
  protectedPcie: 21,
  version: 34,
  feature: 36,
} as const;

/** How a status of one byte says yes or no. */
const ENABLED = 0xaa;
const DISABLED = 0x55;

/** The fields of a GPU in order, by type, in the order in which they are written. */
export function opaqueFields(model: GpuModel, fwid: Buffer): Map<number, Buffer> {
  return new Map([
    [OPAQUE.vbios, vbiosField(model.vbios)],
    [OPAQUE.chipSku, Buffer.from(model.chipSku.padEnd(9, "\0"))],
    [OPAQUE.chipSkuModifier, Buffer.from("0\0")],
    [OPAQUE.project, Buffer.from(`${model.project}\0`)],
    [OPAQUE.projectSku, Buffer.from(`${model.projectSku}\0`)],
    [OPAQUE.driver, Buffer.from(`${model.driver}\0`)],
    [OPAQUE.nvdec0, Buffer.of(DISABLED)],
    [OPAQUE.fwid, fwid],
    [OPAQUE.protectedPcie, Buffer.of(model.mode === "ppcie" ? ENABLED : DISABLED)],
    [OPAQUE.version, Buffer.of(1, 0)],
    [OPAQUE.feature, Buffer.of(GPU_MODES[model.mode], 0)],
  ]);
}

/** Four bytes little-endian, then the fifth, then three that say nothing. */
function vbiosField(version: string): Buffer {
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = Buffer.from(version.replaceAll(".", ""), "hex");
  return Buffer.of(d, c, b, a, e, 0, 0, 0);
}
