import type { ChatRequest, ContentPart, ResponseFormat, RichChat, RichMessage, Tool, ToolCall } from "@bauta/protocol";
import { templateRole } from "./engine.ts";

/**
 * The body that an OpenAI-compatible engine gets. Optional members are sent only where the client set them,
 * since engines differ in which they know.
 * @param upstreamModel the engine's own name for the model
 */
export function createOpenAiBody(request: ChatRequest, upstreamModel: string): Record<string, unknown> {
  const { sampling, rich } = request;
  const optional = {
    max_tokens: sampling.maxTokens,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    min_p: sampling.minP,
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
    repetition_penalty: sampling.repetitionPenalty,
    seed: sampling.seed,
    stop: sampling.stop,
    reasoning_effort: sampling.reasoningEffort,
    ...(rich && richMembers(rich)),
  };
  return {
    model: upstreamModel,
    messages: (rich?.messages ?? request.messages).map(writeMessage),
    stream: true,
    stream_options: { include_usage: true },
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
}

function richMembers(rich: RichChat): Record<string, unknown> {
  const { tools, toolChoice, responseFormat, topLogprobs } = rich;
  return {
    tools: tools?.map(writeTool),
    tool_choice: typeof toolChoice === "object" ? { type: "function", function: { name: toolChoice.name } } : toolChoice,
    parallel_tool_calls: rich.parallelToolCalls,
    response_format: responseFormat && writeFormat(responseFormat),
    logprobs: topLogprobs === undefined ? undefined : true,
    top_logprobs: topLogprobs === 0 ? undefined : topLogprobs,
  };
}

function writeMessage({ role, content, name, reasoning, toolCalls, toolCallId }: RichMessage): Record<string, unknown> {
  const written = typeof content === "string" ? content : content.map(writePart);
  const more = {
    ...(name !== undefined && { name }),
    // Engines read the one or the other.
    ...(reasoning !== undefined && { reasoning_content: reasoning, reasoning }),
  };
  if (toolCallId !== undefined) return { role: "tool", tool_call_id: toolCallId, content: written, ...more };
  if (!toolCalls) return { role: templateRole(role), content: written, ...more };
  // Templates tell a message that only calls from one that says nothing by this.
  return { role: "assistant", content: written === "" ? null : written, ...more, tool_calls: toolCalls.map(writeCall) };
}

function writePart(part: ContentPart): object {
  if (part.type === "text") return { type: "text", text: part.text };
  return { type: "image_url", image_url: { url: part.url, ...(part.detail && { detail: part.detail }) } };
}

function writeCall({ id, name, arguments: args }: ToolCall): object {
  return { id, type: "function", function: { name, arguments: args } };
}

function writeTool({ name, description, parameters, strict }: Tool): object {
  return { type: "function", function: { name, description, parameters, strict } };
}

function writeFormat(format: ResponseFormat): object {
  if (format.type === "json_object") return { type: "json_object" };
  const { name, description, schema, strict } = format;
  return { type: "json_schema", json_schema: { name, description, schema, strict } };
}
