import { LIMITS, type ModelProtection, protectionOf } from "@bauta/protocol";
import { ClientError } from "./errors.ts";
import type { Transport } from "./http.ts";

/** One entry of `GET /models`. All but `protection` is the server's word. */
export interface Model {
  readonly id: string;
  /** From the name: what this client does with requests to it. */
  readonly protection: ModelProtection;
  readonly name: string | undefined;
  readonly contextTokens: number | undefined;
  readonly maxCompletionTokens: number | undefined;
  /** The server says that nothing serves it at present. */
  readonly offline: boolean;
}

const MAX_MODELS = 10_000;
const PATH = "models";

/**
 * Lists the models that the key can use.
 * @throws {ClientError} of the transport, or `answer_malformed`
 * @see spec/protocol.md, "Public API"
 */
export async function listModels(
  transport: Transport,
  limits: { readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
): Promise<Model[]> {
  const answer = await transport.getJson({ path: PATH }, { ...limits, maxBytes: LIMITS.jsonAnswerBytes });
  const list = isObject(answer) ? answer["data"] : undefined;
  if (!Array.isArray(list)) throw malformed("data is not a list");
  if (list.length > MAX_MODELS) throw malformed(`data has ${list.length} entries, more than ${MAX_MODELS}`);
  return list.map((entry: unknown, i) => parseModel(entry, i));
}

function parseModel(entry: unknown, i: number): Model {
  const id = isObject(entry) ? entry["id"] : undefined;
  if (!isObject(entry) || typeof id !== "string" || !/^[\x21-\x7e]{1,256}$/.test(id))
    throw malformed(`data[${i}].id is not a model's name`);
  const spec = isObject(entry["model_spec"]) ? entry["model_spec"] : {};
  const name = spec["name"];
  return {
    id,
    protection: protectionOf(id),
    name: typeof name === "string" && /^[^\p{C}]{1,256}$/u.test(name) ? name : undefined,
    contextTokens: count(spec["availableContextTokens"]) ?? count(entry["context_length"]),
    maxCompletionTokens: count(spec["maxCompletionTokens"]),
    offline: spec["offline"] === true,
  };
}

function count(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function malformed(problem: string): ClientError {
  return new ClientError("answer_malformed", `${PATH}: ${problem}`);
}
