import { existsSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { createLlamaEngine, createOpenAiEngine, type Engine, type EngineFeatures } from "@bauta/enclave";
import { CommandError, EXIT } from "./exit.ts";

/** Two megabytes, in the package or the repository; models/pocket/README.md says how it was made. */
const POCKET_MODEL = ["../models/pocket.gguf", "../../../models/pocket/pocket.gguf"]
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .reduce((packed, inRepository) => (existsSync(packed) ? packed : inRepository));

/** What a server can do beyond text, and nobody can ask it: whoever starts it has to know. */
const ENGINE_FEATURES = ["tools", "images", "schemas", "logprobs", "embeddings"] as const satisfies readonly (keyof EngineFeatures)[];

/** How a person says which model answers. */
export interface EngineChoice {
  /** Base URL of an OpenAI-compatible server, such as `http://127.0.0.1:11434/v1`. */
  readonly engineUrl?: string | undefined;
  /** The model's name on that server. */
  readonly engineModel?: string | undefined;
  /** What that model can do beyond text, names by comma: see {@link ENGINE_FEATURES}. */
  readonly engineFeatures?: string | undefined;
  /** A GGUF file that llama.cpp runs in this process. */
  readonly modelFile?: string | undefined;
}

export interface ChosenEngine {
  readonly engine: Engine;
  /** Ends the models' names: `tee-<label>`, `e2ee-<label>`. */
  readonly label: string;
  /** For people. */
  readonly description: string;
}

/**
 * Starts the engine that was asked for, or else llama.cpp with the pocket model that the repository ships.
 * @throws {CommandError | EngineSetupError} naming what is wrong
 */
export async function chooseEngine(choice: EngineChoice): Promise<ChosenEngine> {
  const { engineUrl, engineModel, engineFeatures, modelFile } = choice;
  if (engineUrl !== undefined && modelFile !== undefined) {
    throw new CommandError("give --engine-url or --model-file, not both", EXIT.usage);
  }
  if (engineUrl !== undefined) {
    const apiKey = process.env["BAUTA_ENGINE_KEY"];
    const features = parseFeatures(engineFeatures);
    const { id, contextTokens } = await findModel(engineUrl, engineModel, apiKey);
    const engine = createOpenAiEngine({ baseUrl: engineUrl, upstreamModel: id, contextTokens, features, ...(apiKey && { apiKey }) });
    return { engine, label: labelOf(id), description: `${id} at ${engineUrl}` };
  }
  if (engineModel !== undefined) throw new CommandError("--engine-model goes with --engine-url", EXIT.usage);
  if (engineFeatures !== undefined) throw new CommandError("--engine-features goes with --engine-url", EXIT.usage);
  if (modelFile !== undefined) {
    const engine = await createLlamaEngine({ modelFile });
    return { engine, label: labelOf(basename(modelFile, ".gguf")), description: `${basename(modelFile)} in llama.cpp` };
  }
  // Facts and sums that it knows by heart: chance would only spoil them.
  const engine = await createLlamaEngine({ modelFile: POCKET_MODEL, temperature: 0 });
  return { engine, label: "pocket", description: "the pocket model in llama.cpp: greetings, small sums, TEEs and Bauta" };
}

/** @throws {CommandError} for a name that is none */
function parseFeatures(list = ""): EngineFeatures {
  const names = list.split(",").filter((name) => name !== "");
  const unknown = names.find((name) => !ENGINE_FEATURES.some((feature) => feature === name));
  if (unknown !== undefined) throw new CommandError(`--engine-features: "${unknown}" is none of ${ENGINE_FEATURES.join(", ")}`, EXIT.usage);
  return Object.fromEntries(names.map((name) => [name, true]));
}

/** Model ids are short and plain whatever a file or a server calls its model. */
function labelOf(name: string): string {
  return (
    name
      .toLowerCase()
      .replaceAll(/[^a-z0-9.]+/g, "-")
      .replaceAll(/^-+|-+$/g, "")
      .slice(0, 64) || "model"
  );
}

/** What a conversation may hold where the engine does not say (vLLM and llama.cpp's server do). */
const UNKNOWN_CONTEXT_TOKENS = 8192;

/** Asks the engine for its models; one with a single model needs no name. */
async function findModel(
  engineUrl: string,
  name: string | undefined,
  apiKey: string | undefined,
): Promise<{ id: string; contextTokens: number }> {
  const url = `${engineUrl.replace(/\/+$/, "")}/models`;
  let models: { id: string; max_model_len?: number }[];
  try {
    const response = await fetch(url, {
      signal: AbortSignal.timeout(10_000),
      headers: apiKey ? { authorization: `Bearer ${apiKey}` } : {},
    });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    ({ data: models } = (await response.json()) as { data: { id: string; max_model_len?: number }[] });
  } catch (error) {
    throw new CommandError(`cannot ask ${url} for its models (${reasonOf(error)}); is the engine running?`, EXIT.usage, error);
  }
  const found = name === undefined && models.length === 1 ? models[0] : models.find(({ id }) => id === name);
  if (!found) {
    const known =
      models
        .slice(0, 10)
        .map(({ id }) => id)
        .join(", ") || "none";
    const problem = name === undefined ? `has ${models.length} models; choose one with --engine-model` : `has no model "${name}"`;
    throw new CommandError(`${url} ${problem} (it lists ${known})`, EXIT.usage);
  }
  return { id: found.id, contextTokens: found.max_model_len ?? UNKNOWN_CONTEXT_TOKENS };
}

/** `fetch` hides why it failed one level down. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown error";
  return error.cause instanceof Error ? error.cause.message : error.message;
}
