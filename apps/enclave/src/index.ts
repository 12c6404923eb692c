export { createEnclave, type Enclave, type EnclaveOptions } from "./enclave.ts";
export {
  type AnsweredLogprob,
  type EmbeddingRequest,
  type Embeddings,
  type Engine,
  type EngineDelta,
  EngineError,
  type EngineErrorCode,
  type EngineEvent,
  type EngineFeatures,
  type EngineFinish,
  EngineSetupError,
  type TokenLogprob,
  type ToolCallDelta,
} from "./engine/engine.ts";
export { createLlamaEngine, type LlamaEngineOptions } from "./engine/llama-engine.ts";
export { createOpenAiEngine, type OpenAiEngineOptions } from "./engine/openai-engine.ts";
export type { LogOptions } from "./log.ts";
export type { EnclaveModel } from "./model.ts";
export type { Platform } from "./platform.ts";
export { EnclaveSetupError } from "./setup-error.ts";
