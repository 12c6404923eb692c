import { columnsOf, graphemesOf } from "./columns.ts";

/**
 * Breaks text at spaces, so that no line is longer than the width. A word that is longer by itself is split.
 * @param width in columns, at least 1
 * @returns at least one line
 */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((word) => splitWord(word, width))) {
    if (line !== "" && columnsOf(line) + 1 + columnsOf(word) > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/**
 * Splits a word such as a hash, a path or an image reference: a digest goes to a line of its own, a path is split at its
 * slashes, and a hash in halves, which read better than one with a short tail.
 * @param width in columns, at least 1
 */
export function splitWord(word: string, width: number): string[] {
  if (columnsOf(word) <= width) return [word];
  const digestAt = word.indexOf("@");
  if (digestAt > 0) return [...splitWord(word.slice(0, digestAt), width), ...splitWord(word.slice(digestAt), width)];
  const slashAt = word.lastIndexOf("/", width - 1);
  if (slashAt > 0) return [word.slice(0, slashAt + 1), ...splitWord(word.slice(slashAt + 1), width)];
  const lines = Math.ceil(columnsOf(word) / width);
  const most = Math.ceil(columnsOf(word) / lines);
  const pieces: string[] = [];
  let piece = "";
  for (const grapheme of graphemesOf(word)) {
    if (piece !== "" && columnsOf(piece + grapheme) > most) {
      pieces.push(piece);
      piece = "";
    }
    piece += grapheme;
  }
  return piece === "" ? pieces : [...pieces, piece];
}
