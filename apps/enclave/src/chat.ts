import { randomBytes } from "node:crypto";
import { type ChatRequest, type CryptoBackend, HEADERS, type KeyPair, parseHex, sha256Hex, toHex, WireError } from "@bauta/protocol";
import { hasSealedHeaders, openRequest, parsePlainRequest } from "@bauta/protocol/enclave";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Answer } from "./answer.ts";
import { type EnclaveModel, isSealed, maxCompletionTokens } from "./model.ts";
import type { OpenAnswers } from "./open-answers.ts";
import { parseBody } from "./read-body.ts";
import type { ReceiptStore } from "./receipt-store.ts";
import { streamAnswer } from "./stream-answer.ts";
import type { UncollectedReceipts } from "./uncollected-receipts.ts";
import { toWireError } from "./wire-errors.ts";
import { wholeAnswer } from "./whole-answer.ts";

export interface ChatOptions {
  readonly backend: CryptoBackend;
  readonly modelKey: KeyPair;
  readonly models: ReadonlyMap<string, EnclaveModel>;
  /** As in `openRequest`: nothing in clear, and no envelope but from the client-key header's own sender. */
  readonly strict: boolean;
  readonly nowMs: () => number;
  readonly receipts: ReceiptStore;
  readonly uncollected: UncollectedReceipts;
  readonly answers: OpenAnswers;
}

/** Handles `POST /v1/chat/completions`: opens the request, runs the engine, seals the answer, signs it. */
export function createChatHandler(options: ChatOptions): (request: FastifyRequest, reply: FastifyReply) => Promise<unknown> {
  const { backend, modelKey, models, strict, nowMs, receipts, uncollected, answers } = options;

  /** What the client is told; what happened goes to the log, where it is not the client's own hang-up. */
  function refuse(error: unknown, signal: AbortSignal, log: FastifyRequest["log"]): WireError {
    if (signal.aborted) return new WireError(answers.expired ? "shutting_down" : "engine_failed");
    const wireError = toWireError(error);
    if (wireError.code === "internal") log.error({ err: error }, "answer failed");
    else log.warn({ err: error }, "answer failed");
    return wireError;
  }

  return async (request, reply) => {
    // 1. The body as received: the receipt covers these bytes.
    const bytes = request.body instanceof Uint8Array ? request.body : new Uint8Array();
    const body = parseBody(bytes);
    const model = findModel(models, body["model"]);
    const clientNonce = parseClientNonce(request.headers[HEADERS.nonce]);

    // 2. Open it, or read it as it stands.
    const { chat, clientKey } = await open(model, body, request.headers);
    const requestId = `chatcmpl-${toHex(randomBytes(16))}`;

    // 3. Generate, seal, sign.
    const answered = answers.track(reply.raw, async (signal) => {
      const answer: Answer = {
        backend,
        modelKey,
        model,
        request: clampTokens(chat, model),
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
      const toError = (error: unknown): WireError => refuse(error, signal, request.log);
      const report = (outcome: string): void =>
        request.log.info({ requestId, model: model.id, outcome: signal.aborted ? "stopped" : outcome }, "answered");
      const onBegin = (): void => void reply.hijack();
      try {
        if (!chat.stream) {
          await wholeAnswer(reply.raw, answer, onBegin);
          report("finished");
          return reply;
        }
        const outcome = await streamAnswer(reply.raw, answer, { clientKey, toError, onBegin });
        report(outcome === "finished" ? outcome : outcome.code);
        return reply;
      } catch (error) {
        throw toError(error);
      }
    });
    return answered.finally(() => uncollected.ended(requestId));
  };

  async function open(
    model: EnclaveModel,
    body: unknown,
    headers: FastifyRequest["headers"],
  ): Promise<{ readonly chat: ChatRequest; readonly clientKey: Uint8Array | undefined }> {
    if (isSealed(model)) {
      const { request, clientKey } = await openRequest(body, headers, { backend, modelKey, strict });
      return { chat: request, clientKey };
    }
    // The caller expects a sealed answer, and this model gives none.
    if (hasSealedHeaders(headers)) throw new WireError("headers_unexpected");
    return { chat: parsePlainRequest(body), clientKey: undefined };
  }
}

/** @throws {WireError} `missing_field`, `invalid_field`, `model_not_found` */
export function findModel(models: ReadonlyMap<string, EnclaveModel>, id: unknown): EnclaveModel {
  if (id === undefined) throw new WireError("missing_field", { param: "model" });
  if (typeof id !== "string") throw new WireError("invalid_field", { param: "model" });
  const model = models.get(id);
  if (!model) throw new WireError("model_not_found", { param: "model" });
  return model;
}

/** The client's nonce in lower case, as receipts have it. */
function parseClientNonce(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  const nonce = typeof header === "string" && header.length === 64 ? parseHex(header, 32) : undefined;
  if (!nonce) throw new WireError("invalid_client_nonce", { param: HEADERS.nonce });
  return toHex(nonce);
}

function clampTokens(chat: ChatRequest, model: EnclaveModel): ChatRequest {
  const most = maxCompletionTokens(model);
  return { ...chat, sampling: { ...chat.sampling, maxTokens: Math.min(chat.sampling.maxTokens ?? most, most) } };
}
