import { WireError } from "@bauta/protocol";
import { assertKnown, EMBEDDING_MEMBERS } from "@bauta/protocol/enclave";
import type { EmbeddingRequest, Embeddings } from "./engine/engine.ts";

/** How vectors are written: as decimals, or as the base64 of little-endian 32-bit floats (what OpenAI's own client asks for). */
export type EmbeddingEncoding = "float" | "base64";

/** OpenAI takes 2,048. An answer is put together in one go, and must not keep the process from its streams for a second. */
const MAX_INPUTS = 512;
const MAX_DIMENSIONS = 65_536;

const invalid = (param: string) => new WireError("invalid_field", { param });

/**
 * Reads an embeddings request; what it does not know is refused by its name.
 * @throws {WireError} `missing_field`, `invalid_field`, and `unsupported_field` for tokens in place of text
 * @see https://platform.openai.com/docs/api-reference/embeddings/create
 */
export function parseEmbeddingRequest(
  body: Readonly<Record<string, unknown>>,
): EmbeddingRequest & { readonly encoding: EmbeddingEncoding } {
  const { input, dimensions, encoding_format: encoding } = body;
  assertKnown(body, EMBEDDING_MEMBERS);
  if (input === undefined) throw new WireError("missing_field", { param: "input" });
  const inputs: readonly unknown[] = Array.isArray(input) ? input : [input];
  if (inputs.length === 0 || inputs.length > MAX_INPUTS) throw invalid("input");
  const texts = inputs.map((one) => {
    // Tokens are of one tokenizer, and nothing says which.
    if (typeof one === "number" || Array.isArray(one)) throw new WireError("unsupported_field", { param: "input" });
    if (typeof one !== "string" || one === "") throw invalid("input");
    return one;
  });
  if (encoding !== undefined && encoding !== null && encoding !== "float" && encoding !== "base64") throw invalid("encoding_format");
  const wanted = dimensions ?? undefined;
  const sensible = typeof wanted === "number" && Number.isInteger(wanted) && wanted >= 1 && wanted <= MAX_DIMENSIONS;
  if (wanted !== undefined && !sensible) throw invalid("dimensions");
  return { input: texts, encoding: encoding ?? "float", ...(sensible && { dimensions: wanted }) };
}

/** The answer in OpenAI's shape. */
export function writeEmbeddings({ vectors, usage }: Embeddings, encoding: EmbeddingEncoding, model: string): object {
  const { prompt_tokens, total_tokens } = usage;
  return {
    object: "list",
    data: vectors.map((vector, index) => ({
      object: "embedding",
      index,
      embedding: encoding === "float" ? vector : toFloat32Base64(vector),
    })),
    model,
    usage: { prompt_tokens, total_tokens },
  };
}

function toFloat32Base64(vector: readonly number[]): string {
  const bytes = Buffer.alloc(4 * vector.length);
  for (const [i, value] of vector.entries()) bytes.writeFloatLE(value, 4 * i);
  return bytes.toString("base64");
}
