import { protectionOf } from "@bauta/protocol";
import type { ModelConfig } from "./config.ts";

/** What `GET /models` says about one model. */
export interface ModelEntry {
  readonly config: ModelConfig;
  /** True while no enclave may serve it. */
  readonly offline: boolean;
}

/**
 * The body of `GET /models`.
 * @param createdSeconds when this list was set up, seconds since 1970
 * @see spec/protocol.md, "Public API"
 */
export function createModelList(entries: readonly ModelEntry[], createdSeconds: number): object {
  return { object: "list", data: entries.map(({ config, offline }) => describe(config, offline, createdSeconds)) };
}

function describe(model: ModelConfig, offline: boolean, created: number): object {
  return {
    id: model.id,
    object: "model",
    created,
    owned_by: model.ownedBy ?? "bauta",
    type: "text",
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
        supportsFunctionCalling: false,
        supportsReasoning: model.reasoning ?? false,
        supportsVision: false,
        supportsWebSearch: false,
        supportsResponseSchema: false,
        supportsLogProbs: false,
      },
      offline,
    },
  };
}
