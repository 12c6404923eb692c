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
  /** The compose document, byte for byte as it was measured. */
  readonly app_compose?: string;
}

/**
 * Intel's signed collateral in the shape that most tools write: JSON texts exactly as signed, signatures and CRLs
 * (DER) as hex, issuer chains as PEM.
 */
export interface Collateral {
  readonly tcb_info: string;
  readonly tcb_info_signature: string;
  readonly tcb_info_issuer_chain: string;
  readonly qe_identity: string;
  readonly qe_identity_signature: string;
  readonly qe_identity_issuer_chain: string;
  readonly pck_crl: string;
  readonly pck_crl_issuer_chain: string;
  readonly root_ca_crl: string;
}

export const COLLATERAL_MEMBERS = [
  "tcb_info",
  "tcb_info_signature",
  "tcb_info_issuer_chain",
  "qe_identity",
  "qe_identity_signature",
  "qe_identity_issuer_chain",
  "pck_crl",
  "pck_crl_issuer_chain",
  "root_ca_crl",
] as const satisfies readonly (keyof Collateral)[];

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
  readonly eventLog?: readonly EventLogEntry[];
  readonly info?: DstackInfo;
  /** GPU evidence, a JSON text. */
  readonly nvidiaPayload?: string;
  /** Intel's collateral, where the server sends it along. */
  readonly endorsements?: Collateral;
}
