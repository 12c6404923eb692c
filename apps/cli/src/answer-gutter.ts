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
 * Lines are broken here, between words where there are any, since a terminal would wrap into that column.
 * @param style applied to each piece written
 */
export function createAnswerGutter(terminal: Terminal, style: (text: string) => string = (text) => text): AnswerGutter {
  const width = Math.max(20, terminal.width - 1);
  let column = 0;
  let word = "";

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
    if (word === "") return;
    if (column > INDENT.length && column + columnsOf(word) > width) breakLine();
    let piece = "";
    for (const character of word) {
      if (Math.max(column, INDENT.length) + columnsOf(piece + character) > width) {
        put(piece);
        piece = "";
        breakLine();
      }
      piece += character;
    }
    if (piece !== "") put(piece);
    word = "";
  }

  return {
    write(text) {
      for (const character of text.replaceAll("\t", TAB)) {
        if (character === "\n") {
          flush();
          breakLine();
        } else if (character === " ") {
          flush();
          if (column < width) put(" ");
          else breakLine();
        } else {
          word += character;
          // Scripts without spaces break anywhere, and are shown at once.
          if (columnsOf(character) > 1) flush();
        }
      }
    },
    end() {
      flush();
      if (column > 0) breakLine();
    },
  };
}

/** Never too few: what is not Latin counts as wide, so that no line reaches the terminal's own edge. */
function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += (character.codePointAt(0) ?? 0) > 0xff ? 2 : 1;
  return columns;
}
