import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createStopFilter } from "./stop-sequences.ts";

function filter(stops: readonly string[], pieces: readonly string[]): { text: string; stopped: boolean } {
  const stop = createStopFilter(stops);
  let text = "";
  for (const piece of pieces) {
    const result = stop.push(piece);
    text += result.text;
    if (result.stopped) return { text, stopped: true };
  }
  return { text: text + stop.end(), stopped: false };
}

describe("stop sequences", () => {
  it("cuts before a sequence that arrives in pieces", () => {
    expect(filter(["END"], ["one E", "N", "D two"])).toEqual({ text: "one ", stopped: true });
  });

  it("gives back what only looked like a sequence", () => {
    expect(filter(["END"], ["one EN", "T"])).toEqual({ text: "one ENT", stopped: false });
    expect(filter(["END"], ["one EN"])).toEqual({ text: "one EN", stopped: false });
  });

  it("stops at the first of several", () => {
    expect(filter(["bbb", "ab"], ["xab", "bb"])).toEqual({ text: "x", stopped: true });
  });

  it("ignores empty sequences and halves of characters", () => {
    expect(filter(["", "\ude00"], ["a😀b"])).toEqual({ text: "a😀b", stopped: false });
  });

  it("does the same however the text is split", () => {
    const letters = fc.constantFrom("a", "b", "é", "😀");
    const text = fc.array(letters, { maxLength: 30 });
    const stops = fc.array(
      fc.array(letters, { minLength: 1, maxLength: 4 }).map((one) => one.join("")),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(text, stops, (characters, sequences) => {
        const whole = characters.join("");
        const firsts = sequences.map((stop) => whole.indexOf(stop)).filter((at) => at !== -1);
        const result = filter(sequences, characters);
        expect(result.stopped).toBe(firsts.length > 0);
        // A sequence that ends earlier may stop the text before one that begins earlier is complete; never later.
        if (firsts.length === 0) expect(result.text).toBe(whole);
        else for (const stop of sequences) expect(result.text.includes(stop)).toBe(false);
        expect(whole.startsWith(result.text)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
