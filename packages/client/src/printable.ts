import { toHex } from "@bauta/protocol";

/** `Bidi_Control` has the marks, embeddings, overrides and isolates; behind it stand deprecated and annotation characters. */
const ACTING = /(?![\n\t])[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\u206A-\u206F\uFFF9-\uFFFB]/gu;
/** They say which way a neighbour runs, and turn nothing around: Arabic and Hebrew are written with them. */
const MARKS = new Set(["\u061C", "\u200E", "\u200F"]);
const MAX_LINE_CHARACTERS = 1_000;

/**
 * Makes text from a server or a model safe to show, also piece by piece: what could move a cursor, set a window's title,
 * end a line unseen or turn text around becomes U+FFFD. Line feeds and tabs stay; so do joiners and marks of direction, which
 * scripts and emoji need.
 */
export function printable(text: string): string {
  return text.replaceAll(ACTING, (character) => (MARKS.has(character) ? character : "\u{FFFD}"));
}

/**
 * Makes such text fit for one line of a log or a table: each run of spaces, line breaks, control and format characters
 * becomes one space, and the length is bounded.
 * @param maxCharacters in UTF-16 units
 */
export function printableLine(text: string, maxCharacters: number = MAX_LINE_CHARACTERS): string {
  const flat = text
    .slice(0, maxCharacters * 4)
    .replaceAll(/[\p{C}\p{Z}]+/gu, " ")
    .trim();
  if (flat.length <= maxCharacters) return flat;
  // Half a character at the cut goes too.
  return `${flat.slice(0, maxCharacters - 1).replace(/\p{Cs}$/u, "")}…`;
}

/**
 * JSON that is safe to show: what could act on a terminal or turn text around is written as an escape, which every reader
 * of JSON takes for the same value. `JSON.stringify` escapes C0 alone. Bytes become hex.
 * @param indent spaces for each level; all in one line unless given
 * @see RFC 8259 §7
 */
export function printableJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, (_name, member: unknown) => (member instanceof Uint8Array ? toHex(member) : member), indent);
  return text.replaceAll(ACTING, (character) => String.raw`\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
