/** As many edits still are a slip of the hand. */
const MAX_SLIPS = 3;
const MAX_NAME_CHARACTERS = 64;

/** The known name that somebody most likely meant, or undefined when none is near. */
export function nearestName(written: string, known: readonly string[]): string | undefined {
  if (written.length > MAX_NAME_CHARACTERS) return undefined;
  let best: string | undefined;
  let bestSlips = Math.min(MAX_SLIPS, Math.floor(written.length / 2)) + 1;
  for (const name of known) {
    const slips = countEdits(written.toLowerCase(), name.toLowerCase());
    if (slips < bestSlips) [best, bestSlips] = [name, slips];
  }
  return best;
}

/** Levenshtein distance. */
function countEdits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
