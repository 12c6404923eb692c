import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DerError,
  parseEcdsaSignature,
  readElement,
  readMagnitude,
  readOid,
  readSequence,
  readTime,
  readTrue,
  readUnsigned,
  readWholeBits,
} from "./der.ts";

const bytes = (hex: string): Uint8Array<ArrayBuffer> => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const read = (hex: string) => readElement(bytes(hex));
const hexOf = (value: Uint8Array) => Buffer.from(value).toString("hex");
const time = (tag: number, text: string) => {
  const body = Uint8Array.from(text, (char) => char.charCodeAt(0));
  return readTime({ tag, der: body, body });
};
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;

describe("an element of DER", () => {
  it("has a short or a long length", () => {
    expect(read("0401ff")?.body).toEqual(bytes("ff"));
    expect(read(`048180${"00".repeat(128)}`)?.body).toHaveLength(128);
    expect(read(`04820100${"00".repeat(256)}`)?.body).toHaveLength(256);
  });

  for (const [what, hex] of [
    ["nothing at all", ""],
    ["a length beyond the end", "0402ff"],
    ["an element without a length", "04"],
    ["a length cut short", "048201"],
    ["an indefinite length", "30800000"],
    ["a length of four bytes", "048400000001ff"],
    ["a long form where the short one fits", "048101ff"],
    ["a leading zero in the length", `04820080${"00".repeat(128)}`],
    ["a length of three bytes where two would do", `04830000ff${"00".repeat(255)}`],
    ["a tag of several bytes", "1f8101ff"],
    ["a second element", "04000400"],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => read(hex)).toThrow(DerError);
    });
  }
});

describe("readSequence", () => {
  it("counts what is inside", () => {
    expect(readSequence(read("30060201010201ff"), 2)).toHaveLength(2);
    expect(readSequence(read("3000"), 0, 4)).toEqual([]);
    expect(readSequence(read("a003020101"), 1, 1, 0xa0)[0]?.tag).toBe(2);
  });

  it("refuses another tag, too few and too many elements, and names the byte", () => {
    expect(() => readSequence(read("0400"), 0)).toThrow("byte 0: tag 4 where 30 belongs");
    expect(() => readSequence(undefined, 0)).toThrow(DerError);
    expect(() => readSequence(read("3003020101"), 2)).toThrow("byte 5: 1 elements where 2 belong");
    expect(() => readSequence(read("3006020101020102"), 1)).toThrow("byte 5: more than 1 elements");
  });

  it("stops at the bound, however many elements there are", () => {
    const body = "0500".repeat(30_000);
    const bomb = readElement(bytes(`3082${(body.length / 2).toString(16).padStart(4, "0")}${body}`));
    expect(() => readSequence(bomb, 0, 3)).toThrow("more than 3 elements");
  });
});

describe("values of DER", () => {
  it("reads object identifiers as they are encoded", () => {
    expect(readOid(read("06082a8648ce3d030107"))).toBe("2a8648ce3d030107");
    expect(() => readOid(read("0400"))).toThrow(DerError);
  });

  it("reads integers only in their one form", () => {
    expect(readUnsigned(read("020100"))).toBe(0);
    expect(readUnsigned(read("02020080"))).toBe(128);
    expect(readUnsigned(read("020500ffffffff"))).toBe(0xffff_ffff);
    expect(readUnsigned(read("0a0101"), 0x0a)).toBe(1);
    expect(hexOf(readMagnitude(read(`022100${"ff".repeat(32)}`)))).toBe("ff".repeat(32));
    for (const hex of ["0200", "020180", "02020001", "02050100000000"]) expect(() => readUnsigned(read(hex))).toThrow(DerError);
    expect(() => readMagnitude(read(`0221${"01".repeat(33)}`))).toThrow(DerError);
  });

  it("reads a boolean that is true as ff, and refuses a written default", () => {
    expect(readTrue(read("0101ff"))).toBe(true);
    for (const hex of ["0100", "010100", "010101", "0102ffff", "0201ff"]) expect(() => readTrue(read(hex))).toThrow(DerError);
  });

  it("reads bit strings of whole bytes", () => {
    expect(readWholeBits(read("030200ff"))).toEqual(bytes("ff"));
    for (const hex of ["0300", "030201ff"]) expect(() => readWholeBits(read(hex))).toThrow(DerError);
  });

  it("reads times, with the century of RFC 5280", () => {
    expect(time(UTC_TIME, "180521104510Z")).toBe(Date.parse("2018-05-21T10:45:10Z"));
    expect(time(UTC_TIME, "491231235959Z")).toBe(Date.parse("2049-12-31T23:59:59Z"));
    expect(time(UTC_TIME, "500101000000Z")).toBe(Date.parse("1950-01-01T00:00:00Z"));
    expect(time(GENERALIZED_TIME, "20500101000000Z")).toBe(Date.parse("2050-01-01T00:00:00Z"));
  });

  for (const text of [
    "",
    "1805211045Z",
    "180521104510",
    "180521104510+0100",
    "181321104510Z",
    "180230104510Z",
    "180521244510Z",
    "180521106010Z",
    "180521104560Z",
    "180521104510Z0000000000",
    "18-05-21T10:45",
  ]) {
    it(`refuses the time ${text || "of no characters"}`, () => {
      expect(() => time(UTC_TIME, text)).toThrow(DerError);
      expect(() => time(GENERALIZED_TIME, `20${text}`)).toThrow(DerError);
    });
  }

  it("refuses a time under another tag", () => {
    expect(() => time(0x13, "20180521104510Z")).toThrow(DerError);
  });

  it("reads signatures into r ‖ s and refuses everything that is not one", () => {
    const signature = parseEcdsaSignature(bytes("3007020101020200ff"));
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
      expect(() => parseEcdsaSignature(bytes(hex))).toThrow(DerError);
    }
  });

  it("throws nothing but DerError", () => {
    const readers = [
      (input: Uint8Array<ArrayBuffer>) => readSequence(readElement(input), 0, 8),
      (input: Uint8Array<ArrayBuffer>) => readOid(readElement(input)),
      (input: Uint8Array<ArrayBuffer>) => readUnsigned(readElement(input)),
      (input: Uint8Array<ArrayBuffer>) => readMagnitude(readElement(input)),
      (input: Uint8Array<ArrayBuffer>) => readTrue(readElement(input)),
      (input: Uint8Array<ArrayBuffer>) => readWholeBits(readElement(input)),
      (body: Uint8Array<ArrayBuffer>) => readTime({ tag: UTC_TIME, der: body, body }),
      (input: Uint8Array<ArrayBuffer>) => parseEcdsaSignature(input),
    ];
    const shaped = fc
      .tuple(fc.constantFrom(0x01, 0x02, 0x03, 0x06, 0x30), fc.uint8Array({ maxLength: 80 }))
      .map(([tag, body]) => [tag, body.length, ...body]);
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), shaped), fc.nat(readers.length - 1), (input, index) => {
        try {
          readers[index]?.(Uint8Array.from(input));
        } catch (error) {
          expect(error).toBeInstanceOf(DerError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
