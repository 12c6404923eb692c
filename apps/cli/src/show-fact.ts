import { printableLine } from "@bauta/client";
import type { Terminal } from "./terminal.ts";
import { splitWord, wrapText } from "./wrap-text.ts";

const LABEL_COLUMNS = 16;

/** One name and its values. */
export function showFact(terminal: Terminal, label: string, values: readonly string[]): void {
  const columns = Math.max(16, terminal.width - LABEL_COLUMNS - 4);
  const lines = values.flatMap((value) => {
    const text = printableLine(value);
    return text.includes(" ") ? wrapText(text, columns) : splitWord(text, columns);
  });
  for (const [i, text] of lines.entries()) terminal.line(`  ${terminal.dim((i === 0 ? label : "").padEnd(LABEL_COLUMNS))}  ${text}`);
}
