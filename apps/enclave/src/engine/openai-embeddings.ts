import { type EmbeddingRequest, type Embeddings, EngineError } from "./engine.ts";

/** Room for 512 vectors of 4096 numbers as decimals. Longer answers are cut, and then are no JSON. */
export const MAX_EMBEDDINGS_BYTES = 48 * 1024 * 1024;

/** The body that an OpenAI-compatible engine gets. Numbers come as decimals, which every server knows. */
export function createEmbeddingBody({ input, dimensions }: EmbeddingRequest, upstreamModel: string): Record<string, unknown> {
  return { model: upstreamModel, input, encoding_format: "float", ...(dimensions !== undefined && { dimensions }) };
}

/**
 * Reads an engine's list of embeddings and puts it into the order of the inputs.
 * @throws {EngineError} `failed` when it is not exactly one vector of finite numbers for each input, all of one length
 */
export function parseEmbeddings(text: string, { input, dimensions }: EmbeddingRequest): Embeddings {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new EngineError("failed");
  }
  const { data, usage } = members(answer);
  if (!Array.isArray(data) || data.length !== input.length) throw new EngineError("failed");
  const vectors: (readonly number[] | undefined)[] = Array.from({ length: input.length });
  for (const [position, entry] of data.entries()) {
    const { index = position, embedding } = members(entry);
    if (!isVector(embedding) || typeof index !== "number" || !(index in vectors) || vectors[index]) throw new EngineError("failed");
    vectors[index] = embedding;
  }
  const whole = vectors.filter((vector) => vector !== undefined);
  const length = dimensions ?? whole[0]?.length;
  if (whole.length !== input.length || whole.some((vector) => vector.length !== length)) throw new EngineError("failed");
  const { prompt_tokens: tokens } = members(usage);
  // Zeros say "unknown", as for chats.
  const prompt = typeof tokens === "number" && Number.isSafeInteger(tokens) && tokens >= 0 ? tokens : 0;
  return { vectors: whole, usage: { prompt_tokens: prompt, completion_tokens: 0, total_tokens: prompt } };
}

function members(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function isVector(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "number" && Number.isFinite(one));
}
