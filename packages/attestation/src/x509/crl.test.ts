import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_CRL_BYTES, MAX_CRL_ENTRIES, parseCrl } from "./crl.ts";
import { DerError } from "./der.ts";

const element = (tag: number, ...contents: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(contents);
  const { length } = body;
  const lengths = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x83, length >> 16, (length >> 8) & 255, length & 255];
  if (lengths[0] === 0x83 && length < 0x1_0000) lengths.splice(0, 2, 0x82);
  return Buffer.concat([Buffer.of(tag, ...lengths), body]);
};
const sequence = (...contents: readonly Uint8Array[]) => element(0x30, ...contents);
const integer = (hex: string) => element(0x02, Buffer.from(hex, "hex"));
const oid = (hex: string) => element(0x06, Buffer.from(hex, "hex"));
const utc = (text: string) => element(0x17, Buffer.from(text));
const extension = (id: string, value: Uint8Array, critical = false) =>
  sequence(oid(id), ...(critical ? [element(0x01, Buffer.of(0xff))] : []), element(0x04, value));

const ALGORITHM = sequence(oid("2a8648ce3d040302"));
const NAME = sequence(element(0x31, sequence(oid("550403"), element(0x0c, Buffer.from("Intel SGX Root CA")))));
const NUMBER = extension("551d14", integer("07"));
const KEY_ID = extension("551d23", sequence(element(0x80, Buffer.alloc(20, 1))));
const REASON = extension("551d15", element(0x0a, Buffer.of(1)));
const entry = (serial: string, ...extensions: readonly Uint8Array[]) =>
  sequence(integer(serial), utc("260101000000Z"), ...(extensions.length > 0 ? [sequence(...extensions)] : []));

interface Parts {
  readonly version?: readonly Uint8Array[];
  readonly inner?: Uint8Array;
  readonly dates?: readonly Uint8Array[];
  readonly entries?: readonly Uint8Array[];
  readonly extensions?: readonly Uint8Array[] | undefined;
  readonly behind?: Uint8Array;
}

function listOf(parts: Parts = {}): Buffer {
  const { version = [integer("01")], inner = ALGORITHM, dates = [utc("260101000000Z"), utc("260201000000Z")], entries } = parts;
  const extensions = "extensions" in parts ? parts.extensions : [NUMBER, KEY_ID];
  const tbs = sequence(
    ...version,
    inner,
    NAME,
    ...dates,
    ...(entries ? [sequence(...entries)] : []),
    ...(extensions ? [element(0xa0, sequence(...extensions))] : []),
  );
  const signature = element(0x03, Buffer.of(0), sequence(integer("01"), integer("02")));
  return Buffer.concat([sequence(tbs, ALGORITHM, signature), parts.behind ?? Buffer.alloc(0)]);
}

describe("parseCrl", () => {
  it("reads a list without entries, as Intel's for its root always was", () => {
    const list = parseCrl(listOf());
    expect(list).toMatchObject({
      issuerName: "Intel SGX Root CA",
      thisUpdateMs: Date.parse("2026-01-01T00:00:00Z"),
      nextUpdateMs: Date.parse("2026-02-01T00:00:00Z"),
    });
    expect(list.revoked.size).toBe(0);
    expect(list.signature[31]).toBe(1);
  });

  it("reads entries in any order, with and without a reason", () => {
    const { revoked } = parseCrl(listOf({ entries: [entry("7f00", REASON), entry("01"), entry("00ff", REASON), entry("01")] }));
    expect([...revoked]).toEqual(["7f00", "01", "ff"]);
  });

  for (const [what, der] of [
    ["nothing", Buffer.alloc(0)],
    ["zeros", Buffer.alloc(64)],
    ["a byte behind it", listOf({ behind: Buffer.of(0) })],
    ["a list of version 1, without a version", listOf({ version: [] })],
    ["another version", listOf({ version: [integer("02")] })],
    ["another algorithm inside than outside", listOf({ inner: sequence(oid("2a8648ce3d040303")) })],
    ["a list without nextUpdate", listOf({ dates: [utc("260101000000Z")] })],
    ["a time that does not exist", listOf({ dates: [utc("260101000000Z"), utc("260230000000Z")] })],
    ["a list without extensions", listOf({ extensions: undefined })],
    ["a list without a number", listOf({ extensions: [KEY_ID] })],
    ["a number that is negative", listOf({ extensions: [extension("551d14", integer("ff"))] })],
    ["a number of 40 bytes", listOf({ extensions: [extension("551d14", integer("11".repeat(40)))] })],
    ["a number twice", listOf({ extensions: [NUMBER, NUMBER] })],
    ["an unknown critical extension", listOf({ extensions: [NUMBER, extension("551d24", Buffer.of(5, 0), true)] })],
    ["a delta list", listOf({ extensions: [NUMBER, extension("551d1b", integer("01"), true)] })],
    ["a delta list that is not marked critical", listOf({ extensions: [NUMBER, extension("551d1b", integer("01"))] })],
    ["a part of a list", listOf({ extensions: [NUMBER, extension("551d1c", sequence(), true)] })],
    ["a part of a list that is not marked critical", listOf({ extensions: [NUMBER, extension("551d1c", sequence())] })],
    ["an entry of another issuer's certificate", listOf({ entries: [entry("01", extension("551d1d", sequence(), true))] })],
    ["one that is not marked critical", listOf({ entries: [entry("01", extension("551d1d", sequence()))] })],
    ["an entry with an unknown critical extension", listOf({ entries: [entry("01", extension("551d24", Buffer.of(5, 0), true))] })],
    ["an entry without a date", listOf({ entries: [sequence(integer("01"))] })],
    ["an entry with a negative serial number", listOf({ entries: [entry("ff")] })],
    ["an entry with a padded serial number", listOf({ entries: [entry("0001")] })],
    ["more entries than are read", listOf({ entries: Array.from({ length: MAX_CRL_ENTRIES + 1 }, () => entry("01")) })],
    ["more bytes than are read", Buffer.alloc(MAX_CRL_BYTES + 1, 0x30)],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => parseCrl(der)).toThrow(DerError);
    });
  }

  it("knows extensions that are not critical", () => {
    expect(parseCrl(listOf({ extensions: [NUMBER, extension("551d24", Buffer.of(5, 0))] })).issuerName).toBe("Intel SGX Root CA");
    expect(
      parseCrl(listOf({ entries: [entry("01", REASON, extension("551d18", element(0x18, Buffer.from("20260101000000Z"))))] })).revoked.size,
    ).toBe(1);
  });

  it("takes time in proportion to its entries", () => {
    const serial = (index: number) => `01${index.toString(16).padStart(8, "0")}`;
    const full = listOf({ entries: Array.from({ length: MAX_CRL_ENTRIES }, (_, index) => entry(serial(index))) });
    const started = performance.now();
    expect(parseCrl(full).revoked.size).toBe(MAX_CRL_ENTRIES);
    // About 15 ms; the bound leaves room for a busy machine.
    expect(performance.now() - started).toBeLessThan(500);
  });

  it("refuses a list cut at any byte", () => {
    const list = listOf({ entries: [entry("01", REASON)] });
    for (let length = 0; length < list.length; length++) expect(() => parseCrl(list.subarray(0, length))).toThrow(DerError);
  });

  it("throws nothing but DerError, however a list is changed", () => {
    const list = listOf({ entries: [entry("01", REASON), entry("0200")] });
    const changes = fc.array(fc.tuple(fc.nat(list.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(changes, (bytes) => {
        const changed = Uint8Array.from(list);
        for (const [offset, value] of bytes) changed[offset] = value;
        try {
          parseCrl(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(DerError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
