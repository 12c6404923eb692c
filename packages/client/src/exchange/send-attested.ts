import type { Policy } from "@bauta/attestation/on-demand";
import { type CryptoBackend, equalBytes, WIRE_ERRORS } from "@bauta/protocol";
import { attestationRefused } from "../attest.ts";
import type { Attestation } from "../attestation.ts";
import { createDeadline, type Deadline } from "../deadline.ts";
import { ClientError } from "../errors.ts";
import type { HttpAnswer, Transport } from "../http.ts";
import type { ReceiptKind } from "../receipt-check.ts";
import type { Sessions } from "../session.ts";

/** What all requests of one client share. */
export interface ExchangeContext {
  readonly transport: Transport;
  readonly backend: CryptoBackend;
  readonly sessions: Sessions;
  readonly policy: Policy;
  readonly baseURL: string;
  readonly nowMs: () => number;
  readonly headMs: number;
  readonly idleMs: number;
  readonly receiptMs: number;
  readonly receipts: ReceiptKind;
}

/** A request as it goes over the wire. */
export interface WireRequest {
  /** Sent exactly so: the receipt hashes these bytes. */
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
  /** Zeroes this request's keys (best effort: JavaScript gives no promise that no copy was made). */
  dispose(): void;
}

/** An enclave that was accepted, with the key that it proved. */
export interface Accepted {
  readonly attestation: Attestation;
  readonly modelKey: Uint8Array;
}

export interface AttestedRequest<Prepared extends WireRequest> {
  readonly model: string;
  readonly path: string;
  /** Called for each sending: no two are sealed under the same keys. */
  readonly prepare: (accepted: Accepted) => Prepared | Promise<Prepared>;
  /**
   * Statuses that tell of a key that is gone. 421: no enclave holds the model key. 422: the enclave has another key for
   * whole bodies than the one that was sealed to.
   */
  readonly staleStatuses: readonly number[];
  /** False where the server knows the prompt: an error's wording is then repeated only if it is the catalogue's. */
  readonly freeText: boolean;
  readonly signal: AbortSignal | undefined;
}

/** A request that was answered by a status of success. */
export interface Sent<Prepared extends WireRequest> extends Accepted {
  readonly prepared: Prepared;
  readonly deadline: Deadline;
  readonly answer: HttpAnswer;
}

/**
 * Sends a request to an enclave that was attested. Where no enclave holds its key any more, or the one that does is
 * stopping, it attests, prepares and sends once more: what was refused so has not been answered, and the old bytes open for
 * no other key. Only a relay that forged the refusal has two requests to answer. Nothing else is ever sent again.
 * @throws {ClientError} `attestation_refused`, … before anything was sent; `server_error`, `network_failed`, `timeout`
 *   afterwards; the caller's own reason when its signal aborted
 */
export async function sendAttested<Prepared extends WireRequest>(
  context: ExchangeContext,
  request: AttestedRequest<Prepared>,
): Promise<Sent<Prepared>> {
  // 1. An attested key, or nothing is sent.
  const first = await acceptedKey(context, request);
  // 2. The request, sealed to that key.
  const sent = await send(context, request, first);
  if (isSuccess(sent)) return sent;
  // 3. Once more, if it was a key that is gone.
  const error = await readRefusal(context, request, sent);
  const isStale = request.staleStatuses.includes(error.details.server?.status ?? 0);
  if (!isStale && !isUnopened(error) && !isStopping(error)) throw error;
  context.sessions.drop(first.attestation);
  const second = await acceptedKey(context, request);
  // What did not open for a key will not open for the same one again, and who stops will not start.
  if (!isStale && equalBytes(first.modelKey, second.modelKey)) throw error;
  const again = await send(context, request, second);
  if (isSuccess(again)) return again;
  throw await readRefusal(context, request, again);
}

async function acceptedKey(
  { sessions, policy, baseURL, nowMs }: ExchangeContext,
  { model, signal }: Pick<AttestedRequest<WireRequest>, "model" | "signal">,
): Promise<Accepted> {
  const attestation = await sessions.current(model, signal);
  const { modelKey } = attestation;
  if (!attestation.result.ok || !modelKey) throw attestationRefused(attestation, { policy, baseURL, nowMs: nowMs() });
  return { attestation, modelKey };
}

async function send<Prepared extends WireRequest>(
  { transport, headMs }: ExchangeContext,
  { path, prepare, signal }: AttestedRequest<Prepared>,
  accepted: Accepted,
): Promise<Sent<Prepared>> {
  const prepared = await prepare(accepted);
  const deadline = createDeadline(signal, headMs);
  try {
    const { body, headers } = prepared;
    const answer = await transport.send({ method: "POST", path, headers, body }, deadline);
    return { ...accepted, prepared, deadline, answer };
  } catch (error) {
    prepared.dispose();
    throw noteArrival(error);
  }
}

/** What the runtime says where there was no connection to send anything over. */
const NOT_SENT: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function noteArrival(error: unknown): unknown {
  if (!(error instanceof ClientError) || error.code !== "network_failed" || NOT_SENT.has(error.details.networkCode ?? "")) return error;
  return new ClientError(error.code, error.message, { ...error.details, mayHaveArrived: true }, error.action);
}

function isSuccess({ answer }: Sent<WireRequest>): boolean {
  return answer.status >= 200 && answer.status <= 299;
}

async function readRefusal(
  { transport }: ExchangeContext,
  { freeText, signal }: Pick<AttestedRequest<WireRequest>, "freeText" | "signal">,
  { prepared, answer }: Sent<WireRequest>,
): Promise<ClientError> {
  prepared.dispose();
  const error = await transport.readError(answer, freeText);
  signal?.throwIfAborted();
  return error;
}

/** An enclave that stops refuses before it opens anything; another one may serve. */
function isStopping({ details: { server } }: ClientError): boolean {
  return server?.code === "shutting_down" || server?.message === WIRE_ERRORS.shutting_down.message;
}

function isUnopened({ details: { server } }: ClientError): boolean {
  return server?.code === "field_not_opened" || server?.message === WIRE_ERRORS.field_not_opened.message;
}
