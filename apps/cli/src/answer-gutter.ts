import { columnsOf, graphemesOf, hasBreakable, splitBehindWide, splitUnspaced } from "./columns.ts";
import type { Terminal } from "./terminal.ts";

const INDENT = "  ";
const TAB = "    ";

/** Writes an answer as it streams. */
export interface AnswerGutter {
  write(text: string): void;
  /** Writes what is held back and ends the line. */
  end(): void;
}

/**
 * Keeps an answer out of the first column, where verdicts stand: whoever writes the answer could write a verdict too.
 * Lines are broken here, between words where there are any, since a terminal would wrap into that column; each as wide as
 * the terminal is when it is written.
 * @param style applied to each piece written
 */
export function createAnswerGutter(terminal: Terminal, style: (text: string) => string = (text) => text): AnswerGutter {
  let column = 0;
  let word = "";

  const widest = () => Math.max(20, terminal.width - 1);

  function put(text: string): void {
    if (column === 0) {
      terminal.write(INDENT);
      column = INDENT.length;
    }
    terminal.write(style(text));
    column += columnsOf(text);
  }

  function breakLine(): void {
    terminal.write("\n");
    column = 0;
  }

  function flush(): void {
    for (const piece of splitBehindWide(word)) putPiece(piece);
    word = "";
  }

  function putPiece(piece: string): void {
    for (const text of splitUnspaced(piece)) putWord(text);
  }

  function putWord(text: string): void {
    const width = widest();
    const fits = (more: string) => Math.max(column, INDENT.length) + columnsOf(more) <= width;
    if (column > INDENT.length && !fits(text)) breakLine();
    let piece = "";
    // Longer than a line by itself: an address, a hash.
    for (const grapheme of fits(text) ? [text] : graphemesOf(text)) {
      if (piece !== "" && !fits(piece + grapheme)) {
        put(piece);
        piece = "";
        breakLine();
      }
      piece += grapheme;
    }
    if (piece !== "") put(piece);
  }

  /** Scripts without spaces are shown as they come, but for a last character that may go on. */
  function showWide(): void {
    const pieces = splitBehindWide(word);
    if (pieces.length < 2) return;
    for (const piece of pieces.slice(0, -1)) putPiece(piece);
    word = pieces.at(-1) ?? "";
  }

  return {
    write(text) {
      for (const part of text.replaceAll("\t", TAB).split(/([\n ])/)) {
        if (part === "\n") {
          flush();
          breakLine();
        } else if (part === " ") {
          flush();
          if (column < widest()) put(" ");
          else breakLine();
        } else {
          word += part;
          // A long word that comes in many pieces is looked through once, when it ends.
          if (hasBreakable(part)) showWide();
        }
      }
    },
    end() {
      flush();
      if (column > 0) breakLine();
    },
  };
}
