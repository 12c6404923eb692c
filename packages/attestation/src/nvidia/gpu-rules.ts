/** Architectures of GPUs, as NVIDIA's services name them. */
export const GPU_ARCHS = ["HOPPER", "BLACKWELL"] as const;
export type GpuArch = (typeof GPU_ARCHS)[number];

/** What a policy says about GPUs. Which checks have to pass is its `require`. */
export interface GpuRules {
  /** As many GPUs as there have to be, neither fewer nor more. */
  readonly count?: number | undefined;
  /** Architectures that are accepted; any unless given. */
  readonly archs?: readonly GpuArch[] | undefined;
  /** Insecure: accept devices and manifests whose certificates NVIDIA has put on hold. */
  readonly allow_hold: boolean;
}
