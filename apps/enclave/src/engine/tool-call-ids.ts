import { randomUUID } from "node:crypto";
import type { ToolCallDelta } from "./engine.ts";

/**
 * Gives each tool call of one answer an id where the engine gave none: without it a caller cannot send the result back.
 * @returns a function that passes an answer's deltas through, in their order
 */
export function createToolCallIds(): (deltas: readonly ToolCallDelta[]) => readonly ToolCallDelta[] {
  const begun = new Set<number>();
  return (deltas) =>
    deltas.map((delta) => {
      if (begun.has(delta.index)) return delta;
      begun.add(delta.index);
      return { ...delta, id: delta.id ?? `call_${randomUUID()}` };
    });
}
