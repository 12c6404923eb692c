import { CHAT_ROLES, type ChatRole, type Sampling } from "./chat-request.ts";
import { WireError } from "./errors.ts";
import { LIMITS } from "./limits.ts";

/** A request body after JSON.parse, before anything in it is believed. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Members whose meaning is a number or a short word: they hold nothing of the conversation. */
const NUMBERS = {
  max_tokens: { min: 1, max: LIMITS.maxTokens, integer: true },
  max_completion_tokens: { min: 1, max: LIMITS.maxTokens, integer: true },
  temperature: { min: 0, max: 10, integer: false },
  top_p: { min: 0, max: 1, integer: false },
  top_k: { min: -1, max: 1_000_000, integer: true },
  min_p: { min: 0, max: 1, integer: false },
  presence_penalty: { min: -10, max: 10, integer: false },
  frequency_penalty: { min: -10, max: 10, integer: false },
  repetition_penalty: { min: 0, max: 10, integer: false },
  seed: { min: -Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER, integer: true },
} as const;

/** Members of a sealed request that may travel in clear: none of them carries content. */
export const CLEAR_MEMBERS: ReadonlySet<string> = new Set([
  "model",
  "messages",
  "stream",
  "stream_options",
  "n",
  "reasoning_effort",
  "venice_parameters",
  ...Object.keys(NUMBERS),
]);

const isPlain = (value: unknown) => value === undefined || value === null || typeof value === "boolean" || typeof value === "number";

/**
 * Where a clear member's value could carry text after all: `temperature` as a string, or a member of
 * `venice_parameters` that is more than a switch.
 * @returns the paths to refuse; none when the value holds only numbers and switches
 */
export function findTextInClear(member: string, value: unknown): readonly string[] {
  if (member === "messages" || isPlain(value)) return [];
  if (member === "model") return typeof value === "string" ? [] : [member];
  if (member === "reasoning_effort" && typeof value === "string" && /^[a-z]{1,16}$/.test(value)) return [];
  if ((member !== "stream_options" && member !== "venice_parameters") || !isJsonObject(value)) return [member];
  const isSwitch = (inner: unknown) => isPlain(inner) || inner === "on" || inner === "off" || inner === "auto";
  return Object.entries(value)
    .filter(([name, inner]) => !/^[a-z][a-z0-9_]{0,63}$/.test(name) || !isSwitch(inner))
    .map(([name]) => `${member}.${name}`);
}

/** Members that would bring plaintext back beside the sealed answer, or send it along. */
const UNSEALABLE: ReadonlySet<string> = new Set([
  "logprobs",
  "top_logprobs",
  "prompt_logprobs",
  "echo",
  "documents",
  "return_token_ids",
  "return_tokens_as_token_ids",
  "chat_template",
  "chat_template_kwargs",
]);
/** What engines call others of that kind begins so. */
const UNSEALABLE_BEGINNINGS = ["return_token", "chat_template"] as const;

/**
 * The first member of a request that asks for what cannot be sealed, as an error in clear may name it: a known name, or
 * the beginning that makes it one. The rest is the caller's, and may have been sealed.
 */
export function findUnsealable(body: JsonObject): string | undefined {
  for (const member of Object.keys(body)) {
    if (isAbsent(body[member])) continue;
    const name = UNSEALABLE.has(member) ? member : UNSEALABLE_BEGINNINGS.find((beginning) => member.startsWith(beginning));
    if (name !== undefined) return name;
  }
  return undefined;
}

/** Members that ask for tools, in OpenAI's newer and older spelling. */
const TOOL_MEMBERS: readonly string[] = ["tools", "functions"];

/** False, null, 0, an empty string and an empty array say the same as leaving a member out. */
export function isAbsent(value: unknown): boolean {
  return (
    value === undefined || value === null || value === false || value === 0 || value === "" || (Array.isArray(value) && value.length === 0)
  );
}

const invalid = (param: string) => new WireError("invalid_field", { param });

/**
 * Reads the generation parameters that an engine may see.
 * @throws {WireError} `invalid_field` naming the member
 */
export function parseSampling(body: JsonObject): Sampling {
  const number = (member: keyof typeof NUMBERS): number | undefined => {
    const value = body[member];
    if (value === undefined || value === null) return undefined;
    const { min, max, integer } = NUMBERS[member];
    const valid =
      typeof value === "number" && Number.isFinite(value) && value >= min && value <= max && (!integer || Number.isInteger(value));
    if (!valid) throw invalid(member);
    return value;
  };
  const all = {
    maxTokens: number("max_completion_tokens") ?? number("max_tokens"),
    temperature: number("temperature"),
    topP: number("top_p"),
    topK: number("top_k"),
    minP: number("min_p"),
    presencePenalty: number("presence_penalty"),
    frequencyPenalty: number("frequency_penalty"),
    repetitionPenalty: number("repetition_penalty"),
    seed: number("seed"),
    stop: parseStop(body["stop"]),
    reasoningEffort: parseReasoningEffort(body),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function parseStop(stop: unknown): readonly string[] | undefined {
  if (stop === undefined || stop === null) return undefined;
  const list: unknown[] = Array.isArray(stop) ? stop : [stop];
  const valid =
    list.length <= LIMITS.stopSequences &&
    list.every((one) => typeof one === "string" && one.length > 0 && one.length <= LIMITS.stopCharacters);
  if (!valid) throw invalid("stop");
  return list as string[];
}

function parseReasoningEffort(body: JsonObject): string | undefined {
  const effort = body["reasoning_effort"];
  if (effort !== undefined && effort !== null) {
    if (typeof effort !== "string" || !/^[a-z]{1,16}$/.test(effort)) throw invalid("reasoning_effort");
    return effort;
  }
  return veniceParameters(body)["disable_thinking"] === true ? "none" : undefined;
}

/** The `venice_parameters` member, or an empty object. @throws {WireError} `invalid_field` */
export function veniceParameters(body: JsonObject): JsonObject {
  const value = body["venice_parameters"];
  if (value === undefined || value === null) return {};
  if (!isJsonObject(value)) throw invalid("venice_parameters");
  return value;
}

/** True when the request turns web search on. `auto` leaves it to the server, and no server of ours searches. */
function wantsWebSearch(body: JsonObject): boolean {
  const setting = veniceParameters(body)["enable_web_search"];
  return body["web_search_options"] !== undefined || !(isAbsent(setting) || setting === "off" || setting === "auto");
}

/** `stream_options.include_usage`. @throws {WireError} `invalid_field` */
export function wantsUsage(body: JsonObject): boolean {
  const options = body["stream_options"];
  if (options === undefined || options === null) return false;
  if (!isJsonObject(options)) throw invalid("stream_options");
  return options["include_usage"] === true;
}

const MAX_NAME_CHARACTERS = 256;

/** Who speaks. @throws {WireError} `invalid_field` */
export function parseName(name: unknown, param: string): string | undefined {
  if (isAbsent(name)) return undefined;
  if (typeof name !== "string" || name.length > MAX_NAME_CHARACTERS) throw invalid(param);
  return name;
}

/** One message's members as found; its content is judged by who calls. */
export interface RawMessage {
  readonly role: ChatRole;
  readonly content: unknown;
  readonly name: string | undefined;
  /** `messages[i].content` */
  readonly param: string;
}

/**
 * Reads the list of messages, without their content.
 * @throws {WireError} `missing_field`, `invalid_field` or `tools_unsupported` naming the member
 */
export function parseMessages(body: JsonObject): readonly RawMessage[] {
  const messages = body["messages"];
  if (messages === undefined) throw new WireError("missing_field", { param: "messages" });
  if (!Array.isArray(messages) || messages.length === 0 || messages.length > LIMITS.messages) throw invalid("messages");
  return messages.map((message: unknown, i) => {
    const param = `messages[${i}]`;
    if (!isJsonObject(message)) throw invalid(param);
    const role = CHAT_ROLES.find((known) => known === message["role"]);
    if (!role) throw invalid(`${param}.role`);
    for (const member of ["tool_calls", "function_call"]) {
      if (!isAbsent(message[member])) throw new WireError("tools_unsupported", { param: `${param}.${member}` });
    }
    return { role, content: message["content"], name: parseName(message["name"], `${param}.name`), param: `${param}.content` };
  });
}

/** The model's name. @throws {WireError} `missing_field` or `invalid_field` */
export function parseModel(body: JsonObject): string {
  const model = body["model"];
  if (model === undefined) throw new WireError("missing_field", { param: "model" });
  if (typeof model !== "string" || model.length === 0 || model.length > 256) throw invalid("model");
  return model;
}

/** `stream`, absent meaning false. @throws {WireError} `invalid_field` */
export function parseStream(body: JsonObject): boolean {
  const stream = body["stream"];
  if (stream === undefined || stream === null) return false;
  if (typeof stream !== "boolean") throw invalid("stream");
  return stream;
}

/**
 * What no model here can do, whatever protects the request.
 * @throws {WireError} naming the member
 */
export function assertSupported(body: JsonObject): void {
  for (const member of TOOL_MEMBERS) {
    if (!isAbsent(body[member])) throw new WireError("tools_unsupported", { param: member });
  }
  const format = body["response_format"];
  if (!isAbsent(format) && !(isJsonObject(format) && format["type"] === "text")) {
    throw new WireError("unsupported_field", { param: "response_format" });
  }
  const n = body["n"];
  if (n !== undefined && n !== null && n !== 1)
    throw new WireError(typeof n === "number" ? "multiple_choices" : "invalid_field", { param: "n" });
  if (wantsWebSearch(body)) throw new WireError("web_search", { param: "venice_parameters.enable_web_search" });
}
