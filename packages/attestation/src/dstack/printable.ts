const MAX_CHARACTERS = 96;
const MAX_LISTED = 16;

/** A text from outside, fit for a sentence: short, and nothing in it that a terminal would obey. */
export function printable(text: string, maxCharacters = MAX_CHARACTERS): string {
  const safe = text.slice(0, maxCharacters + 1).replace(/[^\x20-\x7e]/g, "?");
  return safe.length > maxCharacters ? `${safe.slice(0, maxCharacters - 1)}…` : safe;
}

/** A short list of texts from outside. */
export function listed(texts: readonly string[], maxListed = MAX_LISTED): string {
  const shown = texts.slice(0, maxListed).map((text) => printable(text));
  return texts.length > maxListed ? `${shown.join(", ")} and ${texts.length - maxListed} more` : shown.join(", ");
}
