const MAX_CHARACTERS = 96;

/** A text from outside, fit for a sentence: short, and nothing in it that a terminal would obey. */
export function printable(text: string, maxCharacters = MAX_CHARACTERS): string {
  const safe = text.slice(0, maxCharacters + 1).replace(/[^\x20-\x7e]/g, "?");
  return safe.length > maxCharacters ? `${safe.slice(0, maxCharacters - 1)}…` : safe;
}
