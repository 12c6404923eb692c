/**
 * Makes a server's text fit to be shown: line breaks, control and format characters (which could forge log lines or
 * turn text around on a terminal) become spaces, and the length is bounded.
 */
export function printable(text: string, maxCharacters: number): string {
  const flat = text
    .slice(0, maxCharacters * 4)
    .replaceAll(/[\p{C}\p{Z}]+/gu, " ")
    .trim();
  return flat.length <= maxCharacters ? flat : `${flat.slice(0, maxCharacters - 1)}…`;
}
