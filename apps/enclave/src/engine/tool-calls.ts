import { randomUUID } from "node:crypto";
import { createToolCallSorter, ToolCallError } from "@bauta/protocol";
import { EngineError, type ToolCallDelta } from "./engine.ts";

/** Reads the tool calls of one answer. */
export interface ToolCallReader {
  /**
   * @param pieces as the engine sent them
   * @returns the same, each with its call's index; the first of a call has an id: without one a caller cannot send the
   *   result back
   * @throws {EngineError} `failed` for calls that cannot be told apart, or are none
   */
  push(pieces: readonly unknown[]): readonly ToolCallDelta[];
  /** How many calls have begun. */
  readonly size: number;
  /** @throws {EngineError} `failed` when the answer has ended within what makes a call */
  end(): void;
}

export function createToolCallReader(): ToolCallReader {
  const sorter = createToolCallSorter();
  const begun = new Set<number>();
  return {
    get size() {
      return sorter.size;
    },
    push: (pieces) =>
      orFail(() => sorter.push(pieces)).map(({ index, id, name, arguments: args }) => {
        const isFirst = !begun.has(index);
        begun.add(index);
        return {
          index,
          ...(isFirst && { id: id ?? `call_${randomUUID()}` }),
          ...(name !== undefined && { name }),
          ...(args !== undefined && { arguments: args }),
        };
      }),
    end: () => orFail(() => sorter.end()),
  };
}

function orFail<Value>(act: () => Value): Value {
  try {
    return act();
  } catch (error) {
    throw error instanceof ToolCallError ? new EngineError("failed") : error;
  }
}
