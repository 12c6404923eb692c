import { protectionOf } from "@bauta/protocol";
import type { ModelConfig } from "./config.ts";
import { type Feature, FEATURES } from "./enclave-offers.ts";

/** What `GET /models` says about one model. */
export interface ModelEntry {
  readonly config: ModelConfig;
  /** True while no enclave may serve it. */
  readonly offline: boolean;
  /** What its enclaves can do when the whole request is sealed; in version 1 it is text only. */
  readonly offers: (feature: Feature) => boolean;
}

/**
 * The body of `GET /models`.
 * @param createdSeconds when this list was set up, seconds since 1970
 * @see spec/protocol.md, "Public API"
 */
export function createModelList(entries: readonly ModelEntry[], createdSeconds: number): object {
  return { object: "list", data: entries.map((entry) => describe(entry, createdSeconds)) };
}

function describe({ config: model, offline, offers }: ModelEntry, created: number): object {
  return {
    id: model.id,
    object: "model",
    created,
    owned_by: model.ownedBy ?? "bauta",
    type: isForEmbeddings(offers) ? "embedding" : "text",
    context_length: model.contextTokens,
    model_spec: {
      name: model.name,
      privacy: "private",
      availableContextTokens: model.contextTokens,
      maxCompletionTokens: model.maxCompletionTokens,
      pricing: { input: { usd: model.pricing?.inputUsd ?? 0 }, output: { usd: model.pricing?.outputUsd ?? 0 } },
      capabilities: {
        supportsTeeAttestation: true,
        supportsE2EE: protectionOf(model.id) === "sealed",
        supportsFunctionCalling: offers("tools"),
        supportsReasoning: model.reasoning ?? false,
        supportsVision: offers("images"),
        supportsWebSearch: false,
        supportsResponseSchema: offers("schemas"),
        supportsLogProbs: offers("logprobs"),
      },
      offline,
    },
  };
}

/** An engine that names embeddings and nothing of a chat's has no other business. */
function isForEmbeddings(offers: ModelEntry["offers"]): boolean {
  return offers("embeddings") && !FEATURES.some((feature) => feature !== "embeddings" && offers(feature));
}
