import { HEADERS, sha256Hex, toHex, utf8 } from "@bauta/protocol";
import { type BodyOpener, RefusalError, sealBody, type SealedBody, writeBinding } from "@bauta/protocol/client";
import { type AnswerReader, createAnswer } from "../answer.ts";
import { ClientError } from "../errors.ts";
import { freshNonce } from "../prepare-request.ts";
import { checkReceipt } from "../receipt-check.ts";
import { parseRequestId } from "../request-id.ts";
import type { Chunk, JsonObject } from "./chunk.ts";
import { createOpenedStreamReader, createOpenedWholeReader, type WholeReader } from "./read-opened.ts";
import { type Accepted, type ExchangeContext, type Sent, sendAttested, type WireRequest } from "./send-attested.ts";
import type { BegunAnswer } from "./send-messages.ts";

/** A request of version 2: all of it sealed as it stands, for whatever OpenAI's API and the enclave's engine know. */
export interface BodyRequest {
  readonly path: "chat/completions" | "embeddings";
  readonly model: string;
  readonly params: JsonObject;
  readonly signal: AbortSignal | undefined;
}

interface PreparedBody extends WireRequest {
  readonly clientNonce: string;
  readonly sealed: SealedBody;
}

/** What seals one request after the other, as long as nothing falls back to less. */
interface OpenedAnswer extends Accepted {
  readonly sent: Sent<PreparedBody>;
  readonly opener: BodyOpener;
}

/**
 * Sends a chat request sealed whole, and returns the chunks of its answer once it begins.
 * @throws {ClientError} as {@link sendAttested}; {@link RefusalError} for a request that cannot be sealed, and for an
 *   answer that is not
 * @see spec/sealed-bodies.md
 */
export async function sendBody(context: ExchangeContext, request: BodyRequest): Promise<BegunAnswer<Chunk>> {
  const begun = await send(context, { ...request, params: { ...request.params, stream: true } });
  const reader = createOpenedStreamReader(context.backend, begun.opener);
  return { attestation: begun.attestation, answer: openAnswer(context, request, begun, reader) };
}

/** As {@link sendBody}, for an answer that is one JSON value: there once its outcome is. */
export async function sendWholeBody(
  context: ExchangeContext,
  request: BodyRequest,
): Promise<BegunAnswer<never> & Pick<WholeReader, "value">> {
  const begun = await send(context, request);
  const reader = createOpenedWholeReader(context.backend, begun.opener);
  return { attestation: begun.attestation, answer: openAnswer(context, request, begun, reader), value: reader.value };
}

async function send(context: ExchangeContext, request: BodyRequest): Promise<OpenedAnswer> {
  const { path, model, signal } = request;
  const sent = await sendAttested(context, {
    model,
    path,
    staleStatuses: [421, 422],
    freeText: true,
    signal,
    prepare: (accepted) => prepareBody(context, request, accepted),
  });
  const { prepared, answer, attestation, modelKey } = sent;
  try {
    // A success that is not sealed is nobody's answer.
    const opener = await prepared.sealed.openResponse(answer.headers.get(HEADERS.responseNonce));
    return { attestation, modelKey, sent, opener };
  } catch (error) {
    answer.body.cancel();
    prepared.dispose();
    throw error;
  }
}

/** Seals a request as it stands, under a key of its own. */
async function prepareBody(
  { backend, nowMs }: ExchangeContext,
  { path, model, params }: BodyRequest,
  { attestation, modelKey }: Accepted,
): Promise<PreparedBody> {
  const keyConfig = attestation.result.hpkeKeyConfig;
  if (!keyConfig) {
    const message = `${model}: the policy asks for requests that are sealed whole, and the enclave's signed keys offer no key for that`;
    throw new ClientError("attestation_refused", message, { attestation });
  }
  const bound = writeBinding(params, { method: "POST", path: `/${path}`, model, nowMs: nowMs() });
  const sealed = await sealBody({ backend, keyConfig, plaintext: utf8(toJson(bound)) });
  const clientNonce = freshNonce(backend);
  return {
    body: sealed.body,
    headers: {
      "content-type": "application/octet-stream",
      [HEADERS.encapsulatedKey]: sealed.encapsulatedKey,
      [HEADERS.model]: model,
      [HEADERS.modelPublicKey]: toHex(modelKey),
      [HEADERS.nonce]: clientNonce,
    },
    clientNonce,
    sealed,
    dispose: () => sealed.dispose(),
  };
}

function openAnswer<Piece>(
  { transport, backend, idleMs, receiptMs, receipts }: ExchangeContext,
  { model, signal }: BodyRequest,
  { attestation, modelKey, sent }: OpenedAnswer,
  reader: AnswerReader<Piece>,
) {
  const { prepared, deadline, answer } = sent;
  const { body, clientNonce } = prepared;
  const requestSha256 = sha256Hex(backend, body);
  const check = {
    backend,
    transport,
    modelKey,
    sealed: "body",
    receipts,
    model,
    clientNonce,
    requestSha256,
    timeoutMs: receiptMs,
  } as const;
  return createAnswer({
    body: answer.body,
    deadline,
    reader,
    attestation,
    requestId: parseRequestId(answer.headers.get(HEADERS.requestId)),
    signal,
    idleMs,
    receiptMs,
    checkReceipt: (end, id) => checkReceipt(check, end, id, signal),
    quoteError: (error) => transport.quote(error, true),
    dispose: () => prepared.dispose(),
  });
}

/** A runtime's own text can quote the value that it stumbled over. */
function toJson(value: JsonObject): string {
  try {
    return JSON.stringify(value);
  } catch {
    throw new RefusalError("invalid_request");
  }
}
