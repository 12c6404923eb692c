import { HEADERS, SSE_DONE } from "@bauta/protocol";
import { RefusalError, type ResponseDelta, type ResponseReader } from "@bauta/protocol/client";
import { type Answer, type AnswerReader, createAnswer } from "../answer.ts";
import type { Attestation } from "../attestation.ts";
import { type PreparedRequest, preparePlain, prepareSealed } from "../prepare-request.ts";
import { checkReceipt } from "../receipt-check.ts";
import { parseRequestId } from "../request-id.ts";
import { type ExchangeContext, type Sent, sendAttested } from "./send-attested.ts";

/** A chat request of version 1: each message sealed by itself, or the whole in clear for a model that the gateway reads. */
export interface MessagesRequest<Piece> {
  readonly model: string;
  readonly params: Readonly<Record<string, unknown>> & { readonly messages?: unknown };
  readonly protection: "sealed" | "gateway-visible";
  readonly allowInClear: readonly string[];
  readonly signal: AbortSignal | undefined;
  readonly createReader: (prepared: PreparedRequest, requestId: string | undefined) => AnswerReader<Piece>;
}

export interface BegunAnswer<Piece> {
  readonly attestation: Attestation;
  readonly answer: Answer<Piece>;
}

/**
 * Sends a chat request as a stream, and returns its answer once it begins.
 * @throws {ClientError} as {@link sendAttested}; {@link RefusalError} for a request that would leak, and for an answer that
 *   is no stream
 * @see spec/protocol.md, "Sealed requests"
 */
export async function sendMessages<Piece>(context: ExchangeContext, request: MessagesRequest<Piece>): Promise<BegunAnswer<Piece>> {
  const { backend } = context;
  const { model, params, protection, allowInClear, signal } = request;
  const isSealed = protection === "sealed";
  const sent = await sendAttested(context, {
    model,
    path: "chat/completions",
    staleStatuses: [421],
    freeText: isSealed,
    signal,
    prepare: ({ modelKey }) => (isSealed ? prepareSealed(backend, modelKey, params, allowInClear) : preparePlain(backend, params)),
  });
  // Only a stream can be an answer to it.
  assertStream(sent);
  return openAnswer(context, request, sent);
}

function assertStream({ prepared, answer }: Sent<PreparedRequest>): void {
  const type = answer.headers.get("content-type") ?? "";
  if (/^\s*text\/event-stream\s*(?:;|$)/i.test(type)) return;
  answer.body.cancel();
  prepared.dispose();
  throw new RefusalError("malformed_answer", "content-type");
}

function openAnswer<Piece>(
  { transport, backend, idleMs, receiptMs, receipts }: ExchangeContext,
  { model, protection, signal, createReader }: MessagesRequest<Piece>,
  { attestation, modelKey, prepared, deadline, answer: { body, headers } }: Sent<PreparedRequest>,
): BegunAnswer<Piece> {
  const { requestSha256, clientNonce } = prepared;
  const sealed = protection === "sealed" ? "messages" : undefined;
  const check = { backend, transport, modelKey, sealed, receipts, model, clientNonce, requestSha256, timeoutMs: receiptMs } as const;
  const requestId = parseRequestId(headers.get(HEADERS.requestId));
  const answer = createAnswer({
    body,
    deadline,
    reader: createReader(prepared, requestId),
    attestation,
    requestId,
    signal,
    idleMs,
    receiptMs,
    checkReceipt: (end, id) => checkReceipt(check, end, id, signal),
    quoteError: (error) => transport.quote(error, sealed !== undefined),
    dispose: () => prepared.dispose(),
  });
  return { attestation, answer };
}

/** A protocol's reader of streams, as answers are read by. */
export function streamReader(reader: ResponseReader): AnswerReader<ResponseDelta> {
  return {
    awaits: SSE_DONE,
    get ended() {
      return reader.ended;
    },
    get done() {
      return reader.done;
    },
    push: (bytes) => reader.push(bytes),
    end: () => reader.end(),
  };
}
