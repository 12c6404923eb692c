import {
  assertSupported,
  findUnsealable,
  isAbsent,
  isJsonObject,
  type JsonObject,
  parseModel,
  parseName,
  parseSampling,
  parseStream,
  veniceParameters,
  wantsUsage,
} from "./chat-fields.ts";
import { CHAT_ROLES, type ChatMessage, type ChatRequest, type ChatRole } from "./chat-request.ts";
import { WireError } from "./errors.ts";
import { parseImage } from "./image-url.ts";
import { LIMITS } from "./limits.ts";
import {
  assertKnown,
  MESSAGE_MEMBERS,
  PART_MEMBERS,
  REQUEST_MEMBERS,
  CALLED_MEMBERS,
  TOOL_CALL_MEMBERS,
  VENICE_MEMBERS,
} from "./request-members.ts";
import { parseResponseFormat, parseToolChoice, parseTools } from "./rich-members.ts";

/** What a request may ask of an engine beyond text in and text out. */
export type RichFeature = "tools" | "images" | "schemas" | "logprobs";

/** A piece of a message. Images come inside the request, never as an address that somebody would have to fetch. */
export type ContentPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image"; /** `data:image/…;base64,…` */ readonly url: string; readonly detail?: "auto" | "low" | "high" };

/** A call that the model made earlier; `arguments` is JSON as the model wrote it, which need not be valid. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

export interface RichMessage extends Omit<ChatMessage, "content"> {
  readonly content: string | readonly ContentPart[];
  /** Of an assistant's message. */
  readonly toolCalls?: readonly ToolCall[];
  /** Of a tool's message: the call that it answers. */
  readonly toolCallId?: string;
}

export interface Tool {
  readonly name: string;
  readonly description?: string;
  /** JSON Schema. */
  readonly parameters?: JsonObject;
  readonly strict?: boolean;
}

export type ToolChoice = "none" | "auto" | "required" | { readonly name: string };

export type ResponseFormat =
  | { readonly type: "json_object" }
  | {
      readonly type: "json_schema";
      readonly name: string;
      readonly description?: string;
      readonly schema?: JsonObject;
      readonly strict?: boolean;
    };

/** What only an engine with the named features can answer, built member by member from a request sealed whole. */
export interface RichChat {
  /** All messages, with what `ChatRequest.messages` cannot hold. */
  readonly messages: readonly RichMessage[];
  readonly tools?: readonly Tool[];
  readonly toolChoice?: ToolChoice;
  readonly parallelToolCalls?: boolean;
  readonly responseFormat?: ResponseFormat;
  /** Log probabilities are wanted, with so many alternatives for each token. */
  readonly topLogprobs?: number;
  /** Each feature that an engine must have, and the member that asked for it first. Never empty. */
  readonly needs: readonly { readonly feature: RichFeature; readonly param: string }[];
}

/** Counts and sizes within a request, whose bytes `LIMITS.requestBodyBytes` bounds as a whole. */
const MAX = { partsPerMessage: 256, images: 64, toolCallsPerMessage: 128, argumentCharacters: 1024 * 1024, idCharacters: 256 } as const;
const MAX_TOP_LOGPROBS = 20;
/** Names of calls, as engines make them up: printable ASCII without blanks. */
const CALL_ID = /^[\x21-\x7e]+$/;
/** Members that this reader takes and version 1 refuses: hidden from the checks that are common to both. */
const RICH_MEMBERS: ReadonlySet<string> = new Set(["tools", "response_format", "logprobs", "top_logprobs"]);

const invalid = (param: string) => new WireError("invalid_field", { param });

/** Notes which features a request needs, each by the first member that asks. */
type Need = (feature: RichFeature, param: string) => void;

/**
 * Reads a chat request that was sealed as a whole (version 2) and builds what the engine gets: all that version 1 takes,
 * and content arrays, images, tools, response formats and log probabilities. What it does not know is refused by its
 * name; what it leaves aside because it can change no answer is listed in `request-members.ts`.
 * @returns a request with `rich` only where an engine needs more than text for it
 * @throws {WireError} from the catalogue, naming the field
 * @see spec/sealed-bodies.md
 */
export function parseRichRequest(body: unknown): ChatRequest {
  if (!isJsonObject(body)) throw new WireError("invalid_json");

  // 1. What nobody here can do, as in version 1.
  const common = Object.fromEntries(Object.entries(body).filter(([member]) => !RICH_MEMBERS.has(member)));
  assertSupported(common);
  const unsupported = findUnsealable(common);
  if (unsupported !== undefined) throw new WireError("unsupported_field", { param: unsupported });
  assertKnown(body, REQUEST_MEMBERS);
  assertKnown(veniceParameters(body), VENICE_MEMBERS, "venice_parameters");

  // 2. What needs more of an engine than text.
  const needs = new Map<RichFeature, string>();
  const need: Need = (feature, param) => void (needs.has(feature) || needs.set(feature, param));
  const messages = parseRichMessages(body, need);
  const tools = parseTools(body["tools"]);
  if (tools) need("tools", "tools");
  const toolChoice = parseToolChoice(body["tool_choice"], tools);
  const parallelToolCalls = tools && parseSwitch(body, "parallel_tool_calls");
  const responseFormat = parseResponseFormat(body["response_format"]);
  if (responseFormat) need("schemas", "response_format");
  const topLogprobs = parseTopLogprobs(body);
  if (topLogprobs !== undefined) need("logprobs", "logprobs");

  const rich: RichChat = {
    messages,
    ...(tools && { tools }),
    ...(toolChoice !== undefined && { toolChoice }),
    ...(parallelToolCalls !== undefined && { parallelToolCalls }),
    ...(responseFormat && { responseFormat }),
    ...(topLogprobs !== undefined && { topLogprobs }),
    needs: [...needs].map(([feature, param]) => ({ feature, param })),
  };
  return {
    model: parseModel(body),
    messages: messages.map(({ role, content, name, reasoning }) => ({
      role,
      content: textOf(content),
      ...(name !== undefined && { name }),
      ...(reasoning !== undefined && { reasoning }),
    })),
    sampling: parseSampling(body),
    stream: parseStream(body),
    includeUsage: wantsUsage(body),
    omitReasoning: veniceParameters(body)["strip_thinking_response"] === true,
    ...(needs.size > 0 && { rich }),
  };
}

function parseRichMessages(body: JsonObject, need: Need): readonly RichMessage[] {
  const messages = body["messages"];
  if (messages === undefined) throw new WireError("missing_field", { param: "messages" });
  if (!Array.isArray(messages) || messages.length === 0 || messages.length > LIMITS.messages) throw invalid("messages");
  let images = 0;
  const countImage = (param: string): void => {
    images += 1;
    if (images > MAX.images) throw invalid(param);
    need("images", param);
  };
  return messages.map((message: unknown, i) => parseRichMessage(message, `messages[${i}]`, need, countImage));
}

function parseRichMessage(message: unknown, param: string, need: Need, countImage: (param: string) => void): RichMessage {
  if (!isJsonObject(message)) throw invalid(param);
  const role = CHAT_ROLES.find((known) => known === message["role"]);
  if (!role) throw invalid(`${param}.role`);
  if (!isAbsent(message["function_call"])) throw new WireError("tools_unsupported", { param: `${param}.function_call` });
  assertKnown(message, MESSAGE_MEMBERS, param);

  const name = parseName(message["name"], `${param}.name`);
  const reasoning = parseReasoning(message, role, param);
  const toolCalls = parseToolCalls(message["tool_calls"], role, `${param}.tool_calls`);
  if (toolCalls) need("tools", `${param}.tool_calls`);
  const toolCallId = role === "tool" ? parseCallId(message["tool_call_id"], `${param}.tool_call_id`) : undefined;
  if (toolCallId !== undefined) need("tools", `${param}.tool_call_id`);
  return {
    role,
    content: parseContent(message, role, param, countImage),
    ...(name !== undefined && { name }),
    ...(reasoning !== undefined && { reasoning }),
    ...(toolCalls && { toolCalls }),
    ...(toolCallId !== undefined && { toolCallId }),
  };
}

/** Engines renamed it; clients send back what they got, some under both names. */
function parseReasoning(message: JsonObject, role: ChatRole, param: string): string | undefined {
  const [older, newer] = ["reasoning_content", "reasoning"].map((member) => parseText(message[member], `${param}.${member}`));
  const reasoning = older ?? newer;
  if (reasoning === undefined) return undefined;
  const member = older === undefined ? "reasoning" : "reasoning_content";
  if (role !== "assistant") throw new WireError("unsupported_field", { param: `${param}.${member}` });
  if (newer !== undefined && newer !== reasoning) throw invalid(`${param}.reasoning`);
  return reasoning;
}

function parseText(value: unknown, param: string): string | undefined {
  if (isAbsent(value)) return undefined;
  if (typeof value !== "string") throw invalid(param);
  return value;
}

/** A refusal is what the model said, so that it stands with an assistant's text. */
function parseContent(message: JsonObject, role: ChatRole, at: string, countImage: (param: string) => void): RichMessage["content"] {
  const param = `${at}.content`;
  const { content } = message;
  const refusal = parseText(message["refusal"], `${at}.refusal`);
  if (refusal !== undefined && role !== "assistant") throw new WireError("unsupported_field", { param: `${at}.refusal` });
  if (isAbsent(content) && role === "assistant" && typeof content !== "number" && typeof content !== "boolean") return refusal ?? "";
  if (refusal !== undefined) throw invalid(`${at}.refusal`);
  if (typeof content === "string") return content;
  if (content === undefined) throw new WireError("missing_field", { param });
  if (!Array.isArray(content) || content.length === 0 || content.length > MAX.partsPerMessage) throw invalid(param);
  const parts = content.map((part: unknown, i) => parsePart(part, role, `${param}[${i}]`, countImage));
  // Text in parts says the same as text in one, which every engine takes.
  return parts.every(({ type }) => type === "text") ? textOf(parts) : parts;
}

function parsePart(part: unknown, role: ChatRole, param: string, countImage: (param: string) => void): ContentPart {
  if (!isJsonObject(part)) throw invalid(param);
  const { type } = part;
  const isRefusal = type === "refusal" && role === "assistant";
  if (type !== "text" && type !== "image_url" && !isRefusal) throw new WireError("unsupported_field", { param });
  assertKnown(part, PART_MEMBERS, param);
  if (type === "image_url") {
    if (role !== "user") throw invalid(param);
    const image = parseImage(part["image_url"], `${param}.image_url`);
    countImage(param);
    return image;
  }
  const member = isRefusal ? "refusal" : "text";
  const text = part[member];
  if (typeof text !== "string") throw invalid(`${param}.${member}`);
  return { type: "text", text };
}

function textOf(content: RichMessage["content"]): string {
  if (typeof content === "string") return content;
  return content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");
}

function parseToolCalls(calls: unknown, role: ChatRole, param: string): readonly ToolCall[] | undefined {
  if (isAbsent(calls)) return undefined;
  if (role !== "assistant" || !Array.isArray(calls) || calls.length > MAX.toolCallsPerMessage) throw invalid(param);
  return calls.map((call: unknown, i) => {
    const at = `${param}[${i}]`;
    if (!isJsonObject(call)) throw invalid(at);
    assertKnown(call, TOOL_CALL_MEMBERS, at);
    if (call["type"] !== undefined && call["type"] !== "function") throw new WireError("unsupported_field", { param: at });
    const called = call["function"];
    if (!isJsonObject(called)) throw invalid(`${at}.function`);
    const { name, arguments: args } = called;
    assertKnown(called, CALLED_MEMBERS, `${at}.function`);
    if (typeof name !== "string" || name === "" || name.length > MAX.idCharacters) throw invalid(`${at}.function.name`);
    if (typeof args !== "string" || args.length > MAX.argumentCharacters) throw invalid(`${at}.function.arguments`);
    return { id: parseCallId(call["id"], `${at}.id`), name, arguments: args };
  });
}

function parseCallId(id: unknown, param: string): string {
  if (id === undefined) throw new WireError("missing_field", { param });
  if (typeof id !== "string" || id.length > MAX.idCharacters || !CALL_ID.test(id)) throw invalid(param);
  return id;
}

function parseSwitch(body: JsonObject, member: string): boolean | undefined {
  const value = body[member];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "boolean") throw invalid(member);
  return value;
}

function parseTopLogprobs(body: JsonObject): number | undefined {
  const wanted = parseSwitch(body, "logprobs") === true;
  const top = body["top_logprobs"];
  if (isAbsent(top)) return wanted ? 0 : undefined;
  if (!wanted || typeof top !== "number" || !Number.isInteger(top) || top < 0 || top > MAX_TOP_LOGPROBS) throw invalid("top_logprobs");
  return top;
}
