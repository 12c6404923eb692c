import { toHex } from "@bauta/protocol";
import type { ResponseDelta } from "@bauta/protocol/client";
import { mapAnswer } from "../map-answer.ts";
import type { Outcome } from "../outcome.ts";
import { withHeadHint } from "./chunk-head.ts";
import { type Chunk, type ChunkHead, createChunk, createUsageChunk, isJsonObject, type JsonObject } from "./chunk.ts";
import type { Exchange, ExchangeRequest } from "./exchange.ts";
import { createClearReader } from "./read-chunks.ts";
import type { ExchangeContext } from "./send-attested.ts";
import { sendMessages, streamReader } from "./send-messages.ts";

/**
 * Asks by messages that are sealed one by one, or by a request in clear where the gateway may read (version 1). Both are
 * asked for as a stream, whatever the caller wants: it alone can be sealed, and brings its receipt along.
 */
export async function askByMessages(context: ExchangeContext, request: ExchangeRequest): Promise<Exchange> {
  const { model, protection, allowInClear, signal } = request;
  const common = { model, params: asStream(request.params), protection, allowInClear, signal };
  if (protection === "gateway-visible") {
    const createReader = () => createClearReader(context.backend);
    return { kind: "chunks", protection, ...(await sendMessages(context, { ...common, createReader })) };
  }

  // What the opened text is put into: the server's own id and time, as far as they can be had.
  let readHead = (): ChunkHead => ({ id: newId(context), model, created: seconds(context) });
  const { attestation, answer } = await sendMessages(context, {
    ...common,
    createReader(prepared, requestId) {
      const reader = withHeadHint(streamReader(prepared.createReader()));
      const fallback = readHead();
      readHead = () => ({ id: reader.hint.id ?? requestId ?? fallback.id, model, created: reader.hint.created ?? fallback.created });
      return reader;
    },
  });
  let hasBegun = false;
  const begin = (): Chunk[] => {
    if (hasBegun) return [];
    hasBegun = true;
    return [createChunk(readHead(), { role: "assistant", content: "" })];
  };
  const map = (delta: ResponseDelta) => [...begin(), ...textChunks(readHead(), delta)];
  const rest = (outcome: Outcome) => [...begin(), ...lastChunks(readHead(), outcome)];
  return { kind: "chunks", protection, attestation, answer: mapAnswer(answer, map, rest) };
}

/** As one message: reasoning stands before the content that it led to. */
function textChunks(head: ChunkHead, { reasoning, content }: ResponseDelta): Chunk[] {
  return [
    ...(reasoning === "" ? [] : [createChunk(head, { reasoning_content: reasoning })]),
    ...(content === "" ? [] : [createChunk(head, { content })]),
  ];
}

function lastChunks(head: ChunkHead, { status, finishReason, usage }: Outcome): Chunk[] {
  if (status === "incomplete") return [];
  return [...(finishReason === undefined ? [] : [createChunk(head, {}, finishReason)]), ...(usage ? [createUsageChunk(head, usage)] : [])];
}

/** Usage is always asked for: whoever wants the whole answer wants it, and others are not shown it. */
function asStream(params: JsonObject): JsonObject {
  const { response_format: format, stream_options: options, ...others } = params;
  return {
    ...others,
    // Text is what comes without a format too.
    ...(format !== undefined && !(isJsonObject(format) && format["type"] === "text") && { response_format: format }),
    stream: true,
    stream_options: { ...(isJsonObject(options) && options), include_usage: true },
  };
}

function newId({ backend }: ExchangeContext): string {
  return `chatcmpl-${toHex(backend.randomBytes(16))}`;
}

function seconds({ nowMs }: ExchangeContext): number {
  return Math.floor(nowMs() / 1000);
}
