/** Finds a stop sequence in text that arrives in pieces; the sequence itself and what follows are never given out. */
export interface StopFilter {
  push(text: string): { readonly text: string; readonly stopped: boolean };
  /** Text that was held back because it could have begun a stop sequence. */
  end(): string;
}

/** Makes a filter for these sequences. Empty ones, and ones that are not whole characters, match nothing. */
export function createStopFilter(sequences: readonly string[]): StopFilter {
  const stops = sequences.filter((stop) => stop !== "" && !/\p{Surrogate}/u.test(stop));
  let held = "";
  return {
    push(text) {
      if (stops.length === 0) return { text, stopped: false };
      const joined = held + text;
      let first = -1;
      for (const stop of stops) {
        const at = joined.indexOf(stop);
        if (at !== -1 && (first === -1 || at < first)) first = at;
      }
      if (first !== -1) {
        held = "";
        return { text: joined.slice(0, first), stopped: true };
      }
      const keep = heldLength(joined, stops);
      held = joined.slice(joined.length - keep);
      return { text: joined.slice(0, joined.length - keep), stopped: false };
    },
    end() {
      const rest = held;
      held = "";
      return rest;
    },
  };
}

/** How many characters at the end of `text` begin one of the markers: the longest such end. */
export function heldLength(text: string, markers: readonly string[]): number {
  let longest = 0;
  for (const marker of markers) {
    for (let length = Math.min(marker.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(marker.slice(0, length))) {
        longest = length;
        break;
      }
    }
  }
  return longest;
}
