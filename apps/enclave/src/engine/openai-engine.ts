import { type ChatRequest, createSseParser, type FinishReason, SSE_DONE, type Usage } from "@bauta/protocol";
import { type Dispatcher, Pool } from "undici";
import {
  type AnsweredLogprob,
  type EmbeddingRequest,
  type Embeddings,
  type Engine,
  EngineError,
  type EngineEvent,
  type EngineFeatures,
  EngineSetupError,
  type ToolCallDelta,
} from "./engine.ts";
import { createEngineQueue } from "./engine-queue.ts";
import { createEngineStreams } from "./engine-streams.ts";
import { createOpenAiBody } from "./openai-body.ts";
import { parseOpenAiChunk } from "./openai-chunk.ts";
import { createEmbeddingBody, MAX_EMBEDDINGS_BYTES, parseEmbeddings } from "./openai-embeddings.ts";
import { createToolCallReader } from "./tool-calls.ts";
import { createWholePairs } from "./whole-characters.ts";

export interface OpenAiEngineOptions {
  /** Where the engine serves OpenAI's API, such as `http://127.0.0.1:8000/v1`. */
  readonly baseUrl: string;
  /** The engine's own name for the model. */
  readonly upstreamModel: string;
  /** Tokens of one conversation, as the engine was started with. */
  readonly contextTokens: number;
  readonly apiKey?: string;
  /** What this model on this engine can do beyond text; nothing by default, since servers take what they ignore. */
  readonly features?: EngineFeatures;
  /** Requests to the engine at once; more wait. */
  readonly maxConcurrent?: number;
  readonly maxWaiting?: number;
  /** How long the engine may take until its answer begins. Its length is not limited. */
  readonly headersTimeoutMs?: number;
  readonly connectTimeoutMs?: number;
}

/** A usage count that the engine did not give: zeros say "unknown" and are never an estimate passed off as a count. */
const NO_USAGE: Usage = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
const MAX_ERROR_BYTES = 16 * 1024;
const MAX_RETRY_AFTER_SECONDS = 3600;

/**
 * An engine behind an OpenAI-compatible server: vLLM, SGLang, llama.cpp, Ollama.
 * Redirects are not followed and nothing is retried, since a request may have been read already.
 * @throws {EngineSetupError} when an option is not usable
 */
export function createOpenAiEngine(options: OpenAiEngineOptions): Engine {
  const base = parseBaseUrl(options.baseUrl);
  const maxConcurrent = options.maxConcurrent ?? 64;
  const queue = createEngineQueue({ slots: maxConcurrent, maxWaiting: options.maxWaiting ?? 128 });
  const streams = createEngineStreams();
  const pool = new Pool(base.origin, {
    connections: maxConcurrent,
    pipelining: 1,
    connect: { timeout: options.connectTimeoutMs ?? 10_000 },
    headersTimeout: options.headersTimeoutMs ?? 600_000,
    // A reasoning model may be silent for long; the client's hang-up ends the wait.
    bodyTimeout: 0,
  });
  const root = base.pathname.replace(/\/+$/, "");
  const headers = {
    "content-type": "application/json",
    // Compression would hold tokens back in the engine's buffers.
    "accept-encoding": "identity",
    ...(options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` }),
  };

  async function request(path: string, accept: string, body: object, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    try {
      return await pool.request({
        path: root + path,
        method: "POST",
        headers: { ...headers, accept },
        body: JSON.stringify(body),
        signal,
      });
    } catch {
      throw new EngineError(signal.aborted ? "aborted" : "unreachable");
    }
  }

  async function* readAnswer(response: Dispatcher.ResponseData, { rich }: ChatRequest): AsyncGenerator<EngineEvent, void, undefined> {
    const parser = createSseParser();
    const asked = { tools: rich?.tools !== undefined, logprobs: rich?.topLogprobs !== undefined };
    const content = createWholePairs();
    const reasoning = createWholePairs();
    const calls = createToolCallReader();
    let reason: FinishReason | undefined;
    let usage: Usage | undefined;
    let done = false;
    read: for await (const bytes of response.body) {
      for (const { data, name } of parser.push(bytes as Uint8Array)) {
        if (data === undefined) continue;
        if (data === SSE_DONE) {
          done = true;
          break read;
        }
        const chunk = parseOpenAiChunk(data, name);
        // It calls tools that nobody offered: an answer without them would not be what it said.
        if (chunk.toolCalls.length > 0 && !asked.tools) throw new EngineError("failed");
        reason = chunk.finish ?? reason;
        usage = chunk.usage ?? usage;
        const event = delta(reasoning.push(chunk.reasoning ?? ""), content.push(chunk.content ?? ""), {
          toolCalls: calls.push(chunk.toolCalls),
          logprobs: asked.logprobs ? chunk.logprobs : [],
        });
        if (event) yield event;
      }
    }
    // Some servers leave [DONE] out; a finish reason and a cleanly ended body say the same.
    if (reason === undefined || (!done && parser.pending)) throw new EngineError("failed");
    calls.end();
    // It called nothing.
    if (reason === "tool_calls" && calls.size === 0) throw new EngineError("failed");
    const rest = delta(reasoning.end(), content.end());
    if (rest) yield rest;
    yield { type: "finish", reason, usage: usage ?? NO_USAGE };
  }

  async function embed(asked: EmbeddingRequest, signal: AbortSignal): Promise<Embeddings> {
    const leave = await queue.enter(signal);
    let response: Dispatcher.ResponseData | undefined;
    try {
      response = await request("/embeddings", "application/json", createEmbeddingBody(asked, options.upstreamModel), signal);
      if (response.statusCode !== 200) throw await refusalOf(response);
      return parseEmbeddings(await readBounded(response.body, MAX_EMBEDDINGS_BYTES), asked);
    } catch (error) {
      if (signal.aborted) throw new EngineError("aborted");
      throw error instanceof EngineError ? error : new EngineError("failed");
    } finally {
      response?.body.on("error", () => {}).destroy();
      leave();
    }
  }

  return {
    name: "openai-compatible server",
    contextTokens: options.contextTokens,
    ...(options.features && { features: options.features }),
    ...(options.features?.embeddings === true && { embed }),
    generate: (chat, signal) =>
      streams.open(signal, async function* generate(stop) {
        const leave = await queue.enter(stop);
        let response: Dispatcher.ResponseData | undefined;
        try {
          response = await request("/chat/completions", "text/event-stream", createOpenAiBody(chat, options.upstreamModel), stop);
          if (response.statusCode !== 200) throw await refusalOf(response);
          if (!isEventStream(response)) throw new EngineError("failed");
          yield* readAnswer(response, chat);
        } catch (error) {
          if (stop.aborted) throw new EngineError("aborted");
          // Parser errors and broken connections alike: what the engine said stays here.
          throw error instanceof EngineError ? error : new EngineError("failed");
        } finally {
          // Closes the connection unless the body was read to its end, which stops the engine.
          response?.body.on("error", () => {}).destroy();
          leave();
        }
      }),
    async close() {
      await streams.close();
      await pool.destroy();
    },
  };
}

/** What an engine said at once; undefined when that is nothing. */
function delta(
  reasoning: string,
  content: string,
  { toolCalls, logprobs }: { readonly toolCalls: readonly ToolCallDelta[]; readonly logprobs: readonly AnsweredLogprob[] } = {
    toolCalls: [],
    logprobs: [],
  },
): EngineEvent | undefined {
  if (reasoning === "" && content === "" && toolCalls.length === 0 && logprobs.length === 0) return undefined;
  return {
    type: "delta",
    ...(reasoning === "" ? {} : { reasoning }),
    ...(content === "" ? {} : { content }),
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
    ...(logprobs.length === 0 ? {} : { logprobs }),
  };
}

function parseBaseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    throw new EngineSetupError("invalid-option", `the engine's base URL must begin with http:// or https://, not "${text.slice(0, 100)}"`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new EngineSetupError("invalid-option", "the engine's base URL must hold no user name or password: give the key as apiKey");
  }
  if (url.search !== "" || url.hash !== "") throw new EngineSetupError("invalid-option", "the engine's base URL must end with its path");
  return url;
}

function isEventStream(response: Dispatcher.ResponseData): boolean {
  const type = response.headers["content-type"];
  const encoding = response.headers["content-encoding"];
  return typeof type === "string" && /^text\/event-stream\b/i.test(type) && (encoding === undefined || encoding === "identity");
}

/** Turns an error answer into our own; its text is looked at for one thing, the context length, and then dropped. */
async function refusalOf(response: Dispatcher.ResponseData): Promise<EngineError> {
  const status = response.statusCode;
  if (status === 429 || status === 503) {
    const seconds = Number(response.headers["retry-after"]);
    const known = Number.isSafeInteger(seconds) && seconds >= 0 && seconds <= MAX_RETRY_AFTER_SECONDS;
    return new EngineError("overloaded", { status, retryAfterSeconds: known ? seconds : 2 });
  }
  if (status === 400 || status === 413) {
    const text = await readBounded(response.body, MAX_ERROR_BYTES);
    if (/context.{0,10}(length|size|window)|maximum.{0,20}tokens/i.test(text)) return new EngineError("context-length", { status });
  }
  return new EngineError("failed", { status });
}

/** The text up to about so many bytes. */
async function readBounded(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body) {
    parts.push(part);
    length += part.length;
    if (length >= maxBytes) break;
  }
  return Buffer.concat(parts).toString("utf8");
}
