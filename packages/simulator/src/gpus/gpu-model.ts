/** The architectures that are simulated, as NVIDIA's services name them: the chip, and how its driver's RIMs are named. */
const ARCHITECTURES = {
  HOPPER: { chip: "GH100", driverRim: "NV_GPU_DRIVER" },
  BLACKWELL: { chip: "GB100", driverRim: "NV_GPU_CC_DRIVER" },
} as const;
export type GpuArch = keyof typeof ARCHITECTURES;

/** What a GPU says about how it is passed through, as its value in the opaque data. */
export const GPU_MODES = { mpt: 0, spt: 1, ppcie: 2 } as const;
export type GpuMode = keyof typeof GPU_MODES;

/** What all GPUs of a simulator have in common. */
export interface GpuModel {
  readonly arch: GpuArch;
  readonly chip: string;
  readonly stepping: string;
  readonly mode: GpuMode;
  readonly driver: string;
  /** Five bytes in hex with dots, upper case. */
  readonly vbios: string;
  readonly project: string;
  readonly projectSku: string;
  readonly chipSku: string;
  /** Where reference values are found: the names that a RIM service knows them by. */
  readonly driverRimId: string;
  readonly vbiosRimId: string;
}

/** Which GPUs are simulated. */
export interface GpuOptions {
  /** 1 to 8; 1 unless this says otherwise. */
  readonly count?: number | undefined;
  /** Hopper unless this says otherwise. */
  readonly arch?: GpuArch | undefined;
  /** Single pass-through unless this says otherwise. */
  readonly mode?: GpuMode | undefined;
  /** The driver's version; no real driver's unless this says otherwise. */
  readonly driver?: string | undefined;
  /** The VBIOS's version, such as `53.49.4D.00.01`; no real one's unless this says otherwise. */
  readonly vbios?: string | undefined;
}

const VBIOS_VERSION = /^[0-9A-F]{2}(\.[0-9A-F]{2}){4}$/;

/** @throws RangeError when the VBIOS version is not five bytes */
export function gpuModel(options: GpuOptions): GpuModel {
  const { arch = "HOPPER", mode = "spt", driver = "999.53.77", vbios = "53.49.4D.00.01" } = options;
  const { chip, driverRim } = ARCHITECTURES[arch];
  if (!VBIOS_VERSION.test(vbios)) throw new RangeError(`a VBIOS version is five bytes such as 53.49.4D.00.01, not "${vbios}"`);
  const [project, projectSku, chipSku] = ["SIM0", "0000", "999"];
  return {
    arch,
    chip,
    stepping: "A01",
    mode,
    driver,
    vbios,
    project,
    projectSku,
    chipSku,
    driverRimId: `${driverRim}_${chip}_${driver}`,
    vbiosRimId: `NV_GPU_VBIOS_${project}_${projectSku}_${chipSku}_${vbios.replaceAll(".", "")}`,
  };
}
