import { type CryptoBackend, equalBytes, HEADERS, protectionOf, WIRE_ERRORS } from "@bauta/protocol";
import { RefusalError, type ResponseDelta } from "@bauta/protocol/client";
import { createAnswer } from "./answer.ts";
import { attestationRefused } from "./attest.ts";
import type { Attestation } from "./attestation.ts";
import { type ChatOptions, type ChatParams, parseModelName } from "./chat-params.ts";
import { createDeadline, type Deadline } from "./deadline.ts";
import { ClientError } from "./errors.ts";
import type { HttpAnswer, Transport } from "./http.ts";
import type { Outcome } from "./outcome.ts";
import { type PreparedRequest, preparePlain, prepareSealed } from "./prepare-request.ts";
import { checkReceipt, type ReceiptKind } from "./receipt-check.ts";
import { parseRequestId } from "./request-id.ts";
import type { Sessions } from "./session.ts";

export interface ChatContext {
  readonly transport: Transport;
  readonly backend: CryptoBackend;
  readonly sessions: Sessions;
  readonly headMs: number;
  readonly idleMs: number;
  readonly receiptMs: number;
  readonly receipts: ReceiptKind;
}

/** An answer that has begun. Iterate it once for its text; then `outcome` says what it is worth. */
export interface Chat extends AsyncIterable<ResponseDelta> {
  readonly model: string;
  /** `gateway-visible`: the gateway reads this conversation. */
  readonly protection: "sealed" | "gateway-visible";
  /**
   * What was attested before this request was sent, and whose key answers it. It is not the one that an earlier `attest`
   * gave when that had expired meanwhile, or its key was gone.
   */
  readonly attestation: Attestation;
  /** Resolves when the iteration has ended, however it ended; never rejects. Until then nothing shown is verified. */
  readonly outcome: Promise<Outcome>;
}

interface SentRequest {
  readonly prepared: PreparedRequest;
  readonly deadline: Deadline;
  readonly answer: HttpAnswer;
}

/**
 * Sends a chat request to an enclave that was attested, and returns its answer once it begins.
 * @throws {ClientError} `model_not_private`, `gateway_visible`, `attestation_refused`, … before anything was sent;
 *   `server_error`, `network_failed`, `timeout` afterwards
 * @throws {RefusalError} for a request that would leak, and for an answer that is no stream
 * @throws the signal's own reason when it aborts
 */
export async function startChat(context: ChatContext, params: ChatParams, options: ChatOptions): Promise<Chat> {
  const { signal } = options;
  signal?.throwIfAborted();
  // 1. What the model's name promises.
  const model = parseModelName(params.model);
  const protection = assertAllowed(model, options);
  // 2. An attested key, or nothing is sent.
  let { attestation, modelKey } = await acceptedKey(context, model, signal);
  // 3. The request, sealed to that key.
  let sent = await send(context, { params, options, protection, modelKey });
  // 4. A key that no enclave holds any more: attest, seal anew and send again, once. What was refused so has not been
  //    answered, and the old bytes open for no other key; only a relay that forged the refusal has two requests to answer.
  if (!isSuccess(sent)) {
    const error = await readRefusal(context, sent, protection, signal);
    if (!meansStaleKey(error)) throw error;
    context.sessions.drop(attestation);
    const staleKey = modelKey;
    ({ attestation, modelKey } = await acceptedKey(context, model, signal));
    if (error.details.server?.status !== 421 && equalBytes(staleKey, modelKey)) throw error;
    sent = await send(context, { params, options, protection, modelKey });
    if (!isSuccess(sent)) throw await readRefusal(context, sent, protection, signal);
  }
  // 5. Only a stream can be an answer to it.
  assertStream(sent);
  return openAnswer(context, { sent, model, protection, attestation, modelKey, signal });
}

function assertAllowed(model: string, { allowGatewayVisible }: ChatOptions): Chat["protection"] {
  const protection = protectionOf(model);
  if (protection === "none") {
    throw new ClientError(
      "model_not_private",
      `${model}: nothing protects requests to this model; use one that is named e2ee-* (or tee-*)`,
      { field: "model" },
    );
  }
  if (protection === "gateway-visible" && allowGatewayVisible !== true) {
    throw new ClientError(
      "gateway_visible",
      `${model}: the gateway reads everything that is sent to tee-* models; use an e2ee-* model, or set allowGatewayVisible: true`,
      { field: "model" },
    );
  }
  return protection;
}

async function acceptedKey(
  { sessions }: ChatContext,
  model: string,
  signal: AbortSignal | undefined,
): Promise<{ attestation: Attestation; modelKey: Uint8Array }> {
  const attestation = await sessions.current(model, signal);
  const { modelKey } = attestation;
  if (!attestation.result.ok || !modelKey) throw attestationRefused(attestation);
  return { attestation, modelKey };
}

interface SendInput {
  readonly params: ChatParams;
  readonly options: ChatOptions;
  readonly protection: Chat["protection"];
  readonly modelKey: Uint8Array;
}

async function send(context: ChatContext, { params, options, protection, modelKey }: SendInput): Promise<SentRequest> {
  const { transport, backend, headMs } = context;
  const prepared =
    protection === "sealed" ? await prepareSealed(backend, modelKey, params, options.allowInClear ?? []) : preparePlain(backend, params);
  const deadline = createDeadline(options.signal, headMs);
  try {
    const { body, headers } = prepared;
    const answer = await transport.send({ method: "POST", path: "chat/completions", headers, body }, deadline);
    return { prepared, deadline, answer };
  } catch (error) {
    prepared.dispose();
    throw error;
  }
}

function isSuccess({ answer }: SentRequest): boolean {
  return answer.status >= 200 && answer.status <= 299;
}

async function readRefusal(
  { transport }: ChatContext,
  { prepared, answer }: SentRequest,
  protection: Chat["protection"],
  signal: AbortSignal | undefined,
): Promise<ClientError> {
  prepared.dispose();
  const error = await transport.readError(answer, protection === "sealed");
  signal?.throwIfAborted();
  return error;
}

function meansStaleKey({ details: { server } }: ClientError): boolean {
  return server?.status === 421 || server?.code === "field_not_opened" || server?.message === WIRE_ERRORS.field_not_opened.message;
}

function assertStream({ prepared, answer }: SentRequest): void {
  const type = answer.headers.get("content-type") ?? "";
  if (/^\s*text\/event-stream\s*(?:;|$)/i.test(type)) return;
  answer.body.cancel();
  prepared.dispose();
  throw new RefusalError("malformed_answer", "content-type");
}

interface BegunAnswer {
  readonly sent: SentRequest;
  readonly model: string;
  readonly protection: Chat["protection"];
  readonly attestation: Attestation;
  readonly modelKey: Uint8Array;
  readonly signal: AbortSignal | undefined;
}

function openAnswer(context: ChatContext, { sent, model, protection, attestation, modelKey, signal }: BegunAnswer): Chat {
  const { transport, backend, idleMs, receiptMs, receipts } = context;
  const { prepared, deadline, answer } = sent;
  const { requestSha256, clientNonce } = prepared;
  const isSealed = protection === "sealed";
  const check = { backend, transport, modelKey, sealed: isSealed, receipts, model, clientNonce, requestSha256, timeoutMs: receiptMs };
  const stream = createAnswer({
    body: answer.body,
    deadline,
    reader: prepared.createReader(),
    attestation,
    requestId: parseRequestId(answer.headers.get(HEADERS.requestId)),
    signal,
    idleMs,
    receiptMs,
    checkReceipt: (end, requestId) => checkReceipt(check, end, requestId, signal),
    quoteError: (error) => transport.quote(error, isSealed),
    dispose: () => prepared.dispose(),
  });
  return { model, protection, attestation, outcome: stream.outcome, [Symbol.asyncIterator]: () => stream[Symbol.asyncIterator]() };
}
