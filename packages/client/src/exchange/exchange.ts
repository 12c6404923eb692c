import type { Answer } from "../answer.ts";
import type { Attestation } from "../attestation.ts";
import type { Chunk, JsonObject } from "./chunk.ts";

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
