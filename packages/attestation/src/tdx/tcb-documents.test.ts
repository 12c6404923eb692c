import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CollateralShapeError, MAX_COLLATERAL_CHARACTERS } from "./json-shape.ts";
import { parseQeIdentity } from "./qe-identity.ts";
import { parseTcbInfo } from "./tcb-info.ts";

type Members = Record<string, unknown>;

const ZERO = "0".repeat(96);
const components = (...svns: readonly number[]) => Array.from({ length: 16 }, (_, index) => ({ svn: svns[index] ?? 0 }));
const signer = { mrsigner: ZERO, attributes: "0".repeat(16), attributesMask: "F".repeat(16) };
const verdict = (tcbStatus = "UpToDate") => ({ tcbDate: "2026-01-01T00:00:00Z", tcbStatus });
const level = (sgx: readonly number[], pcesvn: number, tdx: readonly number[], status?: string) => ({
  tcb: { sgxtcbcomponents: components(...sgx), pcesvn, tdxtcbcomponents: components(...tdx) },
  ...verdict(status),
});
const dates = { issueDate: "2026-01-01T00:00:00Z", nextUpdate: "2026-02-01T00:00:00Z", tcbEvaluationDataNumber: 17 };
const tcbInfo: Members = {
  id: "TDX",
  version: 3,
  ...dates,
  fmspc: "90C06F000000",
  pceId: "0000",
  tcbType: 0,
  tdxModule: signer,
  tdxModuleIdentities: [
    { id: "TDX_01", ...signer, tcbLevels: [2, 6, 4].map((isvsvn) => ({ tcb: { isvsvn }, ...verdict(), advisoryIDs: ["INTEL-SA-01036"] })) },
  ],
  tcbLevels: [level([2], 11, [5]), level([3], 5, [5]), level([2], 13, [4]), level([2], 13, [5])],
};
const qeIdentity: Members = {
  id: "TD_QE",
  version: 2,
  ...dates,
  miscselect: "00000000",
  miscselectMask: "FFFFFFFF",
  attributes: "11000000000000000000000000000000",
  attributesMask: "FBFFFFFFFFFFFFFF0000000000000000",
  mrsigner: "DC9E2A7C6F948F17474E34A7FC43ED030F7C1563F1BABDDF6340C82E0E54A8C5",
  isvprodid: 2,
  tcbLevels: [{ tcb: { isvsvn: 4 }, ...verdict() }],
};

describe("parseTcbInfo", () => {
  const parse = (changes: Members = {}) => parseTcbInfo(JSON.stringify({ ...tcbInfo, ...changes }));

  it("reads dates, number and platform", () => {
    expect(parse()).toMatchObject({
      fromMs: Date.parse("2026-01-01T00:00:00Z"),
      untilMs: Date.parse("2026-02-01T00:00:00Z"),
      number: 17n,
      fmspc: "90c06f000000",
      pceId: "0000",
    });
  });

  it("sorts levels by SGX components, then PCESVN, then TDX components, and modules' by security version", () => {
    const { levels, modules } = parse();
    expect(levels.map(({ sgx, pceSvn, tdx }) => [sgx[0], pceSvn, tdx[0]])).toEqual([
      [3, 5, 5],
      [2, 13, 5],
      [2, 13, 4],
      [2, 11, 5],
    ]);
    expect(modules[0]?.levels.map(({ isvSvn }) => isvSvn)).toEqual([6, 4, 2]);
    expect(modules[0]?.levels[0]?.advisories).toEqual(["INTEL-SA-01036"]);
  });

  it("takes members that it does not know, and TCB info without module identities", () => {
    expect(parse({ somethingNew: [1, { svn: "x" }] }).levels).toHaveLength(4);
    const { tdxModuleIdentities: _, ...old } = tcbInfo;
    expect(parseTcbInfo(JSON.stringify(old)).modules).toEqual([]);
  });

  const withTcb = (change: Members) => ({ tcbLevels: [{ ...level([], 0, []), tcb: { ...level([], 0, []).tcb, ...change } }] });
  for (const [what, changes] of [
    ["of SGX", { id: "SGX" }],
    ["of another version", { version: 2 }],
    ["of another type", { tcbType: 1 }],
    ["without a type", { tcbType: undefined }],
    ["without dates", { issueDate: undefined }],
    ["with a date that does not exist", { nextUpdate: "2026-02-30T00:00:00Z" }],
    ["with a date of another form", { nextUpdate: "2026-02-01" }],
    ["with a number that is none", { tcbEvaluationDataNumber: "17" }],
    ["with a negative number", { tcbEvaluationDataNumber: -1 }],
    ["with a fraction for a number", { tcbEvaluationDataNumber: 1.5 }],
    ["with a number too large", { tcbEvaluationDataNumber: 2 ** 53 }],
    ["with an FMSPC cut short", { fmspc: "90C06F" }],
    ["with an FMSPC that is not hex", { fmspc: "90C06F00000g" }],
    ["without a PCEID", { pceId: undefined }],
    ["without the module's signer", { tdxModule: null }],
    ["with a signer cut short", { tdxModule: { ...signer, mrsigner: "00" } }],
    ["with a mask of another length", { tdxModule: { ...signer, attributesMask: "FF" } }],
    ["with a module twice", { tdxModuleIdentities: [1, 2].map(() => ({ id: "TDX_01", ...signer, tcbLevels: [] })) }],
    ["with module identities that are no list", { tdxModuleIdentities: {} }],
    ["with levels that are no list", { tcbLevels: "UpToDate" }],
    ["with more levels than are read", { tcbLevels: Array.from({ length: 257 }, () => level([], 0, [])) }],
    ["with a level that is no object", { tcbLevels: [[]] }],
    ["with 15 SGX components", withTcb({ sgxtcbcomponents: components().slice(1) })],
    ["with 17 TDX components", withTcb({ tdxtcbcomponents: [...components(), { svn: 0 }] })],
    ["without TDX components", withTcb({ tdxtcbcomponents: undefined })],
    ["with an SVN beyond a byte", withTcb({ sgxtcbcomponents: components(256) })],
    ["with a PCESVN beyond two bytes", withTcb({ pcesvn: 65536 })],
    ["with a level without a date", { tcbLevels: [{ ...level([], 0, []), tcbDate: undefined }] }],
    ["with a status that is no text", { tcbLevels: [{ ...level([], 0, []), tcbStatus: 1 }] }],
    ["with advisories that are no list", { tcbLevels: [{ ...level([], 0, []), advisoryIDs: "INTEL-SA-00837" }] }],
    ["with an advisory that is no text", { tcbLevels: [{ ...level([], 0, []), advisoryIDs: [837] }] }],
    ["with an advisory that would break a line", { tcbLevels: [{ ...level([], 0, []), advisoryIDs: ["INTEL\n✓"] }] }],
  ] as const) {
    it(`refuses TCB info ${what}`, () => {
      expect(() => parse(changes)).toThrow(CollateralShapeError);
    });
  }
});

describe("parseQeIdentity", () => {
  const parse = (changes: Members = {}) => parseQeIdentity(JSON.stringify({ ...qeIdentity, ...changes }));

  it("reads what a quoting enclave is compared with", () => {
    expect(parse()).toMatchObject({
      number: 17n,
      miscSelectMask: "ffffffff",
      attributesMask: "fbffffffffffffff0000000000000000",
      mrSigner: "dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5",
      isvProdId: 2,
      levels: [{ isvSvn: 4, status: "UpToDate", advisories: [] }],
    });
  });

  for (const [what, changes] of [
    ["of another enclave", { id: "QE" }],
    ["of version 1", { version: 1 }],
    ["without a signer", { mrsigner: undefined }],
    ["with a signer cut short", { mrsigner: "DC9E" }],
    ["with attributes cut short", { attributes: "11" }],
    ["without MISCSELECT", { miscselect: undefined }],
    ["with a mask that is not hex", { miscselectMask: "FFFFFFFG" }],
    ["with a product number beyond two bytes", { isvprodid: 65536 }],
    ["with a level without a security version", { tcbLevels: [{ tcb: {}, ...verdict() }] }],
    ["without levels", { tcbLevels: undefined }],
  ] as const) {
    it(`refuses an identity ${what}`, () => {
      expect(() => parse(changes)).toThrow(CollateralShapeError);
    });
  }
});

describe.each([
  ["parseTcbInfo", parseTcbInfo, tcbInfo],
  ["parseQeIdentity", parseQeIdentity, qeIdentity],
] as const)("%s", (_name, parse, sound) => {
  it.each([
    ["an empty text", ""],
    ["a text that is no JSON", "{"],
    ["a list", "[]"],
    ["null", "null"],
    ["a text too long", `{"a":"${" ".repeat(MAX_COLLATERAL_CHARACTERS)}"}`],
    ["a text nested without end", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
    ["a member twice", JSON.stringify(sound).replace("{", '{"version":9,')],
    ["a member twice, and a text that reads as a name once decoded", JSON.stringify(sound).replace("{", '{"version":9,"x":"\\u0022:",')],
    ["a member twice, with space", JSON.stringify(sound).replace("{", '{ "version" : 9 , ')],
  ])("refuses %s", (_what, text) => {
    expect(() => parse(text)).toThrow(CollateralShapeError);
  });

  it("reads a text with white space in it: only a signature can say which characters are right", () => {
    expect(parse(JSON.stringify(sound, undefined, 2))).toEqual(parse(JSON.stringify(sound)));
  });

  it("throws nothing but its own error", () => {
    const text = JSON.stringify(sound);
    const damaged = fc
      .tuple(fc.nat(text.length), fc.nat(20), fc.oneof(fc.string({ maxLength: 8 }), fc.json()))
      .map(([start, removed, inserted]) => text.slice(0, start) + inserted + text.slice(start + removed));
    const replaced = fc
      .tuple(fc.constantFrom(...Object.keys(sound)), fc.jsonValue())
      .map(([member, value]) => JSON.stringify({ ...sound, [member]: value }));
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), damaged, replaced), (input) => {
        try {
          parse(input);
        } catch (error) {
          expect(error).toBeInstanceOf(CollateralShapeError);
        }
      }),
      { numRuns: 1500 },
    );
  });
});
