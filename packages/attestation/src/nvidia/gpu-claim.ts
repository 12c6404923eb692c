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
