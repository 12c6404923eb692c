import { equalBytes, toHex } from "@bauta/protocol";
import type { Rim } from "./rim-measurements.ts";

/** Fields of a report's opaque data. @see NVIDIA attestation SDK, OpaqueDataType */
const FIELD = { driver: 3, vbios: 6, chipSku: 15, project: 17, projectSku: 18, chipInfo: 35 } as const;
/** Stand in names of files and in addresses. */
const PART = /^[A-Za-z0-9][A-Za-z0-9.]{0,31}$/;
const VBIOS_TEXT = /^(?:[\dA-F]{2}\.){4}[\dA-F]{2}$/;
/** Reports of switches do not say which board they are on; NVIDIA's verifiers take this one for all LS10. */
const SWITCH_BOARD = "5612_0002_890";

/** What sets the names of manifests apart. */
export type Architecture = "hopper" | "blackwell" | "switch";

/** What a device says about itself, as far as manifests are named by it. */
export interface DeviceVersions {
  readonly architecture: Architecture;
  /** GH100, GB100 … */
  readonly chip: string;
  /** A switch has none of its own. */
  readonly driver?: string;
  /** Five bytes in upper-case hex with dots. */
  readonly vbios?: string;
  /** Project, its SKU and the chip's. */
  readonly board?: string;
}

/**
 * Reads what names a device's manifests from the opaque data of its report. What is missing or malformed is left out.
 * @param opaque by field number
 * @param architecture from the certificates: the report does not say it
 */
export function readDeviceVersions(opaque: ReadonlyMap<number, Uint8Array>, architecture: Architecture): DeviceVersions {
  const driver = readPart(opaque, FIELD.driver);
  const vbios = readVbios(opaque.get(FIELD.vbios));
  const parts = [FIELD.project, FIELD.projectSku, FIELD.chipSku].map((field) => readPart(opaque, field));
  const board = architecture === "switch" ? SWITCH_BOARD : parts.includes(undefined) ? undefined : parts.join("_");
  return {
    architecture,
    chip: readChip(opaque, architecture),
    ...(driver && { driver }),
    ...(vbios && { vbios }),
    ...(board && { board }),
  };
}

/** The names by which NVIDIA's RIM service knows the manifests that a device has to match. */
export interface RimIds {
  readonly driver?: string;
  readonly vbios?: string;
}

/** Names a device's manifests; what its report does not tell is left out. Letters, digits, `_` and `.` only. */
export function rimIds({ architecture, chip, driver, vbios, board }: DeviceVersions): RimIds {
  const version = vbios?.replaceAll(".", "");
  const [driverKind, vbiosKind] = KINDS[architecture];
  return {
    ...(driver && driverKind && { driver: `${driverKind}_${chip}_${driver}` }),
    ...(version && board && { vbios: `${vbiosKind}_${board}_${version}` }),
  };
}

const KINDS: Readonly<Record<Architecture, readonly [driver: string, vbios: string]>> = {
  hopper: ["NV_GPU_DRIVER", "NV_GPU_VBIOS"],
  blackwell: ["NV_GPU_CC_DRIVER", "NV_GPU_VBIOS"],
  switch: ["", "NV_SWITCH_BIOS"],
};

/**
 * Whether a verified manifest is about what a device runs. The name under which a manifest was fetched is not signed and
 * proves nothing; its version, chip family and edition are. Which board it is for it does not say.
 * @param kind which of the device's versions is meant
 */
export function isAbout(rim: Omit<Rim, "measurements">, kind: Rim["kind"], { architecture, ...device }: DeviceVersions): boolean {
  const family = { hopper: "GH", blackwell: "GB", switch: "LS" }[architecture];
  const edition = architecture === "switch" ? "SWITCH" : "GPU";
  return rim.kind === kind && rim.version === device[kind]?.toUpperCase() && rim.product.startsWith(family) && rim.edition === edition;
}

/** Blackwell reports of early drivers do not name the chip. */
function readChip(opaque: ReadonlyMap<number, Uint8Array>, architecture: Architecture): string {
  if (architecture === "switch") return "LS10";
  return architecture === "hopper" ? "GH100" : (readPart(opaque, FIELD.chipInfo) ?? "GB100");
}

/** A text that is filled up with zeros. */
function readPart(opaque: ReadonlyMap<number, Uint8Array>, field: number): string | undefined {
  const text = new TextDecoder().decode(opaque.get(field)?.subarray(0, 64)).replace(/\0+$/, "");
  return PART.test(text) ? text : undefined;
}

/** A GPU's is eight bytes: four of the version, lowest first, then its last one and zeros. A switch's is text. */
function readVbios(field: Uint8Array | undefined): string | undefined {
  if (!field) return undefined;
  if (field.length === 8 && equalBytes(field.subarray(5), new Uint8Array(3))) {
    const [a = 0, b = 0, c = 0, d = 0, e = 0] = field;
    return Array.from([d, c, b, a, e], (byte) => toHex(Uint8Array.of(byte)).toUpperCase()).join(".");
  }
  const text = new TextDecoder().decode(field.subarray(0, 64)).replace(/\0+$/, "").toUpperCase();
  return VBIOS_TEXT.test(text) ? text : undefined;
}
