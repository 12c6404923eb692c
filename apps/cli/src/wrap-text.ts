/**
 * Breaks text at spaces, so that no line is longer than the width. A word that is longer by itself is split.
 * @param width in characters, at least 1
 * @returns at least one line
 */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((word) => splitWord(word, width))) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/**
 * Splits a word such as a hash, a path or an image reference: a digest goes to a line of its own, a path is split at its
 * slashes, and a hash in halves, which read better than one with a short tail.
 * @param width in characters, at least 1
 */
export function splitWord(word: string, width: number): string[] {
  if (word.length <= width) return [word];
  const digestAt = word.indexOf("@");
  if (digestAt > 0) return [...splitWord(word.slice(0, digestAt), width), ...splitWord(word.slice(digestAt), width)];
  const slashAt = word.lastIndexOf("/", width - 1);
  if (slashAt > 0) return [word.slice(0, slashAt + 1), ...splitWord(word.slice(slashAt + 1), width)];
  const characters = Array.from(word);
  const lines = Math.ceil(characters.length / width);
  const length = Math.ceil(characters.length / lines);
  return Array.from({ length: lines }, (_, i) => characters.slice(i * length, (i + 1) * length).join("")).filter((line) => line !== "");
}
