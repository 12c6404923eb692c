import type { DeviceAppraisal } from "./appraise-gpu.ts";
import type { GpuClaim } from "./gpu-claim.ts";
import type { GpuArch } from "./gpu-rules.ts";

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
