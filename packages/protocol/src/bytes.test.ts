import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, equalBytes, parseBase64, toBase64, toBase64Url, u32be, utf8 } from "./bytes.ts";
import { addressOf, parseClientKey, parseModelKey } from "./public-key.ts";
import { createReportData } from "./report-data.ts";
import { parseHex, toHex } from "./hex.ts";

const anyBytes = fc.uint8Array({ maxLength: 100 });

describe("bytes", () => {
  it("joins, and compares by value and length", () => {
    expect(concatBytes()).toEqual(new Uint8Array(0));
    expect(concatBytes(Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3))).toEqual(Uint8Array.of(1, 2, 3));
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
    expect(equalBytes(Uint8Array.of(0, 2), Uint8Array.of(1, 2))).toBe(false);
    expect(equalBytes(Uint8Array.of(1), Uint8Array.of(1, 2))).toBe(false);
    expect(equalBytes(new Uint8Array(0), new Uint8Array(0))).toBe(true);
  });

  it("writes 32-bit numbers big-endian", () => {
    expect(u32be(0x01020304)).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(u32be(0xffffffff)).toEqual(new Uint8Array(4).fill(0xff));
  });

  it("base64 and base64url: round trip, agreement with the platform, padding optional", () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
        expect(toBase64Url(bytes)).toBe(Buffer.from(bytes).toString("base64url"));
        for (const text of [toBase64(bytes), toBase64Url(bytes)]) expect(parseBase64(text, 100)).toEqual(Uint8Array.from(bytes));
      }),
    );
    const large = new Uint8Array(100_000).fill(0xfb);
    expect(parseBase64(toBase64(large), large.length)).toEqual(large);
  });

  it("base64: refuses other characters, bad lengths, and more than the limit", () => {
    for (const text of ["a", "aaaaa", "aa=a", "a===", "aa aa", "aaaa\n", "é", "{}"]) expect(parseBase64(text, 100), text).toBeUndefined();
    expect(parseBase64(toBase64(new Uint8Array(10)), 10)).toHaveLength(10);
    expect(parseBase64(toBase64(new Uint8Array(11)), 10)).toBeUndefined();
    expect(parseBase64("A".repeat(1_000_000), 10)).toBeUndefined();
    fc.assert(fc.property(fc.string(), (text) => void parseBase64(text, 100)));
  });

  it("hex: round trip, agreement with the platform", () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        expect(toHex(bytes)).toBe(Buffer.from(bytes).toString("hex"));
        expect(parseHex(toHex(bytes), 100)).toEqual(Uint8Array.from(bytes));
      }),
    );
  });

  it("property: only hex is read as hex", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("0", "9", "a", "F", "g", "/", ":", "`", "@", "G", "\u0130", "\uff10", " "), maxLength: 8 }),
        (text) => {
          expect(parseHex(text, 100) !== undefined).toBe(/^(?:[0-9a-fA-F]{2})*$/.test(text));
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe("keys and REPORTDATA from bytes of the wrong size", () => {
  it("throws", () => {
    const key = concatBytes(Uint8Array.of(4), new Uint8Array(64));
    expect(addressOf(key)).toHaveLength(20);
    for (const bad of [
      key.subarray(1),
      concatBytes(key, Uint8Array.of(0)),
      concatBytes(Uint8Array.of(6), new Uint8Array(64)),
      new Uint8Array(0),
    ]) {
      expect(() => addressOf(bad)).toThrow(RangeError);
    }
    expect(() => createReportData(new Uint8Array(19), new Uint8Array(32))).toThrow(RangeError);
    expect(() => createReportData(new Uint8Array(20), new Uint8Array(31))).toThrow(RangeError);
  });

  it("property: keys as text give 65 bytes that begin with 04, or undefined", () => {
    const digits = fc.string({ unit: fc.constantFrom(..."0123456789abcdefABCDEF"), minLength: 126, maxLength: 132 });
    const text = fc.oneof(
      digits,
      digits.map((hex) => `04${hex.slice(2)}`),
      digits.map((hex) => `0x${hex}`),
      fc.string(),
    );
    fc.assert(
      fc.property(text, (one) => {
        for (const key of [parseModelKey(one), parseClientKey(one)]) {
          if (key) expect([key.length, key[0]]).toEqual([65, 4]);
        }
        if (parseClientKey(one)) expect(parseModelKey(one)).toEqual(parseClientKey(one));
      }),
      { numRuns: 500 },
    );
  });

  it("texts are UTF-8", () => {
    expect(utf8("é🎭")).toEqual(Uint8Array.of(0xc3, 0xa9, 0xf0, 0x9f, 0x8e, 0xad));
  });
});
