import { open } from "node:fs/promises";
import type { ChatWrapper, Llama, LlamaContext, LlamaModel } from "node-llama-cpp";
import { EngineSetupError } from "./engine.ts";

/** A model in memory, ready for several conversations. */
export interface LoadedLlama {
  readonly model: LlamaModel;
  readonly context: LlamaContext;
  /** The file's chat template, asking a reasoning model to reason. */
  readonly reasoning: LlamaTemplate;
  /** The same, asking it not to. */
  readonly plain: LlamaTemplate;
  dispose(): Promise<void>;
}

/** A chat template, with the marks that the model puts around its reasoning, if it has any. */
interface LlamaTemplate {
  readonly wrapper: ChatWrapper;
  /** Without a prefix the template itself opens the reasoning, at the prompt's end. */
  readonly marks: { readonly prefix: string | undefined; readonly suffix: string } | undefined;
}

export interface LlamaLoadOptions {
  readonly modelFile: string;
  readonly contextTokens: number | undefined;
  readonly sequences: number;
  readonly threads: number;
}

const DEFAULT_CONTEXT_TOKENS = 4096;
const MAX_REASON_CHARACTERS = 300;
const MAX_REASONS = 4;

/**
 * Loads llama.cpp's prebuilt CPU library and the model.
 * @throws {EngineSetupError} naming the file and what to do
 */
export async function loadLlama(options: LlamaLoadOptions): Promise<LoadedLlama> {
  const { modelFile, threads, sequences, contextTokens } = options;
  assertPositive("threads", threads);
  if (contextTokens !== undefined) assertPositive("contextTokens", contextTokens);
  await assertGguf(modelFile);
  const library = await importLibrary();

  const { llama, errors } = await getRuntime(library);
  errors.length = 0;
  let model: LlamaModel | undefined;
  try {
    model = await llama.loadModel({ modelPath: modelFile, gpuLayers: 0 }).catch(async (error: unknown) => {
      // The log crosses from llama.cpp's thread with the next turn of the event loop.
      await new Promise((resolve) => setImmediate(resolve));
      const reason = errors[0] ?? "no reason given";
      throw new EngineSetupError("file-invalid", `llama.cpp cannot load the model file ${modelFile}: ${reason}`, error);
    });
    const { tokenizer, trainContextSize } = model;
    const template = model.fileInfo.metadata.tokenizer?.chat_template;
    if (typeof template !== "string" || template === "") {
      throw new EngineSetupError("file-invalid", `the model file ${modelFile} has no chat template: choose an instruction-tuned model`);
    }
    const wrap = (reasoning: boolean): LlamaTemplate => {
      try {
        const wrapper = new library.JinjaTemplateChatWrapper({ template, tokenizer, reasoning });
        return { wrapper, marks: reasoningMarks(library, wrapper) };
      } catch (error) {
        throw new EngineSetupError("file-invalid", `the chat template in the model file ${modelFile} cannot be used`, error);
      }
    };
    const context = await model
      .createContext({
        sequences,
        threads,
        contextSize: contextTokens ?? Math.min(trainContextSize, DEFAULT_CONTEXT_TOKENS),
      })
      .catch((error: unknown) => {
        throw new EngineSetupError(
          "invalid-option",
          `not enough memory for ${sequences} conversations with the model file ${modelFile}: lower sequences or contextTokens`,
          error,
        );
      });
    const loadedModel = model;
    return {
      model: loadedModel,
      context,
      reasoning: wrap(true),
      plain: wrap(false),
      async dispose() {
        await context.dispose();
        await loadedModel.dispose();
      },
    };
  } catch (error) {
    await model?.dispose();
    throw error;
  }
}

function reasoningMarks({ LlamaText }: typeof import("node-llama-cpp"), wrapper: ChatWrapper): LlamaTemplate["marks"] {
  const thought = wrapper.settings.segments?.thought;
  const text = (value: unknown): string =>
    typeof value === "string" ? value.trim() : LlamaText.isLlamaText(value) ? LlamaText(value).toString().trim() : "";
  const suffix = text(thought?.suffix);
  if (suffix === "") return undefined;
  const prefix = text(thought?.prefix);
  return { prefix: prefix === "" ? undefined : prefix, suffix };
}

interface Runtime {
  readonly llama: Llama;
  /** llama.cpp says why a file does not load only in its log. The latest lines; they hold nothing of a prompt. */
  readonly errors: string[];
}

let runtime: Promise<Runtime> | undefined;

/**
 * llama.cpp itself, once per process: its logger is process-wide, and disposing one instance would send the log of
 * all others to stderr.
 */
function getRuntime(library: typeof import("node-llama-cpp")): Promise<Runtime> {
  const errors: string[] = [];
  runtime ??= library
    .getLlama({
      gpu: false,
      build: "never",
      skipDownload: true,
      progressLogs: false,
      // Each context sets its own number of threads.
      maxThreads: 0,
      logLevel: library.LlamaLogLevel.error,
      logger: (_level, message) => {
        if (errors.length < MAX_REASONS) errors.push(message.trim().slice(0, MAX_REASON_CHARACTERS));
      },
    })
    .then((llama) => ({ llama, errors }))
    .catch((error: unknown) => {
      runtime = undefined;
      throw new EngineSetupError("runtime-missing", "llama.cpp has no prebuilt library for this machine: use an engine URL instead", error);
    });
  return runtime;
}

async function importLibrary(): Promise<typeof import("node-llama-cpp")> {
  try {
    return await import("node-llama-cpp");
  } catch (error) {
    throw new EngineSetupError(
      "runtime-missing",
      "node-llama-cpp is not installed: npm install node-llama-cpp@3.22.1, or use an engine URL",
      error,
    );
  }
}

async function assertGguf(modelFile: string): Promise<void> {
  let magic: string;
  try {
    const file = await open(modelFile, "r");
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
      magic = buffer.toString("latin1", 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
    const what = code === "ENOENT" ? "does not exist" : `cannot be read (${code})`;
    throw new EngineSetupError("file-missing", `the model file ${modelFile} ${what}`, error);
  }
  if (magic !== "GGUF") throw new EngineSetupError("file-invalid", `the model file ${modelFile} is not a GGUF file`);
}

function assertPositive(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new EngineSetupError("invalid-option", `${name} is a whole number from 1, not ${value}`);
}
