import {
  type Awaitable,
  type CryptoBackend,
  sha256Hex,
  type SignedReceipt,
  type Usage,
  utf8,
  type WireError,
  writeSseData,
} from "@bauta/protocol";
import { createPlainWriter, createSealedWriter, type ResponseHead } from "@bauta/protocol/enclave";
import type { EngineDelta, EngineFinish } from "./engine/engine.ts";

/** A delta without what the client is not to see. */
export type VisibleDelta = Omit<EngineDelta, "type">;

/** What a receipt says of an answer's bytes. */
export interface AnswerHashes {
  readonly responseSha256: string;
  readonly envelopesSha256: string | null;
}

/** Writes one streamed answer, event by event; each method returns the bytes to write and flush whole, in their order. */
export interface StreamWriter {
  /** The first chunk, which names the role. */
  start(): Awaitable<Uint8Array>;
  delta(delta: VisibleDelta): Awaitable<Uint8Array>;
  /** The finish reason, usage if asked for, and `[DONE]`. Ends the hashes. */
  finish(finish: EngineFinish, usage: Usage | undefined): Awaitable<{ readonly bytes: Uint8Array; readonly hashes: AnswerHashes }>;
  /** What follows `[DONE]`; no bytes where the receipt goes another way. */
  receipt(signed: SignedReceipt): Uint8Array;
  /** The event that ends a stream which failed after it had begun: no `[DONE]` and no receipt follow. */
  error(error: WireError): Awaitable<Uint8Array>;
}

/** How one answer goes over the wire: in clear, in envelopes, or sealed as a whole. */
export interface AnswerForm {
  /** Headers of its own. */
  readonly headers: Readonly<Record<string, string>>;
  stream(head: ResponseHead): Awaitable<StreamWriter>;
  /** One JSON value as the body that is sent, and its SHA-256. */
  whole(json: Uint8Array): Awaitable<{ readonly bytes: Uint8Array; readonly sha256: string }>;
}

/**
 * Version 1: chunks whose content is sealed to a client's key, or everything in clear where there is none.
 * @param clientKey 65 bytes, for a sealed model
 */
export function createChunkForm(backend: CryptoBackend, clientKey: Uint8Array | undefined): AnswerForm {
  return {
    headers: {},
    async stream(head) {
      const writer = clientKey ? await createSealedWriter(backend, clientKey, head) : createPlainWriter(backend, head);
      return {
        start: () => writer.start(),
        delta: (delta) => writer.delta(delta),
        finish(finish, usage) {
          const { bytes, hashes } = writer.finish(finish.reason, usage);
          return { bytes, hashes: { ...hashes, envelopesSha256: clientKey ? hashes.envelopesSha256 : null } };
        },
        receipt: (signed) => writer.receipt(signed),
        error: (error) => utf8(writeSseData(JSON.stringify(error.toBody()))),
      };
    },
    whole: (json) => ({ bytes: json, sha256: sha256Hex(backend, json) }),
  };
}
