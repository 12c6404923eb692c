import { styleText } from "node:util";

/** Where a command writes for people: colour only in a terminal that wants it. */
export interface Terminal {
  /** A line, or an empty one. */
  readonly line: (text?: string) => void;
  /** Text without a line end, as it arrives. */
  readonly write: (text: string) => void;
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly interactive: boolean;
  /** Columns to wrap at. */
  readonly width: number;
}

/** @see https://no-color.org */
export function createTerminal(stream: NodeJS.WriteStream = process.stdout, env: NodeJS.ProcessEnv = process.env): Terminal {
  // Node leaves it out for a pipe, whatever its types say.
  const { isTTY: interactive = false } = stream as { readonly isTTY?: boolean };
  const colour = (interactive && !env["NO_COLOR"] && env["TERM"] !== "dumb") || env["FORCE_COLOR"] === "1";
  const style = (name: Parameters<typeof styleText>[0]) => (text: string) =>
    colour ? styleText(name, text, { validateStream: false }) : text;
  return {
    line: (text = "") => void stream.write(`${text}\n`),
    write: (text) => void stream.write(text),
    bold: style("bold"),
    dim: style("dim"),
    good: style("green"),
    bad: style("red"),
    warn: style("yellow"),
    interactive,
    // As it is now: windows change.
    get width() {
      return Math.min(stream.columns ?? 80, 100);
    },
  };
}
