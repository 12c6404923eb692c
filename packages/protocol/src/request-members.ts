import { isAbsent, isJsonObject, type JsonObject } from "./chat-fields.ts";
import { WireError } from "./errors.ts";

/**
 * What becomes of each member of a request that was sealed whole. `engine`: the answer is made by it. `ignored`: it can
 * change nothing of the answer, for the reason that docs/proxy.md states. What is in neither list is refused by its name: a
 * member that somebody sent for a purpose is never dropped in silence.
 */
export const REQUEST_MEMBERS = {
  engine: [
    "model",
    "messages",
    "stream",
    "stream_options",
    "n",
    "stop",
    "seed",
    "reasoning_effort",
    "venice_parameters",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "logprobs",
    "top_logprobs",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
  ],
  // Labels for a provider's books, its caches and its tiers; a prediction, which only makes an engine faster.
  ignored: ["user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "prediction"],
} as const satisfies Members;

export const MESSAGE_MEMBERS = {
  engine: ["role", "content", "name", "tool_calls", "tool_call_id", "reasoning_content", "reasoning", "refusal"],
  // What clients send back of an answer as it came: sources of a search, and where a cache may cut.
  ignored: ["annotations", "cache_control"],
} as const satisfies Members;

export const PART_MEMBERS = {
  engine: ["type", "text", "image_url", "refusal"],
  ignored: ["cache_control", "annotations"],
} as const satisfies Members;
export const IMAGE_MEMBERS = { engine: ["url", "detail"], ignored: ["format"] } as const satisfies Members;
/** Clients that joined a stream send its index back. */
export const TOOL_CALL_MEMBERS = { engine: ["id", "type", "function"], ignored: ["index"] } as const satisfies Members;
export const CALLED_MEMBERS = { engine: ["name", "arguments"], ignored: [] } as const satisfies Members;
export const TOOL_MEMBERS = { engine: ["type", "function"], ignored: ["cache_control"] } as const satisfies Members;
export const FORMAT_MEMBERS = { engine: ["name", "description", "schema", "strict"], ignored: [] } as const satisfies Members;
export const FUNCTION_MEMBERS = { engine: ["name", "description", "parameters", "strict"], ignored: [] } as const satisfies Members;

/** The provider's switches that do something here, or turn off what nobody here does. */
export const VENICE_MEMBERS = {
  engine: ["strip_thinking_response", "disable_thinking", "enable_web_search", "enable_e2ee"],
  // There is no provider's system prompt, and citations are of searches.
  ignored: ["include_venice_system_prompt", "enable_web_citations"],
} as const satisfies Members;

export const EMBEDDING_MEMBERS = {
  engine: ["model", "input", "dimensions", "encoding_format"],
  ignored: ["user", "metadata"],
} as const satisfies Members;

interface Members {
  readonly engine: readonly string[];
  readonly ignored: readonly string[];
}

/** Such as a program writes: what is longer, or has blanks in it, may be more than a name, and errors travel in clear. */
const NAME = /^[A-Za-z][A-Za-z0-9_]{0,39}$/;

/**
 * @param at the path of the object, or undefined for the request itself
 * @throws {WireError} `unsupported_field` naming a member that nobody here knows and that says something
 */
export function assertKnown(object: JsonObject, { engine, ignored }: Members, at?: string): void {
  const other = Object.keys(object).find((member) => !engine.includes(member) && !ignored.includes(member) && !saysNothing(object[member]));
  if (other === undefined) return;
  const named = NAME.test(other) ? other : undefined;
  const param = at === undefined ? (named ?? "body") : named === undefined ? at : `${at}.${named}`;
  throw new WireError("unsupported_field", { param });
}

function saysNothing(value: unknown): boolean {
  return isAbsent(value) || (isJsonObject(value) && Object.keys(value).length === 0);
}
