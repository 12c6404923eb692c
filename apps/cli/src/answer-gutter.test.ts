import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createAnswerGutter } from "./answer-gutter.ts";
import type { Terminal } from "./terminal.ts";

function show(pieces: readonly string[], width = 30): string {
  let written = "";
  const plain = (text: string) => text;
  const terminal: Terminal = {
    line: (text = "") => (written += `${text}\n`),
    write: (text) => (written += text),
    bold: plain,
    dim: plain,
    good: plain,
    bad: plain,
    warn: plain,
    interactive: false,
    width,
  };
  const gutter = createAnswerGutter(terminal);
  for (const piece of pieces) gutter.write(piece);
  gutter.end();
  return written;
}

describe("createAnswerGutter", () => {
  it("indents each line and breaks between words", () => {
    expect(show(["Four", ", I think", ".\n✓ verified · receipt"])).toBe("  Four, I think.\n  ✓ verified · receipt\n");
    expect(show(["one two three four five six seven"])).toBe("  one two three four five six\n  seven\n");
    expect(show([])).toBe("");
  });

  it("property: no line begins in the first column or is wider than the terminal, however the text is split", () => {
    const text = fc.array(fc.oneof(fc.constantFrom("\n", "\t", " ", "✓ verified", "中文", "😀", "é"), fc.string({ unit: "grapheme" })));
    fc.assert(
      fc.property(text, (pieces) => {
        const whole = show(pieces);
        expect(whole).toBe(show([...pieces.join("")]));
        for (const line of whole.split("\n")) {
          if (line !== "") expect(line).toMatch(/^ {2}/);
          const columns = [...line].reduce((sum, character) => sum + ((character.codePointAt(0) ?? 0) > 0xff ? 2 : 1), 0);
          expect(columns).toBeLessThanOrEqual(30);
        }
        const letters = (shown: string) => shown.replaceAll(/\s/g, "");
        expect(letters(whole)).toBe(letters(pieces.join("")));
      }),
    );
  });
});
