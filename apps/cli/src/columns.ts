import { eastAsianWidth } from "get-east-asian-width";

const GRAPHEMES = new Intl.Segmenter("en", { granularity: "grapheme" });
const WORDS = new Intl.Segmenter("en", { granularity: "word" });
/** Combining marks, joiners, marks of direction: they stand on or between others. */
const WITHOUT_WIDTH = /[\p{Mn}\p{Me}\p{Cf}]/u;
const EMOJI_STYLE = 0xfe0f;
/** Scripts that write no spaces between words: Thai, Lao, Khmer, Myanmar. */
const UNSPACED = /[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/** Terminals of these languages show Greek, Cyrillic and box drawings wide. */
const ambiguousAsWide = /^(?:zh|ja|ko)/.test(process.env["LC_ALL"] ?? process.env["LC_CTYPE"] ?? process.env["LANG"] ?? "");

/**
 * Columns that text takes in a terminal, by Unicode's tables. Never too few: emoji that are joined count each, since many
 * terminals show them so, and a line that is too wide would go on in the first column.
 * @see Unicode Standard Annex 11
 */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    // It asks for a narrow character's wide form.
    if (point === EMOJI_STYLE) columns += 1;
    else if (!WITHOUT_WIDTH.test(character)) columns += eastAsianWidth(point, { ambiguousAsWide });
  }
  return columns;
}

/** What a reader sees as characters: nothing may be broken within one. */
export function graphemesOf(text: string): string[] {
  return Array.from(GRAPHEMES.segment(text), ({ segment }) => segment);
}

/** Wide characters of scripts that write no spaces, and emoji; Korean has spaces. */
function isBreakable(grapheme: string): boolean {
  return (
    !/\p{Script=Hangul}/u.test(grapheme) && Array.from(grapheme).some((character) => eastAsianWidth(character.codePointAt(0) ?? 0) === 2)
  );
}

/** True for text in which {@link splitBehindWide} finds a place to split. */
export function hasBreakable(text: string): boolean {
  return Array.from(text).some(isBreakable);
}

/** Splits what stands between spaces behind each character that a line may end with. */
export function splitBehindWide(word: string): string[] {
  const pieces: string[] = [];
  let narrow = "";
  for (const grapheme of graphemesOf(word)) {
    narrow += grapheme;
    if (!isBreakable(grapheme)) continue;
    pieces.push(narrow);
    narrow = "";
  }
  return narrow === "" ? pieces : [...pieces, narrow];
}

/** Splits such a piece into its words, where its script writes no spaces between them. */
export function splitUnspaced(piece: string): string[] {
  return UNSPACED.test(piece) ? Array.from(WORDS.segment(piece), ({ segment }) => segment) : [piece];
}
