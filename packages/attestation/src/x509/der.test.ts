import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DerError,
  DerReader,
  MAX_DER_BYTES,
  parseBoolean,
  parseEcdsaSignature,
  parseMagnitude,
  parseOid,
  parseTime,
  parseUnsigned,
  TAG,
} from "./der.ts";

const bytes = (hex: string): Uint8Array<ArrayBuffer> => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const read = (hex: string) => new DerReader(bytes(hex)).readAny("element");
const time = (tag: number, text: string) => parseTime({ tag, der: bytes(""), body: Uint8Array.from(text, (char) => char.charCodeAt(0)) });

describe("DerReader", () => {
  it("reads short and long lengths", () => {
    expect(read("0401ff").body).toEqual(bytes("ff"));
    expect(read(`048180${"00".repeat(128)}`).body).toHaveLength(128);
    expect(read(`04820100${"00".repeat(256)}`).body).toHaveLength(256);
  });

  for (const [what, hex] of [
    ["a length beyond the end", "0402ff"],
    ["an element without a length", "04"],
    ["a length cut short", "048201"],
    ["an indefinite length", "30800000"],
    ["a length of four bytes", "048400000001ff"],
    ["a long form where the short one fits", "048101ff"],
    ["a leading zero in the length", `04820080${"00".repeat(128)}`],
    ["a tag of several bytes", "1f8101ff"],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => read(hex)).toThrow(DerError);
    });
  }

  it("refuses the wrong tag, a missing element and left-over bytes", () => {
    expect(() => new DerReader(bytes("0401ff")).read(TAG.sequence, "x")).toThrow("x has tag 04 instead of 30");
    expect(() => new DerReader(bytes("")).read(TAG.sequence, "x")).toThrow("x is missing");
    expect(() => new DerReader(bytes("00")).end("x")).toThrow("1 bytes that do not belong");
  });

  it("refuses more than it reads", () => {
    expect(() => new DerReader(new Uint8Array(MAX_DER_BYTES + 1))).toThrow(DerError);
  });

  it("throws nothing but DerError", () => {
    const parsers = [
      (body: Uint8Array<ArrayBuffer>) => new DerReader(body).readAny("x"),
      parseOid,
      parseUnsigned,
      parseMagnitude,
      parseBoolean,
      (body: Uint8Array<ArrayBuffer>) => parseTime({ tag: TAG.utcTime, der: body, body }),
      (body: Uint8Array<ArrayBuffer>) => parseEcdsaSignature(body, 32),
    ];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(parsers.length - 1), (input, index) => {
        try {
          parsers[index]?.(Uint8Array.from(input));
        } catch (error) {
          expect(error).toBeInstanceOf(DerError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("DER values", () => {
  it("reads object identifiers", () => {
    expect(parseOid(bytes("2a8648ce3d030107"))).toBe("1.2.840.10045.3.1.7");
    expect(parseOid(bytes("2a864886f84d010d01"))).toBe("1.2.840.113741.1.13.1");
    expect(parseOid(bytes("883703"))).toBe("2.999.3");
    for (const hex of ["", "80", "2a80", "2a8001", "2a86", `2a${"ff".repeat(8)}7f`]) expect(() => parseOid(bytes(hex))).toThrow(DerError);
  });

  it("reads integers only in their one form", () => {
    expect(parseUnsigned(bytes("00"))).toBe(0);
    expect(parseUnsigned(bytes("0080"))).toBe(128);
    expect(parseUnsigned(bytes("00ffffffff"))).toBe(0xffff_ffff);
    for (const hex of ["", "80", "0001", "0100000000"]) expect(() => parseUnsigned(bytes(hex))).toThrow(DerError);
  });

  it("reads booleans only as 00 and ff", () => {
    expect(parseBoolean(bytes("ff"))).toBe(true);
    for (const hex of ["", "01", "ffff"]) expect(() => parseBoolean(bytes(hex))).toThrow(DerError);
  });

  it("reads times, with the century of RFC 5280", () => {
    expect(time(TAG.utcTime, "180521104510Z")).toBe(Date.parse("2018-05-21T10:45:10Z"));
    expect(time(TAG.utcTime, "491231235959Z")).toBe(Date.parse("2049-12-31T23:59:59Z"));
    expect(time(TAG.utcTime, "500101000000Z")).toBe(Date.parse("1950-01-01T00:00:00Z"));
    expect(time(TAG.generalizedTime, "20500101000000Z")).toBe(Date.parse("2050-01-01T00:00:00Z"));
  });

  for (const text of [
    "1805211045Z",
    "180521104510",
    "180521104510+0100",
    "181321104510Z",
    "180230104510Z",
    "180521244510Z",
    "180521106010Z",
    "180521104560Z",
  ]) {
    it(`refuses the time ${text}`, () => {
      expect(() => time(TAG.utcTime, text)).toThrow(DerError);
    });
  }

  it("reads signatures into r ‖ s and refuses everything that is not one", () => {
    const signature = parseEcdsaSignature(bytes("3007020101020200ff"), 32);
    expect(signature[31]).toBe(1);
    expect(signature[63]).toBe(0xff);
    for (const hex of [
      "3003020101",
      "300602010102010100",
      "30060201ff020101",
      "3007020200010201ff",
      `3026020101022101${"00".repeat(32)}`,
      "300902010102010102017f",
    ]) {
      expect(() => parseEcdsaSignature(bytes(hex), 32)).toThrow(DerError);
    }
  });
});
