import type { ChatRequest, CryptoBackend, KeyPair, SignedReceipt } from "@bauta/protocol";
import { signReceipt } from "@bauta/protocol/enclave";
import type { AnswerHashes, VisibleDelta } from "./answer-form.ts";
import type { EngineDelta, EngineFinish } from "./engine/engine.ts";
import type { EnclaveModel } from "./model.ts";

/** What belongs to one answer, whatever was asked and whichever way it is written. */
export interface AnswerFrame {
  readonly backend: CryptoBackend;
  readonly modelKey: KeyPair;
  readonly model: EnclaveModel;
  readonly requestId: string;
  readonly requestSha256: string;
  readonly clientNonce: string | null;
  /** Seconds since 1970. */
  readonly created: number;
  /** Aborts when the client is gone or the server gives up on it. */
  readonly signal: AbortSignal;
  /** Keeps the receipt, so that it can be fetched by id. */
  readonly keep: (signed: SignedReceipt) => void;
}

/** The answer to a chat request. */
export interface Answer extends AnswerFrame {
  readonly request: ChatRequest;
}

/** Signs what was answered. Only for an answer that is whole. */
export function signAnswer(answer: AnswerFrame, finish: Omit<EngineFinish, "type">, hashes: AnswerHashes): SignedReceipt {
  const { model } = answer;
  return signReceipt(answer.backend, answer.modelKey.secretKey, {
    request_id: answer.requestId,
    model: model.id,
    client_nonce: answer.clientNonce,
    request_sha256: answer.requestSha256,
    response_sha256: hashes.responseSha256,
    envelopes_sha256: hashes.envelopesSha256,
    finish_reason: finish.reason,
    usage: finish.usage,
    weights: model.weights ?? null,
    engine: { name: model.engine.name, image_digest: model.engineImageDigest ?? null },
    created: answer.created,
  });
}

/** What the client is to see of an engine's delta; undefined when nothing is left of it. */
export function visibleDelta(event: EngineDelta, request: ChatRequest): VisibleDelta | undefined {
  const content = event.content === "" ? undefined : event.content;
  const reasoning = request.omitReasoning || event.reasoning === "" ? undefined : event.reasoning;
  const { toolCalls, logprobs } = event;
  if (content === undefined && reasoning === undefined && !toolCalls && !logprobs) return undefined;
  return {
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(content === undefined ? {} : { content }),
    ...(toolCalls && { toolCalls }),
    ...(logprobs && { logprobs }),
  };
}
