import type { EventVersion } from "./event-log.ts";
import type { SimulatorFaults } from "./faults.ts";
import type { BootFaults } from "./faults/boot-faults.ts";
import type { QuoteFaults } from "./faults/quote-faults.ts";
import type { GpuOptions } from "./gpus/gpu-model.ts";
import type { Machine, PckCaKind } from "./machine.ts";
import type { KeyProvider, MrConfigKind } from "./mr-config-id.ts";
import type { QuoteFormat } from "./quote-layout.ts";

/** A TD: what is booted, and how it is quoted. */
export interface TdOptions {
  /** What MRTD and RTMR0–2 are derived from. */
  readonly buildName?: string | undefined;
  /** The compose document as raw text; its SHA-256 is measured. */
  readonly composeFile?: string | undefined;
  /** Mint quotes of a TD under debug. */
  readonly debug?: boolean | undefined;
  /** Version 4 unless this says otherwise. */
  readonly quoteFormat?: QuoteFormat | undefined;
  /** What MRCONFIGID commits to; 1, the compose hash, unless this says otherwise. 2 and 3 need a `keyProvider` that dstack knows. */
  readonly mrConfigKind?: MrConfigKind | undefined;
  /** What the event log names as the source of the app's keys. */
  readonly keyProvider?: KeyProvider | undefined;
  /** How runtime events are hashed; 1 unless this says otherwise. */
  readonly eventVersion?: EventVersion | undefined;
  /** Mint evidence that a verifier must refuse. For tests. */
  readonly faults?: (QuoteFaults & BootFaults) | undefined;
}

/** A machine under certificates of its own, and the TD on it. */
export interface SimulatorOptions extends TdOptions {
  /** The moment around which certificates and collateral are valid, milliseconds since 1970. */
  readonly nowMs: number;
  /**
   * The clock, milliseconds since 1970, for an enclave that runs for long: what `endorsements()` hands out is issued
   * anew before it expires. Without a clock it stays as of `nowMs`.
   */
  readonly now?: (() => number) | undefined;
  /** Makes all keys and identifiers follow from this value. For tests: who knows the seed has the keys. */
  readonly seed?: string | Uint8Array | undefined;
  /** Which of Intel's CAs certifies the machine; the Platform CA unless this says otherwise. */
  readonly pckCa?: PckCaKind | undefined;
  /** Another machine: certificate, quotes and collateral all agree on it. */
  readonly machine?: Partial<Machine> | undefined;
  /** GPUs in confidential mode; none unless this says otherwise. */
  readonly gpus?: GpuOptions | undefined;
  readonly faults?: SimulatorFaults | undefined;
}
