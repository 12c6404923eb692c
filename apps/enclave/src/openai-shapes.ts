import type { FinishReason } from "@bauta/protocol";
import type { VisibleDelta } from "./answer-form.ts";
import type { AnsweredLogprob, EngineDelta, EngineFinish, TokenLogprob, ToolCallDelta } from "./engine/engine.ts";

/**
 * The choices of the chunks that one delta becomes: reasoning, then content with its log probabilities, then tool calls.
 * @see https://platform.openai.com/docs/api-reference/chat-streaming
 */
export function writeChunks(delta: VisibleDelta & { readonly role?: string }): readonly object[] {
  const { role, reasoning, content, logprobs, toolCalls } = delta;
  const choice = (written: object, more: object = {}) => ({ index: 0, delta: written, ...more, finish_reason: null });
  return [
    ...(role === undefined ? [] : [choice({ role })]),
    ...(reasoning === undefined ? [] : [choice({ reasoning_content: reasoning })]),
    ...(content === undefined && !logprobs ? [] : [choice({ content: content ?? "" }, logprobs && { logprobs: writeLogprobs(logprobs) })]),
    ...(toolCalls ? [choice({ tool_calls: toolCalls.map(writeToolCallDelta) })] : []),
  ];
}

/** The choice of a stream's last chunk. */
export function writeFinish(reason: FinishReason): object {
  return { index: 0, delta: {}, finish_reason: reason };
}

function writeToolCallDelta({ index, id, name, arguments: args }: ToolCallDelta): object {
  const called = { ...(name !== undefined && { name }), arguments: args ?? "" };
  // The first piece of a call names it; clients start a call by that.
  return { index, ...(id !== undefined && { id, type: "function" }), function: called };
}

function writeLogprobs(logprobs: readonly AnsweredLogprob[]): object {
  return { content: logprobs.map(({ top, ...token }) => ({ ...writeToken(token), top_logprobs: top.map(writeToken) })), refusal: null };
}

function writeToken({ token, logprob, bytes }: TokenLogprob): object {
  return { token, logprob, bytes };
}

interface GatheredCall {
  id: string;
  name: string;
  arguments: string;
}

/** Gathers the one choice of a `chat.completion`. */
export interface CompletionChoice {
  add(delta: Omit<EngineDelta, "type">): void;
  finish(finish: EngineFinish): object;
}

export function createCompletionChoice(): CompletionChoice {
  let content = "";
  let reasoning = "";
  const calls = new Map<number, GatheredCall>();
  const logprobs: AnsweredLogprob[] = [];
  return {
    add(delta) {
      content += delta.content ?? "";
      reasoning += delta.reasoning ?? "";
      for (const { index, id, name, arguments: args } of delta.toolCalls ?? []) {
        const call = calls.get(index) ?? { id: "", name: "", arguments: "" };
        calls.set(index, { id: id ?? call.id, name: name ?? call.name, arguments: call.arguments + (args ?? "") });
      }
      logprobs.push(...(delta.logprobs ?? []));
    },
    finish({ reason }) {
      const ordered = [...calls].toSorted(([a], [b]) => a - b);
      const toolCalls = ordered.map(([, { id, ...called }]) => ({ id, type: "function", function: called }));
      const message = {
        role: "assistant",
        content: content === "" && toolCalls.length > 0 ? null : content,
        ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
        ...(toolCalls.length === 0 ? {} : { tool_calls: toolCalls }),
      };
      return { index: 0, message, ...(logprobs.length > 0 && { logprobs: writeLogprobs(logprobs) }), finish_reason: reason };
    },
  };
}
