import { protectionOf } from "@bauta/protocol";
import type { Attestation } from "./attestation.ts";
import { type ChatOptions, type ChatParams, parseModelName } from "./chat-params.ts";
import { ClientError } from "./errors.ts";
import { chunkDelta } from "./exchange/chunk.ts";
import { sealsWhole } from "./exchange/ask.ts";
import type { ExchangeContext } from "./exchange/send-attested.ts";
import { sendBody } from "./exchange/send-body.ts";
import { sendMessages, streamReader } from "./exchange/send-messages.ts";
import { mapAnswer } from "./map-answer.ts";
import { type ChatReading, readChat } from "./read-chat.ts";

/** An answer that has begun. Iterate it once for its text, or ask for all of it; `outcome` says what it is worth. */
export interface Chat extends ChatReading {
  readonly model: string;
  /** `gateway-visible`: the gateway reads this conversation. */
  readonly protection: "sealed" | "gateway-visible";
  /**
   * What was attested before this request was sent, and whose key answers it. It is not the one that an earlier `attest`
   * gave when that had expired meanwhile, or its key was gone.
   */
  readonly attestation: Attestation;
}

/**
 * Sends a chat request to an enclave that was attested, and returns its answer once it begins.
 * @throws {ClientError} `model_not_private`, `gateway_visible`, `attestation_refused`, … before anything was sent;
 *   `server_error`, `network_failed`, `timeout` afterwards
 * @throws {RefusalError} for a request that would leak, and for an answer that is no stream
 * @throws the signal's own reason when it aborts
 */
export async function startChat(context: ExchangeContext, params: ChatParams, options: ChatOptions): Promise<Chat> {
  const { signal, allowInClear = [], allowGatewayVisible } = options;
  signal?.throwIfAborted();
  const model = parseModelName(params.model);
  // A policy that knows the enclave to seal whole requests takes no less: not even for a model that could be sent in clear.
  const wholly = sealsWhole(context);
  const promised = assertPrivate(model, allowGatewayVisible === true || wholly);
  const protection = wholly ? "sealed" : promised;
  const { attestation, answer } = wholly
    ? await sendDeltas(context, params, model, signal)
    : await sendMessages(context, {
        model,
        params,
        protection,
        allowInClear,
        signal,
        createReader: (prepared) => streamReader(prepared.createReader()),
      });
  return { model, protection, attestation, ...readChat(answer) };
}

/**
 * What a model's name promises.
 * @throws {ClientError} `model_not_private`; `gateway_visible` unless the caller allows it
 */
export function assertPrivate(model: string, allowGatewayVisible: boolean): Chat["protection"] {
  const protection = protectionOf(model);
  if (protection === "none") {
    throw new ClientError(
      "model_not_private",
      `${model}: nothing protects requests to this model; use one that is named e2ee-* (or tee-*)`,
      { field: "model" },
    );
  }
  if (protection === "gateway-visible" && !allowGatewayVisible) {
    throw new ClientError(
      "gateway_visible",
      `${model}: the gateway reads everything that is sent to tee-* models; use an e2ee-* model, or set allowGatewayVisible: true`,
      { field: "model" },
    );
  }
  return protection;
}

/** A request that is sealed whole gives whole chunks; a chat is told their text. */
async function sendDeltas(context: ExchangeContext, params: ChatParams, model: string, signal: AbortSignal | undefined) {
  const { attestation, answer } = await sendBody(context, { path: "chat/completions", model, params, signal });
  const deltas = mapAnswer(answer, (chunk) => {
    const delta = chunkDelta(chunk);
    return delta ? [delta] : [];
  });
  return { attestation, answer: deltas };
}
