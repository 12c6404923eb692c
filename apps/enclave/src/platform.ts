import type { EventLogEntry } from "@bauta/attestation";

/** The machine that an enclave runs on and proves itself by. Whoever makes one closes it. */
export interface Platform {
  readonly name: string;
  /** `tee_provider` of the attestation answer. */
  readonly teeProvider: string;
  /** `tee_hardware` of the attestation answer. */
  readonly teeHardware: string;
  /** True for software that only imitates hardware. */
  readonly simulated: boolean;
  /** A quote over 64 bytes of REPORTDATA. */
  quote(reportData: Uint8Array): Promise<Uint8Array>;
  /** What is served as `event_log` and `info`. */
  describe(): Promise<{ readonly eventLog: readonly EventLogEntry[]; readonly info: Readonly<Record<string, unknown>> }>;
  /** Intel's signed collateral, where the platform has it, so that clients need no other host. */
  endorsements?(): Promise<Readonly<Record<string, string>> | undefined>;
  /**
   * The evidence of its GPUs over a nonce of 32 bytes, as the text of `nvidia_payload`; left out where it has none. Each
   * call is a fresh one: GPUs sign the nonce.
   */
  gpuEvidence?(nonce: Uint8Array): Promise<string>;
  /** NVIDIA's manifests (XML) and OCSP answers (DER) for those GPUs, where the platform has them. */
  gpuEndorsements?(): Promise<{ readonly rims: readonly string[]; readonly ocsp: readonly Uint8Array[] } | undefined>;
  close(): Promise<void>;
}
