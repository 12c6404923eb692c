import { randomInt } from "node:crypto";
import { availableParallelism } from "node:os";
import type { ChatMessage, ChatRequest, FinishReason, Sampling } from "@bauta/protocol";
import type { ChatHistoryItem, LlamaContextSequence, SequenceEvaluateOptions, Token } from "node-llama-cpp";
import { type Engine, EngineError, type EngineEvent, templateRole } from "./engine.ts";
import { createEngineQueue } from "./engine-queue.ts";
import { createEngineStreams } from "./engine-streams.ts";
import { loadLlama, type LoadedLlama } from "./llama-load.ts";
import { createReasoningSplitter, type ReasoningMarks } from "./reasoning-splitter.ts";
import { createStopFilter } from "./stop-sequences.ts";
import { createWholeCharacters } from "./whole-characters.ts";

export interface LlamaEngineOptions {
  /** A GGUF file with a chat template. */
  readonly modelFile: string;
  /** Tokens of one conversation; the model's training length or 4096 where that is longer. */
  readonly contextTokens?: number;
  /** Conversations answered at once, each with memory of its own. */
  readonly sequences?: number;
  /** Requests that may wait for their turn, and for how long. */
  readonly maxWaiting?: number;
  readonly maxWaitMs?: number;
  /** For requests that name no temperature; llama.cpp's 0.8 by default. */
  readonly temperature?: number;
  /** Threads that compute. One fewer than the cores by default: with all of them in use every step waits for the slowest. */
  readonly threads?: number;
}

/** llama.cpp's own defaults for what a request leaves out. */
const DEFAULT_SAMPLING = { temperature: 0.8, topP: 0.95, topK: 40, minP: 0.05 } as const;
/** Tokens that penalties look back on. */
const PENALTY_TOKENS = 256;
/** The prompt is read in slices of about this long, so that a client's hang-up is noticed between them. */
const SLICE_MS = 200;
const SLICE_TOKENS = { first: 32, min: 8, max: 512 } as const;

/** The number of threads for this machine: one core stays free for the server itself. */
export function defaultThreads(cores: number = availableParallelism()): number {
  return Math.max(1, cores - 1);
}

/**
 * Runs a GGUF model inside this process through llama.cpp, on the CPU.
 * When an answer ends, its conversation's place in the key-value cache is freed and never attended to again. The numbers
 * stay in memory until something overwrites them: llama.cpp could clear them, but node-llama-cpp has no binding for it.
 * @throws {EngineSetupError} naming the file, when it is missing, is not a model, or has no chat template
 */
export async function createLlamaEngine(options: LlamaEngineOptions): Promise<Engine> {
  const { sequences = 2, temperature = DEFAULT_SAMPLING.temperature } = options;
  const queue = createEngineQueue({
    slots: sequences,
    maxWaiting: options.maxWaiting ?? 64,
    ...(options.maxWaitMs !== undefined && { maxWaitMs: options.maxWaitMs }),
  });
  const loaded = await loadLlama({
    modelFile: options.modelFile,
    contextTokens: options.contextTokens,
    sequences,
    threads: options.threads ?? defaultThreads(),
  });
  const streams = createEngineStreams();
  const contextTokens = loaded.context.contextSize;

  return {
    name: "llama.cpp",
    contextTokens,
    generate: (request, signal) =>
      streams.open(signal, async function* generate(stop) {
        const leave = await queue.enter(stop);
        let sequence: LlamaContextSequence | undefined;
        try {
          const prompt = createPrompt(loaded, request);
          const room = contextTokens - prompt.tokens.length;
          if (room < 1) throw new EngineError("context-length");
          sequence = loaded.context.getSequence();
          await readPrompt(sequence, prompt.tokens.slice(0, -1), stop);
          yield* answer(loaded, sequence, prompt, { temperature, ...request.sampling }, room, stop);
        } catch (error) {
          if (stop.aborted) throw new EngineError("aborted");
          throw error instanceof EngineError ? error : new EngineError("failed");
        } finally {
          await sequence?.dispose();
          leave();
        }
      }),
    async close() {
      await streams.close();
      await loaded.dispose();
    },
  };
}

interface Prompt {
  readonly tokens: Token[];
  readonly marks: ReasoningMarks | undefined;
}

/** Renders the file's own chat template. Text of messages never becomes control tokens. */
function createPrompt(loaded: LoadedLlama, request: ChatRequest): Prompt {
  const { wrapper, marks } = request.sampling.reasoningEffort === "none" ? loaded.plain : loaded.reasoning;
  let context;
  try {
    context = wrapper.generateContextState({ chatHistory: createHistory(request.messages) }).contextText;
  } catch {
    // The template refused, and its message may quote the conversation.
    throw new EngineError("conversation");
  }
  const rendered = context.toString().trimEnd();
  // Some templates end the prompt with the opening mark, some with an empty pair, and some leave both to the model.
  const opened = marks !== undefined && (marks.prefix === undefined ? !rendered.endsWith(marks.suffix) : rendered.endsWith(marks.prefix));
  return { tokens: context.tokenize(loaded.model.tokenizer), marks: marks && { ...marks, opened } };
}

function createHistory(messages: readonly ChatMessage[]): ChatHistoryItem[] {
  const history = messages.map(({ role, content }): ChatHistoryItem => {
    const known = templateRole(role);
    return known === "assistant" ? { type: "model", response: [content] } : { type: known, text: content };
  });
  return [...history, { type: "model", response: [""] }];
}

async function readPrompt(sequence: LlamaContextSequence, tokens: Token[], stop: AbortSignal): Promise<void> {
  let size: number = SLICE_TOKENS.first;
  for (let at = 0; at < tokens.length;) {
    if (stop.aborted) throw new EngineError("aborted");
    const slice = tokens.slice(at, at + size);
    const startedMs = performance.now();
    await sequence.evaluateWithoutGeneratingNewTokens(slice);
    const tookMs = performance.now() - startedMs;
    at += slice.length;
    if (tookMs > SLICE_MS) size = Math.max(SLICE_TOKENS.min, Math.floor(size / 2));
    else if (tookMs < SLICE_MS / 3) size = Math.min(SLICE_TOKENS.max, size * 2);
  }
}

async function* answer(
  { model }: LoadedLlama,
  sequence: LlamaContextSequence,
  prompt: Prompt,
  sampling: Sampling,
  room: number,
  stop: AbortSignal,
): AsyncGenerator<EngineEvent, void, undefined> {
  const generated: Token[] = [];
  const splitter = createReasoningSplitter(prompt.marks);
  const stops = createStopFilter(sampling.stop ?? []);
  const markTokens = controlMarks(model, prompt.marks);
  const characters = createWholeCharacters<Token>((tokens, previous) =>
    tokens.length === 1 && markTokens.has(tokens[0] as Token)
      ? (markTokens.get(tokens[0] as Token) as string)
      : model.detokenize(tokens, false, previous),
  );
  const limit = Math.min(room, sampling.maxTokens ?? room);
  let reason: FinishReason = "stop";
  let stopped = false;

  const take = (text: string, last: boolean): EngineEvent | undefined => {
    let { reasoning, content } = splitter.push(text);
    if (last) {
      const rest = splitter.end();
      reasoning += rest.reasoning;
      content += rest.content;
    }
    const filtered = stops.push(content);
    stopped = filtered.stopped;
    const said = last && !stopped ? filtered.text + stops.end() : filtered.text;
    if (reasoning === "" && said === "") return undefined;
    return { type: "delta", ...(reasoning === "" ? {} : { reasoning }), ...(said === "" ? {} : { content: said }) };
  };

  // Each step of this loop computes one token, when the consumer asks for it.
  for await (const token of sequence.evaluate(prompt.tokens.slice(-1), evaluateOptions(sampling, generated))) {
    if (stop.aborted) throw new EngineError("aborted");
    generated.push(token);
    const event = take(characters.push(token), false);
    if (event) yield event;
    if (stopped) break;
    if (generated.length >= limit) {
      reason = "length";
      break;
    }
  }
  if (stop.aborted) throw new EngineError("aborted");
  const rest = stopped ? undefined : take(characters.end(), true);
  if (rest) yield rest;
  if (stopped) reason = "stop";
  yield {
    type: "finish",
    reason,
    usage: {
      prompt_tokens: prompt.tokens.length,
      completion_tokens: generated.length,
      total_tokens: prompt.tokens.length + generated.length,
    },
  };
}

function evaluateOptions(sampling: Sampling, generated: readonly Token[]): SequenceEvaluateOptions {
  const { presencePenalty, frequencyPenalty, repetitionPenalty } = sampling;
  const penalised = presencePenalty !== undefined || frequencyPenalty !== undefined || repetitionPenalty !== undefined;
  return {
    temperature: sampling.temperature ?? DEFAULT_SAMPLING.temperature,
    topP: sampling.topP ?? DEFAULT_SAMPLING.topP,
    topK: Math.max(0, sampling.topK ?? DEFAULT_SAMPLING.topK),
    minP: sampling.minP ?? DEFAULT_SAMPLING.minP,
    // Without a seed the library would take the current second, the same for everyone in it.
    seed: sampling.seed === undefined ? randomInt(0xffff_ffff) : Math.abs(sampling.seed) % 0xffff_ffff,
    ...(penalised
      ? {
          repeatPenalty: {
            punishTokens: () => generated.slice(-PENALTY_TOKENS),
            maxPunishTokens: PENALTY_TOKENS,
            penalty: repetitionPenalty ?? 1,
            presencePenalty: presencePenalty ?? 0,
            frequencyPenalty: frequencyPenalty ?? 0,
          },
        }
      : {}),
  };
}

/** Marks that are one control token, which plain detokenizing leaves out. */
function controlMarks(model: LoadedLlama["model"], marks: ReasoningMarks | undefined): Map<Token, string> {
  const found = new Map<Token, string>();
  for (const mark of [marks?.prefix, marks?.suffix]) {
    if (mark === undefined || mark === "") continue;
    const [token, ...others] = model.tokenize(mark, true, "trimLeadingSpace");
    if (token !== undefined && others.length === 0 && model.detokenize([token], false) === "") found.set(token, mark);
  }
  return found;
}
