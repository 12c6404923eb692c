import {
  createToolCallSorter,
  type FinishReason,
  isTextless,
  ToolCallError,
  type ToolCallPiece,
  type ToolCallSorter,
} from "@bauta/protocol";
import { RefusalError } from "@bauta/protocol/client";
import { isJsonObject, type JsonObject } from "./chunk.ts";

/** A choice of a chunk as OpenAI writes it. */
export type ReadChoice = JsonObject & { readonly index: number; readonly delta: JsonObject; readonly finish_reason: FinishReason | null };

/** Reads the choices of one stream's chunks. */
export interface ChoiceReader {
  /**
   * @param isOnly it is alone in its chunk, and need not be numbered
   * @returns the same with null for an empty finish reason, and each piece of a tool call under the index of its call
   * @throws {RefusalError} `malformed_answer`
   */
  read(choice: unknown, param: string, isOnly: boolean): ReadChoice;
  /** To be called once the answer has ended. @throws {RefusalError} when a call of a tool came incomplete */
  end(): void;
}

/** Where other calls' answers have their text: whoever reads chunks would drop it in silence. */
const OTHER_TEXTS = ["message", "text"] as const;

/** Members of a delta that are texts, and would be dropped if they were anything else. */
const TEXTS = ["content", "reasoning_content", "reasoning", "refusal"] as const;

export function createChoiceReader(): ChoiceReader {
  const finished = new Set<number>();
  const sorters = new Map<number, ToolCallSorter>();

  function sortToolCalls(choice: number, list: unknown, param: string): { readonly tool_calls?: readonly JsonObject[] } {
    if (list === undefined || list === null) return {};
    const sorter = sorters.get(choice) ?? createToolCallSorter();
    sorters.set(choice, sorter);
    const pieces = orRefuse(param, () => sorter.push(list));
    return { tool_calls: (list as readonly JsonObject[]).map((piece, i) => rewritePiece(piece, pieces[i])) };
  }

  return {
    read(choice, param, isOnly) {
      const index = isJsonObject(choice) ? (choice["index"] ?? (isOnly ? 0 : undefined)) : undefined;
      if (!isJsonObject(choice) || typeof index !== "number" || !Number.isSafeInteger(index)) throw malformed(param);
      const delta = choice["delta"] ?? {};
      if (!isJsonObject(delta)) throw malformed(`${param}.delta`);
      const other = OTHER_TEXTS.find((member) => !isTextless(choice[member]));
      if (other !== undefined) throw malformed(`${param}.${other}`);
      const odd = TEXTS.find((member) => typeof delta[member] !== "string" && !isTextless(delta[member]));
      if (odd !== undefined) throw malformed(`${param}.delta.${odd}`);
      // What stands behind the finish reason would be shown as part of an answer that had ended.
      if (finished.has(index) && !isTextless({ ...delta, role: undefined })) throw malformed(`${param}.finish_reason`);
      const reason = readFinishReason(choice["finish_reason"], `${param}.finish_reason`);
      if (reason !== null) finished.add(index);
      const toolCalls = sortToolCalls(index, delta["tool_calls"], `${param}.delta.tool_calls`);
      return { ...choice, index, delta: { ...delta, ...toolCalls }, finish_reason: reason };
    },
    end() {
      for (const [choice, sorter] of sorters) orRefuse(`choices[${choice}].delta.tool_calls`, () => sorter.end());
    },
  };
}

/** Some engines write the empty text where others write null. */
function readFinishReason(reason: unknown, param: string): FinishReason | null {
  if (reason === undefined || reason === null || reason === "") return null;
  if (typeof reason !== "string" || !/^[a-z_]{1,32}$/.test(reason)) throw malformed(param);
  return reason as FinishReason;
}

/** The same piece as OpenAI writes it: numbered by its call, and naming it only once. */
function rewritePiece(piece: JsonObject, sorted: ToolCallPiece | undefined): JsonObject {
  const { id: _id, index: _index, function: called, ...others } = piece;
  const { name: _name, ...rest } = isJsonObject(called) ? called : {};
  const { id, name } = sorted ?? {};
  return { index: sorted?.index, ...(id !== undefined && { id }), ...others, function: { ...(name !== undefined && { name }), ...rest } };
}

function orRefuse<Value>(param: string, act: () => Value): Value {
  try {
    return act();
  } catch (error) {
    throw error instanceof ToolCallError ? malformed(param) : error;
  }
}

function malformed(field: string): RefusalError {
  return new RefusalError("malformed_answer", field);
}
