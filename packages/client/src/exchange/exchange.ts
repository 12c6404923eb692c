import type { Answer } from "../answer.ts";
import type { Attestation } from "../attestation.ts";
import type { Chunk, JsonObject } from "./chunk.ts";
import { askByBody, askWholeByBody } from "./ask-by-body.ts";
import { askByMessages } from "./ask-by-messages.ts";
import type { ExchangeContext } from "./send-attested.ts";

/** A call of OpenAI's API to a model that its name or the policy protects. */
export interface ExchangeRequest {
  readonly path: "chat/completions" | "embeddings";
  readonly model: string;
  readonly params: JsonObject;
  /** The caller reads the answer as a stream. */
  readonly stream: boolean;
  /** What the name promises. */
  readonly protection: "sealed" | "gateway-visible";
  readonly allowInClear: readonly string[];
  readonly signal: AbortSignal | undefined;
}

/** An answer that has begun, whichever version of the protocol it comes by. */
export type Exchange = {
  /** What protects it, which is more than the name promises where the whole body of a `tee-*` request was sealed. */
  readonly protection: "sealed" | "gateway-visible";
  readonly attestation: Attestation;
} & (
  | { readonly kind: "chunks"; readonly answer: Answer<Chunk> }
  /** One JSON value, which is there when the outcome is and says that the answer was complete. */
  | { readonly kind: "whole"; readonly answer: Answer<never>; readonly value: () => JsonObject | undefined }
);

/** True where the policy knows the model's enclave to open requests that are sealed whole. Nothing falls back from it. */
export function sealsWhole({ policy }: Pick<ExchangeContext, "policy">): boolean {
  return policy.protocol === 2;
}

/**
 * Asks an attested enclave, by the version of the protocol that the policy names.
 * @throws as `sendAttested`, and {@link RefusalError} for a request that would leak or an answer that is not what it should be
 */
export async function ask(context: ExchangeContext, request: ExchangeRequest): Promise<Exchange> {
  if (!sealsWhole(context)) return askByMessages(context, request);
  return request.stream ? askByBody(context, request) : askWholeByBody(context, request);
}
