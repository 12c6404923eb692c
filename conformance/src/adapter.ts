/** How one conversation came out, in the words of spec/protocol.md. */
export type Status =
  /** The client did not accept the evidence, and sent no request under it. */
  | "refused"
  /** The client gave up with an error after it had sent its request; nothing more of the answer was shown. */
  | "aborted"
  /** The answer ended, but nothing proves that the attested enclave gave it. */
  | "unverified"
  /** The answer ended early. */
  | "incomplete"
  /** The client told its user that the attested enclave gave this answer. */
  | "verified";

/** What a client is pointed at: one conversation with one provider. */
export interface Target {
  /** Base URL of the public API, on loopback. */
  readonly baseUrl: string;
  readonly apiKey: string;
  /** An `e2ee-*` model; with version 2 of the protocol it may be a `tee-*` one. */
  readonly model: string;
  /** The version of the protocol to ask by, as the policy says it too. */
  readonly protocol: 1 | 2;
  /** Root of the simulated platform, DER: the one root to accept beside Intel's. */
  readonly trustRoot: Uint8Array;
  /** Roots of the simulated GPUs, their manifests and NVIDIA's service, DER; none in cases without GPUs. */
  readonly gpuRoots: readonly Uint8Array[];
  /** Stands in for NVIDIA's services, and is down. Only in cases with GPUs. */
  readonly nvidiaUrl?: string;
  /** JSON of a policy file that pins the one acceptable build. */
  readonly policy: object;
  /** The user's message. It stands in no other place, so finding it anywhere is a leak. */
  readonly prompt: string;
}

export interface AdapterResult {
  readonly status: Status;
  /** All text that reached the user, reasoning and content, in the order of arrival. */
  readonly shown: string;
  /** Why, for the table. */
  readonly reason?: string;
}

/**
 * A client under test: attests, asks `prompt` as a single user message, reads the whole answer. It must make a fresh
 * client each time, and report what happened instead of throwing.
 */
export type Adapter = (target: Target) => Promise<AdapterResult>;
