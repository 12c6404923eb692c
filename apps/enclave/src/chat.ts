import { type ChatRequest, HEADERS, WireError } from "@bauta/protocol";
import { hasSealedHeaders, openRequest, parsePlainRequest, parseRichRequest } from "@bauta/protocol/enclave";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type AnswerForm, createChunkForm } from "./answer-form.ts";
import { type AnsweringOptions, answerRequest, parseClientNonce } from "./answer-request.ts";
import { assertFeatures } from "./engine/features.ts";
import { type EnclaveModel, findModel, isSealed, maxCompletionTokens } from "./model.ts";
import { bodyBytes, parseBody } from "./read-body.ts";
import { createFrameForm } from "./sealed-body/frame-form.ts";
import { hasSealedBody, openSealedCall, type SealedCallOptions } from "./sealed-body/open-sealed-call.ts";
import { streamAnswer } from "./stream-answer.ts";
import { wholeAnswer } from "./whole-answer.ts";

/**
 * `strict` as in `openRequest`, too: nothing in clear, and no envelope but from the client-key header's own sender.
 */
export type ChatOptions = AnsweringOptions & SealedCallOptions;

/** A chat request that was opened, or stood in clear, and how its answer goes back. */
interface OpenedChat {
  readonly model: EnclaveModel;
  readonly chat: ChatRequest;
  readonly clientNonce: string | null;
  readonly form: AnswerForm;
}

/** Below the API's base. */
const PATH = "/chat/completions";

/** Handles `POST /v1/chat/completions`: opens the request, runs the engine, seals the answer, signs it. */
export function createChatHandler(options: ChatOptions): (request: FastifyRequest, reply: FastifyReply) => Promise<unknown> {
  const { backend, modelKey, models, strict } = options;

  return async (request, reply) => {
    // 1. The body as received, opened or read as it stands.
    const bytes = bodyBytes(request.body);
    const open = hasSealedBody(request.headers) ? openSealedBody : openMessages;
    const { model, chat, clientNonce, form } = await open(bytes, request.headers);

    // 2. Generate, seal, sign.
    return answerRequest(options, { request, reply }, { model, bytes, clientNonce, idPrefix: "chatcmpl" }, async (frame, tools) => {
      const answer = { ...frame, request: clampTokens(chat, model) };
      if (!chat.stream) {
        await wholeAnswer(reply.raw, answer, form, tools.onBegin);
        return "finished";
      }
      const outcome = await streamAnswer(reply.raw, answer, { form, ...tools });
      return outcome === "finished" ? outcome : outcome.code;
    });
  };

  /** Version 2: the whole body is sealed, whatever the model. */
  async function openSealedBody(bytes: Uint8Array, headers: FastifyRequest["headers"]): Promise<OpenedChat> {
    const clientNonce = parseClientNonce(headers[HEADERS.nonce]);
    const { model, request, sealResponse } = await openSealedCall(headers, bytes, PATH, options);
    const chat = parseRichRequest(request);
    assertFeatures(model.engine, chat.rich);
    return { model, chat, clientNonce, form: createFrameForm(backend, await sealResponse()) };
  }

  /** Version 1: envelopes in messages for a sealed model, and plaintext for the others. */
  async function openMessages(bytes: Uint8Array, headers: FastifyRequest["headers"]): Promise<OpenedChat> {
    const body = parseBody(bytes);
    const model = findModel(models, body["model"]);
    const clientNonce = parseClientNonce(headers[HEADERS.nonce]);
    if (isSealed(model)) {
      const { request, clientKey } = await openRequest(body, headers, { backend, modelKey, strict });
      return { model, chat: request, clientNonce, form: createChunkForm(backend, clientKey) };
    }
    // The caller expects a sealed answer, and this model gives none.
    if (hasSealedHeaders(headers)) throw new WireError("headers_unexpected");
    return { model, chat: parsePlainRequest(body), clientNonce, form: createChunkForm(backend, undefined) };
  }
}

function clampTokens(chat: ChatRequest, model: EnclaveModel): ChatRequest {
  const most = maxCompletionTokens(model);
  return { ...chat, sampling: { ...chat.sampling, maxTokens: Math.min(chat.sampling.maxTokens ?? most, most) } };
}
