import type { Collateral } from "../collateral/collateral.ts";
import type { GpuEndorsements } from "../nvidia/gpu-endorsements.ts";

/** One entry of a dstack event log, members named as on the wire. */
export interface EventLogEntry {
  /** Which register the event extended: 0–3. */
  readonly imr: number;
  readonly event_type: number;
  /** SHA-384, 96 hex digits. */
  readonly digest: string;
  /** Name of a runtime event; empty for the firmware's. */
  readonly event: string;
  /** Payload as hex. */
  readonly event_payload: string;
}

/** What dstack says about the app, members named as on the wire. No check stands behind a member by itself. */
export interface DstackInfo {
  readonly app_id?: string;
  readonly app_name?: string;
  readonly instance_id?: string;
  readonly device_id?: string;
  readonly compose_hash?: string;
  readonly os_image_hash?: string;
  readonly key_provider_info?: string;
  readonly vm_config?: string;
  /** The document that a MRCONFIGID of kind 3 commits to, byte for byte. */
  readonly mr_config?: string;
  /** The compose document, byte for byte as it was measured. */
  readonly app_compose?: string;
  /** The event log as `tcb_info` repeats it. */
  readonly event_log?: readonly EventLogEntry[];
  /** Names of the members that `info` and its `tcb_info` state differently; the check that owns one fails. */
  readonly contradictions?: readonly string[];
}

export type ManagerValue = string | number | boolean | null | readonly string[];

/** One entry of a compose manager's log, every member as served. Known: action, timestamp, tag, commit, file, file_sha256, services. */
export type ManagerAction = Readonly<Record<string, ManagerValue>>;

/** What a program that starts containers later says it started, under a second quote of the same TD. */
export interface ComposeManagerEvidence {
  /** The raw TDX quote. */
  readonly quote: Uint8Array;
  readonly actions: readonly ManagerAction[];
  /** As stated; REPORTDATA decides. Hex. */
  readonly actionsHash?: string;
  readonly reportData?: string;
  readonly nonce?: string;
  readonly eventLog?: readonly EventLogEntry[];
}

/** What an enclave hands over, read from an attestation answer. Nothing here has been verified. */
export interface Evidence {
  /** The raw TDX quote. */
  readonly quote: Uint8Array;
  /** The enclave's public key as served, hex; empty when the answer has none. */
  readonly signingKey: string;
  readonly signingAddress?: string;
  /** The nonce as the answer repeats it. */
  readonly nonce?: string;
  readonly model?: string;
  /** The server's own verdict; shown, decides nothing. */
  readonly verified?: boolean;
  readonly teeProvider?: string;
  readonly teeHardware?: string;
  /** The log at the answer's top level, or else the one in `info.tcb_info`. */
  readonly eventLog?: readonly EventLogEntry[];
  readonly info?: DstackInfo;
  readonly composeManager?: ComposeManagerEvidence;
  /** The RFC 8785 JSON of `bauta/keys/1`, and the signature over it. */
  readonly keys?: string;
  readonly keysSignature?: string;
  /** GPU evidence, a JSON text. */
  readonly nvidiaPayload?: string;
  /** Intel's collateral, where the server sends it along. */
  readonly endorsements?: Collateral;
  /** NVIDIA's manifests and OCSP answers, where the server sends them along. */
  readonly gpuEndorsements?: GpuEndorsements;
}
