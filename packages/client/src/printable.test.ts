import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { printable, printableJson, printableLine } from "./index.ts";

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => String.fromCodePoint(from + i));

/** What acts on a terminal, ends a line or turns text around. */
const ACTING: readonly (readonly [name: string, characters: readonly string[]])[] = [
  ["C0 but tab and line feed", range(0, 0x1f).filter((character) => character !== "\t" && character !== "\n")],
  ["DEL and C1", range(0x7f, 0x9f)],
  ["marks of direction", ["\u061c", "\u200e", "\u200f"]],
  ["line and paragraph separators", ["\u2028", "\u2029"]],
  ["embeddings and overrides", range(0x202a, 0x202e)],
  ["isolates", range(0x2066, 0x2069)],
  ["deprecated format characters", range(0x206a, 0x206f)],
  ["interlinear annotations", range(0xfff9, 0xfffb)],
];

describe("printable", () => {
  const REPLACED = ACTING.filter(([name]) => name !== "marks of direction");

  it.each(REPLACED)("replaces %s", (_name, characters) => {
    for (const character of characters) expect(printable(`a${character}b`)).toBe("a\ufffdb");
  });

  it("keeps what people write, its lines and its tabs", () => {
    const text = "\u200fשלום\u200f (\u200eabc\u200e) \u061cمرحبا a\tb\n\nçöß — 仮面 नमस्ते שלום مرحبا می‌خواهم 👩‍👩‍👧‍👦 ☂️ \u00a0\u00ad";
    expect(printable(text)).toBe(text);
  });

  it("leaves nothing that acts in any text, and its length as it was", () => {
    const acting = new Set(REPLACED.flatMap(([, characters]) => characters));
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(...acting), fc.string({ unit: "binary", maxLength: 3 }))), (parts) => {
        const text = parts.join("");
        const shown = printable(text);
        expect(shown.length).toBe(text.length);
        expect(Array.from(shown).filter((character) => acting.has(character))).toEqual([]);
      }),
    );
  });
});

describe("printableLine", () => {
  it.each(ACTING)("is one line without %s", (_name, characters) => {
    for (const character of [...characters, "\n", "\t"]) expect(printableLine(`a${character}b`, 9)).toBe("a b");
  });

  it("keeps no character that could act on a terminal or a log, and no more than asked", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 1, max: 50 }), (text, max) => {
        const shown = printableLine(text, max);
        expect(shown.length).toBeLessThanOrEqual(max);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  it("cuts between characters", () => {
    expect(printableLine("☂🎭🎭🎭", 5)).toBe("☂🎭…");
    expect(printableLine("☂🎭🎭🎭", 4)).toBe("☂🎭…");
    expect(printableLine("☂🎭🎭🎭", 3)).toBe("☂…");
  });

  it("has a limit of its own", () => expect(printableLine("x".repeat(5000)).length).toBe(1000));
});

describe("printableJson", () => {
  it.each(ACTING)("escapes %s, in values and in names", (_name, characters) => {
    for (const character of characters) {
      const value = { [`a${character}`]: [`b${character}`] };
      const text = printableJson(value);
      expect(text).not.toContain(character);
      expect(JSON.parse(text)).toEqual(value);
    }
  });

  it("says the same as JSON does, in printable characters, of any value and with any indent", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), fc.constantFrom(undefined, 2), (value, indent) => {
        const text = printableJson(value, indent);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(text).toBe(printable(text));
      }),
    );
  });

  it("writes bytes as hex", () => {
    expect(printableJson({ key: Uint8Array.of(1, 255) })).toBe('{"key":"01ff"}');
  });
});
