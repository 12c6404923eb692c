import type { DeviceAppraisal } from "./appraise-gpu.ts";
import type { GpuArch } from "./gpu-rules.ts";
import type { GpuMode } from "./opaque-data.ts";

/** One GPU of which is proven that it is NVIDIA's, or the named root's, and that it answered the client's nonce. */
export interface GpuClaim {
  /** NVIDIA's name for the model, such as `GH100 A01 GSP BROM`. */
  readonly model: string;
  readonly arch: GpuArch;
  readonly driver?: string;
  /** Five bytes in upper-case hex with dots. */
  readonly vbios?: string;
  /** Serial number of the report certificate, hex; NVIDIA's services write it in decimal. */
  readonly ueid: string;
  /** Only where the report says it. */
  readonly mode?: GpuMode;
}

/** The architecture that a device's certificates name; undefined for a switch, and where they name none. */
export function archOf({ chain }: DeviceAppraisal): GpuArch | undefined {
  const architecture = chain.names?.architecture;
  if (architecture === undefined || architecture === "switch") return undefined;
  return architecture === "hopper" ? "HOPPER" : "BLACKWELL";
}

/** What may be claimed of GPUs, if all that carries it holds; in the order of the evidence. */
export function readGpuClaims(gpus: readonly DeviceAppraisal[]): GpuClaim[] {
  return gpus.flatMap((gpu) => {
    const { chain, versions, mode } = gpu;
    const [arch, ueid] = [archOf(gpu), chain.certificates[0]?.serial];
    if (!chain.names || !arch || ueid === undefined) return [];
    const { driver, vbios } = versions ?? {};
    return [{ model: chain.names.model, arch, ...(driver && { driver }), ...(vbios && { vbios }), ueid, ...(mode && { mode }) }];
  });
}
