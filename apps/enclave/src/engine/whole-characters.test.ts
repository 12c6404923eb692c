import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createWholeCharacters, createWholePairs } from "./whole-characters.ts";

const decodeBytes = (tokens: readonly (readonly number[])[]): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(tokens.flat()));

/** Feeds byte strings as tokens and returns every piece. */
function assemble(tokens: readonly (readonly number[])[]): string[] {
  const characters = createWholeCharacters<readonly number[]>(decodeBytes);
  return [...tokens.map((token) => characters.push(token)), characters.end()];
}

describe("whole characters from tokens", () => {
  it("holds a character back until its last byte", () => {
    expect(assemble([[0x61], [0xf0], [0x9f], [0x98], [0x80], [0x62]])).toEqual(["a", "", "", "", "😀", "b", ""]);
  });

  it("gives out what is certain before an unfinished character", () => {
    expect(assemble([[0x61, 0xe2], [0x82], [0xac, 0x62]])).toEqual(["a", "", "€b", ""]);
  });

  it("turns bytes that never become a character into one replacement each", () => {
    expect(assemble([[0xff], [0xfe], [0x61]]).join("")).toBe("\ufffd\ufffda");
    expect(assemble([[0xe2], [0x82]]).join("")).toBe("\ufffd");
  });

  it("keeps little while no character comes", () => {
    let longest = 0;
    const characters = createWholeCharacters<number>((tokens) => {
      longest = Math.max(longest, tokens.length);
      return decodeBytes([tokens]);
    });
    let text = "";
    for (let i = 0; i < 1000; i++) text += characters.push(0xff);
    text += characters.end();
    expect(text).toBe("\ufffd".repeat(1000));
    expect(longest).toBeLessThan(20);
  });

  it("says the same as decoding all bytes at once, and never ends a piece inside a character", () => {
    const byte = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0xf0, 0x9f, 0x98, 0x80, 0xe2, 0x82, 0xac));
    const token = fc.array(byte, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(token, { maxLength: 60 }), (tokens) => {
        expect(assemble(tokens).join("")).toBe(decodeBytes(tokens));
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 30 }), (text) => {
        const pieces = assemble([...new TextEncoder().encode(text)].map((one) => [one]));
        expect(pieces.join("")).toBe(text.replace(/\p{Surrogate}/gu, "\ufffd"));
        for (const piece of pieces) expect(/\p{Surrogate}/u.test(piece)).toBe(false);
      }),
    );
  });
});

describe("whole surrogate pairs", () => {
  it("joins halves that come apart", () => {
    const pairs = createWholePairs();
    expect([pairs.push("a\ud83d"), pairs.push("\ude00b"), pairs.end()]).toEqual(["a", "😀b", ""]);
  });

  it("replaces a half that stays alone", () => {
    const pairs = createWholePairs();
    expect([pairs.push("\ude00a\ud83d"), pairs.push("b\ud83d"), pairs.end()]).toEqual(["\ufffda", "\ufffdb", "\ufffd"]);
  });
});
