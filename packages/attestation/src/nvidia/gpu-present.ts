import { toHex, utf8 } from "@bauta/protocol";
import { failed, type Finding, notChecked, passed } from "../result.ts";
import { sha256 } from "../x509/ecdsa.ts";
import type { DeviceAppraisal } from "./appraise-gpu.ts";
import { findTwins } from "./device-twins.ts";
import { archOf } from "./gpu-claims.ts";
import type { GpuRules } from "./gpu-rules.ts";

/**
 * Any genuine GPU signs any public nonce: evidence counts for an enclave only if it names it in what it signs itself.
 * @param namedSha256 null where the enclave says that it has none
 */
export async function verifyNamed(json: string | undefined, namedSha256: string | null | undefined): Promise<Finding> {
  const id = "gpu.named-by-enclave";
  if (namedSha256 === undefined || (namedSha256 === null && json === undefined))
    return notChecked(id, "no keys statement names GPU evidence, and any genuine GPU signs any nonce");
  const expected = namedSha256 ?? "none";
  if (json === undefined) return failed(id, "the keys statement names GPU evidence, and the answer has none", { expected });
  const actual = toHex(await sha256(utf8(json)));
  if (actual === expected.toLowerCase()) return passed(id, "the keys statement names this GPU evidence by its SHA-256");
  return failed(id, "the keys statement names other GPU evidence than was served", { expected, actual });
}

/** Verifies that the evidence is of GPUs that can be read, each another one, and of those that the policy asks for. */
export function verifyPresent(gpus: readonly DeviceAppraisal[], { count, archs }: GpuRules): Finding {
  const id = "gpu.present";
  const faults = [
    ...(gpus.length === 0 ? ["the evidence is of no GPU"] : []),
    ...gpus.flatMap(({ device, unreadable }) => (unreadable ? [`${device}: ${unreadable}`] : [])),
    ...findTwins(gpus),
    ...(count !== undefined && gpus.length !== count ? [`the evidence is of ${gpus.length} GPUs, and the policy asks for ${count}`] : []),
    ...gpus.flatMap((gpu) => {
      const arch = archOf(gpu);
      return arch && archs && !archs.includes(arch) ? [`${gpu.device} is a ${arch}, and the policy accepts ${archs.join(", ")}`] : [];
    }),
  ];
  if (faults.length > 0) return failed(id, faults.join("; "));
  return passed(id, gpus.length === 1 ? "the evidence of one GPU" : `the evidence of ${gpus.length} GPUs, each another one`);
}

/** An answer without GPU evidence fails only under a policy that asks for GPUs. */
export function describeAbsence({ count }: GpuRules): Finding {
  const reason = "the answer has no GPU evidence";
  if (count === undefined || count === 0) return notChecked("gpu.present", reason);
  return failed("gpu.present", `${reason}, and the policy asks for ${count} GPUs`);
}
