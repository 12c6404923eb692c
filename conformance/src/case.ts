import type { Awaitable, KeyPair } from "@bauta/protocol";
import type { GpuFaults, Simulator, SimulatorOptions } from "@bauta/simulator";
import type { Status } from "./adapter.ts";
import type { GenuineSide } from "./genuine-side.ts";
import type { JsonObject, RelayedAnswer } from "./relayed-answer.ts";

/** One thing that a provider may do to its client, and what a safe client makes of it. */
export interface ConformanceCase {
  /** `what it attacks/how`, unique. */
  readonly id: string;
  /** Numbers in the project's list of what it must survive. */
  readonly cases: readonly string[];
  /** What the provider does, as a sentence without a full stop. */
  readonly title: string;
  /** The client seals its requests whole, and its policy asks for that. Otherwise it seals its messages (version 1). */
  readonly protocol?: 2;
  /** How the answer has to be asked for, where that matters: as a stream, or as one JSON value. */
  readonly form?: "stream" | "whole";
  /** Another model than the usual one. */
  readonly model?: string;
  readonly expected: Status;
  /**
   * Why forged text may be shown all the same, as long as it is never called verified. Only where version 1 of the
   * protocol has no means to tell before the receipt.
   */
  readonly forgedTextMayShow?: string;
  /** The machine has two GPUs, which the policy asks for with all that they can show, and with these checks besides. */
  readonly gpus?: { readonly require?: readonly string[] };
  /** Nothing is forged, and the client has to refuse all the same: it sends no request at all. */
  readonly refusesGenuine?: true;
  readonly misbehaviour: Misbehaviour;
}

/** Who and what is there while one case runs. */
export interface Scene {
  readonly genuine: GenuineSide;
  /** The machine that mints this case's evidence: the genuine one, or one with a fault. */
  readonly machine: Simulator;
  /** The operator's own key pair: whatever is sealed to it, the operator reads. */
  readonly operator: KeyPair;
}

/** Query of an attestation request. */
export interface AttestationAsked {
  readonly model: string;
  readonly nonce: string;
  /** A chat request came before it: the client attests anew. */
  readonly again: boolean;
}

/** An answer that is not the usual JSON with status 200. */
export interface RawReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A chat request on its way to the enclave. */
export interface RelayedRequest {
  /** Below the enclave's base; the one of chat requests unless given. */
  readonly path?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** One chat exchange, as far as a relay sees it. */
export interface Exchange extends Scene {
  /** As the client sent it. */
  readonly request: RelayedRequest;
  /** The client has attested anew since its first chat request. */
  readonly reattested: boolean;
  /** The key that the client wants its answer sealed to, 65 bytes; zeros under version 2. */
  readonly clientKey: Uint8Array;
  /** The client's own envelopes, hex, in the order of its messages; none under version 2. */
  readonly envelopes: readonly string[];
}

/** What a provider does otherwise than an honest one; members that are absent are honest. */
export interface Misbehaviour {
  /**
   * Evidence is minted on a machine with these faults, over the operator's own key. Its root is the one that the client
   * was told, unless `untrusted`.
   */
  readonly machine?: Omit<SimulatorOptions, "nowMs"> & { readonly untrusted?: boolean };
  /** Makes the attestation answer. */
  readonly attest?: (genuine: JsonObject, asked: AttestationAsked, scene: Scene) => Awaitable<JsonObject | RawReply>;
  /** The machine's own GPUs, manifests and OCSP answers go wrong; the enclave stands by them. Only in a case with GPUs. */
  readonly gpuFaults?: GpuFaults;
  /** Changes what the enclave gets, or answers without asking it. */
  readonly request?: (request: RelayedRequest, exchange: Exchange) => Awaitable<RelayedRequest | RelayedAnswer>;
  /** Changes what the client gets. */
  readonly answer?: (answer: RelayedAnswer, exchange: Exchange) => Awaitable<RelayedAnswer>;
  /** Changes the answer of `GET /tee/signature`; undefined is a 404. */
  readonly signature?: (genuine: JsonObject | undefined, exchange: Exchange) => Awaitable<JsonObject | RawReply | undefined>;
}

/** What a relay or a stranger writes where an enclave's words belong. No honest answer holds it. */
export const FORGED = "FORGED BY THE RELAY";

export function isRawReply(reply: object): reply is RawReply {
  return "status" in reply && "headers" in reply && "body" in reply;
}
