import { randomBytes } from "node:crypto";
import { type CryptoBackend, HEADERS, type KeyPair, parseHex, sha256Hex, toHex, WireError } from "@bauta/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { AnswerFrame } from "./answer.ts";
import type { EnclaveModel } from "./model.ts";
import type { OpenAnswers } from "./open-answers.ts";
import type { ReceiptStore } from "./receipt-store.ts";
import type { UncollectedReceipts } from "./uncollected-receipts.ts";
import { toWireError } from "./wire-errors.ts";

/** What every answer of one enclave works with. */
export interface AnsweringOptions {
  readonly backend: CryptoBackend;
  readonly modelKey: KeyPair;
  readonly nowMs: () => number;
  readonly receipts: ReceiptStore;
  readonly uncollected: UncollectedReceipts;
  readonly answers: OpenAnswers;
}

/** A request that was read, and is about to be answered. */
export interface AnswerableRequest {
  readonly model: EnclaveModel;
  /** The body as received: the receipt covers these bytes. */
  readonly bytes: Uint8Array;
  readonly clientNonce: string | null;
  /** Begins the answer's id. */
  readonly idPrefix: "chatcmpl" | "embd";
}

export interface AnswerTools {
  /** What the client is told of an error; what happened goes to the log, where it is not the client's own hang-up. */
  readonly toError: (error: unknown) => WireError;
  /** To be called once, before the first byte. */
  readonly onBegin: () => void;
}

/**
 * Runs one answer from its engine to its last byte: with an id, a signal that stops it, a receipt and one line of log.
 * @param write writes the answer; returns how it came out
 * @throws {WireError} while nothing was written
 */
export async function answerRequest(
  { backend, modelKey, nowMs, receipts, uncollected, answers }: AnsweringOptions,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  { model, bytes, clientNonce, idPrefix }: AnswerableRequest,
  write: (frame: AnswerFrame, tools: AnswerTools) => Promise<string>,
): Promise<unknown> {
  const requestId = `${idPrefix}-${toHex(randomBytes(16))}`;

  function refuse(error: unknown, signal: AbortSignal): WireError {
    if (signal.aborted) return new WireError(answers.expired ? "shutting_down" : "engine_failed");
    const wireError = toWireError(error);
    if (wireError.code === "internal") request.log.error({ err: error }, "answer failed");
    else request.log.warn({ err: error }, "answer failed");
    return wireError;
  }

  const answered = answers.track(reply.raw, async (signal) => {
    const frame: AnswerFrame = {
      backend,
      modelKey,
      model,
      requestId,
      requestSha256: sha256Hex(backend, bytes),
      clientNonce,
      created: Math.floor(nowMs() / 1000),
      signal,
      keep(signed) {
        receipts.put(requestId, signed);
        uncollected.signed(requestId);
      },
    };
    const toError = (error: unknown): WireError => refuse(error, signal);
    // The one word that no engine was asked: who hears it may ask another enclave, and nothing is answered twice.
    if (signal.aborted) throw toError(undefined);
    try {
      const outcome = await write(frame, { toError, onBegin: () => void reply.hijack() });
      request.log.info({ requestId, model: model.id, outcome: signal.aborted ? "stopped" : outcome }, "answered");
      return reply;
    } catch (error) {
      const refusal = toError(error);
      throw refusal.code === "shutting_down" ? new WireError("unavailable") : refusal;
    }
  });
  return answered.finally(() => uncollected.ended(requestId));
}

/** The client's nonce in lower case, as receipts have it. @throws {WireError} `invalid_client_nonce` */
export function parseClientNonce(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  const nonce = typeof header === "string" && header.length === 64 ? parseHex(header, 32) : undefined;
  if (!nonce) throw new WireError("invalid_client_nonce", { param: HEADERS.nonce });
  return toHex(nonce);
}
