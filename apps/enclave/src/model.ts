import { protectionOf, type Receipt, WireError } from "@bauta/protocol";
import type { Engine } from "./engine/engine.ts";
import { EnclaveSetupError } from "./setup-error.ts";

/** One model that an enclave serves. Two models may share an engine. Whoever makes the engine closes it. */
export interface EnclaveModel {
  /** `e2ee-…` for a sealed model, `tee-…` for a plain one: clients judge by it what an answer must look like. */
  readonly id: string;
  readonly engine: Engine;
  /** The most tokens of one answer; the engine's context length by default. */
  readonly maxCompletionTokens?: number;
  /** Weight files and their digests, where the enclave read them itself. */
  readonly weights?: Receipt["weights"];
  readonly engineImageDigest?: string;
}

/** Models by id. @throws {EnclaveSetupError} for a repeated id, or one that does not say how the model is protected */
export function indexModels(models: readonly EnclaveModel[]): ReadonlyMap<string, EnclaveModel> {
  const index = new Map<string, EnclaveModel>();
  for (const model of models) {
    if (protectionOf(model.id) === "none") {
      throw new EnclaveSetupError(
        "invalid-option",
        `the model id "${model.id}" must begin with e2ee- for a sealed model or tee- for a plain one`,
      );
    }
    if (index.has(model.id)) throw new EnclaveSetupError("invalid-option", `the model id "${model.id}" is given twice`);
    index.set(model.id, model);
  }
  if (index.size === 0) throw new EnclaveSetupError("invalid-option", "an enclave needs at least one model");
  return index;
}

/**
 * The model that a request names.
 * @param param where it names it
 * @throws {WireError} `missing_field`, `invalid_field`, `model_not_found`
 */
export function findModel(models: ReadonlyMap<string, EnclaveModel>, id: unknown, param = "model"): EnclaveModel {
  if (id === undefined) throw new WireError("missing_field", { param });
  if (typeof id !== "string") throw new WireError("invalid_field", { param });
  const model = models.get(id);
  if (!model) throw new WireError("model_not_found", { param });
  return model;
}

/** True for a model that only takes sealed requests and gives sealed answers, in version 1 as in version 2. */
export function isSealed(model: EnclaveModel): boolean {
  return protectionOf(model.id) === "sealed";
}

/** The most tokens that one answer of this model may have. */
export function maxCompletionTokens(model: EnclaveModel): number {
  return Math.min(model.maxCompletionTokens ?? model.engine.contextTokens, model.engine.contextTokens);
}
