import type { EventLogEntry } from "@bauta/attestation";

/** Faults of what was booted, and of what the enclave tells about it. */
export interface BootFaults {
  /** Rewrites the events before they are measured: the registers follow, `policy()` does not. */
  readonly measuredEvents?: (events: readonly EventLogEntry[]) => readonly EventLogEntry[];
  /** Rewrites the event log that is served: the registers stay. */
  readonly servedEvents?: (events: readonly EventLogEntry[]) => readonly EventLogEntry[];
  /** Rewrites the `info` that is served. */
  readonly servedInfo?: (info: Record<string, unknown>) => Record<string, unknown>;
}
