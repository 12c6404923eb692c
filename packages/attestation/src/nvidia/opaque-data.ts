import { toHex } from "@bauta/protocol";
import { GpuEvidenceError } from "./gpu-evidence-error.ts";
import type { ReportReader } from "./report-reader.ts";

/** NVIDIA's devices send 7 to 17 fields. */
const MAX_FIELDS = 64;
/** Fields by number; those that name manifests are read beside them. @see NVIDIA attestation SDK, GpuOpaqueDataType */
const FIELD = { decoderStatus: 11, fwid: 20, protectedPcie: 21, pdis: 22, switchGpuPdis: 26, featureFlag: 36 } as const;

const FWID_BYTES = 48;
/** A device's permanent identifier. */
const PDI_BYTES = 8;
const SWITCH_GPUS = 8;
const PCIE_PROTECTED = 0xaa;
const PCIE_NOT_PROTECTED = 0x55;
/** By the feature flag's value. @see NVIDIA attestation SDK, OpaqueDataFeatureFlag */
const MODES = ["MPT", "SPT", "PPCIE"] as const;

/** How GPUs are joined to a machine: several with encrypted links, single, or several over plain links and switches that count too. */
export type GpuMode = (typeof MODES)[number];

/** What a device says beside its measurements: contents by field number, each once. */
export type OpaqueData = ReadonlyMap<number, Uint8Array<ArrayBuffer>>;

/** Reads type, size and contents of each field, to the last byte. */
export function parseOpaqueData(reader: ReportReader): OpaqueData {
  const fields = new Map<number, Uint8Array<ArrayBuffer>>();
  while (reader.left > 0) {
    const type = reader.u16();
    if (fields.has(type)) throw new GpuEvidenceError(`report: opaque field ${type} twice`);
    if (fields.size === MAX_FIELDS) throw new GpuEvidenceError(`report: more than ${MAX_FIELDS} opaque fields`);
    fields.set(type, reader.take(reader.u16()));
  }
  return fields;
}

/** The firmware identity that the device signed with; reports of drivers before 550 do not have it. */
export function readFwid(opaque: OpaqueData): Uint8Array<ArrayBuffer> | undefined {
  const fwid = opaque.get(FIELD.fwid);
  // An empty field says as much as none.
  if (!fwid || fwid.length === 0) return undefined;
  if (fwid.length !== FWID_BYTES) throw new GpuEvidenceError(`report: a firmware identity of ${fwid.length} bytes, not ${FWID_BYTES}`);
  return fwid;
}

/** Undefined where the report does not say it, as those of early Blackwell drivers. */
export function readMode(opaque: OpaqueData): GpuMode | undefined {
  const flag = opaque.get(FIELD.featureFlag);
  // Two bytes, the lower one first.
  if (flag) return flag.subarray(1).some((byte) => byte !== 0) ? undefined : MODES[flag[0] ?? MODES.length];
  const status = opaque.get(FIELD.protectedPcie)?.[0];
  if (status === PCIE_PROTECTED) return "PPCIE";
  return status === PCIE_NOT_PROTECTED ? "SPT" : undefined;
}

/** NVDEC0's status byte. */
export function readDecoderStatus(opaque: OpaqueData): number | undefined {
  return opaque.get(FIELD.decoderStatus)?.[0];
}

/** The switches behind a GPU's links, each once, as hex in the order in which a switch writes its own identifier. */
export function readSwitchPdis(opaque: OpaqueData): ReadonlySet<string> {
  return new Set(split(opaque.get(FIELD.pdis)).map((pdi) => toHex(pdi.toReversed())));
}

/** A switch's own identifier, as hex. */
export function readOwnPdi(opaque: OpaqueData): string | undefined {
  const pdi = opaque.get(FIELD.pdis);
  return pdi?.length === PDI_BYTES ? toHex(pdi) : undefined;
}

/** The GPUs that a switch joins, as hex; unused places are left out. */
export function readGpuPdis(opaque: OpaqueData): ReadonlySet<string> {
  const places = split(opaque.get(FIELD.switchGpuPdis)?.subarray(0, SWITCH_GPUS * PDI_BYTES));
  return new Set(places.map(toHex).filter((pdi) => !/^(?:f+|0+)$/.test(pdi)));
}

function split(pdis: Uint8Array = new Uint8Array()): Uint8Array[] {
  const count = Math.floor(pdis.length / PDI_BYTES);
  return Array.from({ length: count }, (_, index) => pdis.subarray(index * PDI_BYTES, (index + 1) * PDI_BYTES));
}
