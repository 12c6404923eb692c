import { HEADERS, WireError } from "@bauta/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type AnsweringOptions, answerRequest, parseClientNonce } from "./answer-request.ts";
import { parseEmbeddingRequest, writeEmbeddings } from "./embedding-fields.ts";
import { type EmbeddingRequest, type Embeddings, type Engine, EngineError } from "./engine/engine.ts";
import { bodyBytes } from "./read-body.ts";
import { createFrameForm } from "./sealed-body/frame-form.ts";
import { hasSealedBody, openSealedCall, type SealedCallOptions } from "./sealed-body/open-sealed-call.ts";
import { writeWhole } from "./whole-answer.ts";

/** Below the API's base. */
const PATH = "/embeddings";

/**
 * Refuses what is not sealed as a whole, before it is read: version 1 has no form for embeddings, and in clear they
 * would show the text to the gateway.
 * @throws {WireError} `sealed_body_required`
 */
export function assertSealedBody(headers: FastifyRequest["headers"]): void {
  if (!hasSealedBody(headers)) throw new WireError("sealed_body_required", { param: HEADERS.encapsulatedKey });
}

/** Handles `POST /v1/embeddings`, which takes sealed bodies only: opens the request, runs the engine, seals and signs. */
export function createEmbeddingsHandler(
  options: AnsweringOptions & SealedCallOptions,
): (request: FastifyRequest, reply: FastifyReply) => Promise<unknown> {
  return async (request, reply) => {
    // 1. The body as received, opened.
    const bytes = bodyBytes(request.body);
    const clientNonce = parseClientNonce(request.headers[HEADERS.nonce]);
    const { model, request: body, sealResponse } = await openSealedCall(request.headers, bytes, PATH, options);
    const asked = parseEmbeddingRequest(body);
    const { engine } = model;
    if (!hasEmbeddings(engine)) throw new WireError("unsupported_field", { param: "model" });
    const form = createFrameForm(options.backend, await sealResponse());

    // 2. Compute, seal, sign.
    return answerRequest(options, { request, reply }, { model, bytes, clientNonce, idPrefix: "embd" }, async (frame, { onBegin }) => {
      const embeddings = await embed(engine, asked, frame.signal);
      const value = writeEmbeddings(embeddings, asked.encoding, model.id);
      await writeWhole(reply.raw, frame, { value, finish: { reason: "stop", usage: embeddings.usage } }, form, onBegin);
      return "finished";
    });
  };
}

type EmbeddingEngine = Engine & Required<Pick<Engine, "embed">>;

function hasEmbeddings(engine: Engine): engine is EmbeddingEngine {
  return engine.embed !== undefined;
}

async function embed(engine: EmbeddingEngine, asked: EmbeddingRequest, signal: AbortSignal): Promise<Embeddings> {
  try {
    return await engine.embed(asked, signal);
  } catch (error) {
    if (error instanceof EngineError && error.code === "context-length")
      throw new WireError("context_length", { param: "input", cause: error });
    throw error;
  }
}
