import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createAnswerGutter } from "./answer-gutter.ts";
import { columnsOf, graphemesOf } from "./columns.ts";
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

  it.each([
    ["Polish", "Zażółć gęślą jaźń i pchnij w tę łódź jeża", "  Zażółć gęślą jaźń i pchnij\n  w tę łódź jeża\n"],
    ["Greek", "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία", "  Ξεσκεπάζω την ψυχοφθόρα\n  βδελυγμία\n"],
    ["Cyrillic", "Съешь же ещё этих мягких французских булок", "  Съешь же ещё этих мягких\n  французских булок\n"],
    ["Hebrew", "דג סקרן שט בים מאוכזב ולפתע מצא חברה", "  דג סקרן שט בים מאוכזב ולפתע\n  מצא חברה\n"],
    ["Arabic", "نص حكيم له سر قاطع وذو شأن عظيم", "  نص حكيم له سر قاطع وذو شأن\n  عظيم\n"],
    ["Hindi", "ऋषियों को सताने वाले दुष्ट राक्षसों", "  ऋषियों को सताने वाले दुष्ट\n  राक्षसों\n"],
    ["Chinese", "天地玄黃宇宙洪荒日月盈昃辰宿列張寒來暑往", "  天地玄黃宇宙洪荒日月盈昃辰\n  宿列張寒來暑往\n"],
    ["Japanese", "いろはにほへと ちりぬるを わかよたれそ", "  いろはにほへと ちりぬるを\n  わかよたれそ\n"],
    ["Thai", "เป็นมนุษย์สุดประเสริฐเลิศคุณค่ากว่าบรรดา", "  เป็นมนุษย์สุดประเสริฐเลิศคุณค่ากว่า\n  บรรดา\n"],
    ["accents that combine", "e\u0301".repeat(27), `  ${"e\u0301".repeat(27)}\n`],
    ["emoji with a style", "☂️☂️☂️", "  ☂️☂️☂️\n"],
  ])("%s is broken between words, and nowhere else", (_language, text, shown) => {
    for (const pieces of [[text], [...text]]) expect(show(pieces).replaceAll(/ +$/gm, "")).toBe(shown);
  });

  it("never breaks within what a reader sees as one character, however it comes", () => {
    const family = "👩‍👩‍👧‍👦";
    for (const pieces of [[family.repeat(9)], [...family.repeat(9)]]) {
      for (const line of show(pieces).trimEnd().split("\n")) expect(line).toMatch(/^ {2}(?:👩‍👩‍👧‍👦)+$/u);
    }
  });

  it("follows the window's width", () => {
    let written = "";
    const plain = (text: string) => text;
    const style = { bold: plain, dim: plain, good: plain, bad: plain, warn: plain };
    const terminal = { ...style, line: () => undefined, write: (text: string) => void (written += text), interactive: true, width: 60 };
    const gutter = createAnswerGutter(terminal);
    gutter.write("one two three four five six seven\n");
    terminal.width = 24;
    gutter.write("one two three four five six seven\n");
    expect(written).toBe("  one two three four five six seven\n  one two three four \n  five six seven\n");
  });

  it("property: no line begins in the first column or is wider than the terminal, however the text is split", () => {
    const text = fc.array(fc.oneof(fc.constantFrom("\n", "\t", " ", "✓ verified", "中文", "😀", "é"), fc.string({ unit: "grapheme" })));
    fc.assert(
      fc.property(text, (pieces) => {
        const whole = show(pieces);
        expect(whole).toBe(show([...pieces.join("")]));
        for (const line of whole.split("\n")) {
          if (line !== "") expect(line).toMatch(/^ {2}/);
          // One character may be wider than a line by itself: many joined ones.
          if (graphemesOf(line.slice(2)).length > 1) expect(columnsOf(line)).toBeLessThanOrEqual(30);
        }
        const letters = (shown: string) => shown.replaceAll(/\s/g, "");
        expect(letters(whole)).toBe(letters(pieces.join("")));
      }),
    );
  });
});
