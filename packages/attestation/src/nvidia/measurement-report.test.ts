import { concatBytes, parseHex, toHex } from "@bauta/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bounded } from "../../../../tests/support/bounded.ts";
import { noVectors, readJsonVector, readVector } from "../../../../tests/support/vectors.ts";
import { FWID, HOPPER_OPAQUE, writeReport } from "../testing/minted-gpus.ts";
import { GpuEvidenceError } from "./gpu-evidence-error.ts";
import { MAX_REPORT_BYTES, parseMeasurementReport } from "./measurement-report.ts";
import { readDecoderStatus, readFwid, readGpuPdis, readMode, readOwnPdi, readSwitchPdis } from "./opaque-data.ts";

const nonce = new Uint8Array(32).fill(9);
const value = new Uint8Array(48).fill(1);
const signature = new Uint8Array(96).fill(3);
const report = concatBytes(
  writeReport({
    nonce,
    blocks: [
      { index: 1, value },
      { index: 64, value },
    ],
  }),
  signature,
);
const BLOCK = 45;
const BLOCK_BYTES = 55;
const OPAQUE_LENGTH = BLOCK + 2 * BLOCK_BYTES + 32;

function changed(at: number, ...bytes: readonly number[]): Uint8Array {
  const copy = Uint8Array.from(report);
  copy.set(bytes, at);
  return copy;
}

const parse = (bytes: Uint8Array) => () => parseMeasurementReport(bytes);

describe("parseMeasurementReport", () => {
  it("reads nonce, measurements, opaque fields, and what is signed", () => {
    const read = parseMeasurementReport(report);
    expect(toHex(read.nonce)).toBe(toHex(nonce));
    expect(read.blocks.map(({ index, type }) => [index, type])).toEqual([
      [1, 1],
      [64, 1],
    ]);
    expect(read.blocks[1]?.value).toEqual(value);
    expect([...read.opaque.keys()]).toEqual(HOPPER_OPAQUE.map(([type]) => type));
    expect(read.signedBytes).toEqual(report.slice(0, -96));
    expect(read.signature).toEqual(signature);
  });

  it("refuses every shorter report, and a longer one", () => {
    for (let length = 0; length < report.length; length++) expect(parse(report.subarray(0, length)), `${length}`).toThrow(GpuEvidenceError);
    expect(parse(concatBytes(report, Uint8Array.of(0)))).toThrow("1 bytes are left over");
  });

  it.each([
    ["another version", changed(0, 0x12), "at byte 0 the request's version"],
    ["another request", changed(1, 0xe1), "at byte 0 the request's version"],
    ["a request without a signature", changed(2, 0), "at byte 0 the request's version"],
    ["a request for some measurements", changed(3, 1), "at byte 0 the request's version"],
    ["a slot that does not exist", changed(36, 8), "certificate slot 8"],
    ["another response", changed(38, 0x61), "at byte 37 the response's version"],
    ["another version of the response", changed(37, 0x10), "at byte 37 the response's version"],
    ["another slot in the response", changed(40, 1), "different certificate slots"],
    ["fewer measurements than are there", changed(41, 1), "55 bytes are left over"],
    ["more measurements than are there", changed(41, 3), "1 bytes belong, and 0 are left"],
    ["a longer record", changed(42, 0xff, 0xff, 0xff), "16777215 bytes belong"],
    ["a shorter record", changed(42, 10), "bytes belong, and"],
    ["index 0", changed(BLOCK, 0), "measurement 0 twice, or an index of 0"],
    ["an index twice", changed(BLOCK + BLOCK_BYTES, 1), "measurement 1 twice"],
    ["another specification", changed(BLOCK + 1, 2), "the specification of measurement 1"],
    ["two sizes", changed(BLOCK + 2, 50), "measurement 1 has two sizes"],
    ["a longer value", changed(BLOCK + 2, 0xff, 0xff, 1, 0xfc, 0xff), "65532 bytes belong"],
    ["opaque data that is longer", changed(OPAQUE_LENGTH, 0xff, 0xff), "65535 bytes belong"],
    ["an opaque field twice", changed(OPAQUE_LENGTH + 2 + 12, 3), "opaque field 3 twice"],
    ["too many bytes", new Uint8Array(MAX_REPORT_BYTES + 1), `more than ${MAX_REPORT_BYTES} bytes`],
  ])("refuses %s", (_, bytes, problem) => {
    expect(parse(bytes)).toThrow(GpuEvidenceError);
    expect(parse(bytes)).toThrow(problem);
  });

  it("throws nothing but its own error", () => {
    const flipped = fc.tuple(fc.nat(report.length - 1), fc.nat(255)).map(([at, byte]) => changed(at, byte));
    fc.assert(
      fc.property(fc.oneof(flipped, fc.uint8Array({ maxLength: 400 })), (bytes) => {
        try {
          const { opaque } = parseMeasurementReport(bytes);
          readMode(opaque);
          readSwitchPdis(opaque);
          readGpuPdis(opaque);
          readFwid(opaque);
        } catch (error) {
          expect(error).toBeInstanceOf(GpuEvidenceError);
        }
      }),
    );
  });

  it("is done with a report of empty measurements and fields in no time", async () => {
    const blocks = Array.from({ length: 255 }, (_, index) => ({ index: index + 1, value: new Uint8Array() }));
    const opaque = Array.from({ length: 3000 }, (_, type) => [type, new Uint8Array()] as const);
    const report = concatBytes(writeReport({ nonce, blocks, opaque }), signature);
    await bounded(() => expect(parse(report)).toThrow("more than 64 opaque fields"));
  });
});

describe("opaque data", () => {
  const fields = (...list: readonly (readonly [number, readonly number[]])[]) =>
    new Map(list.map(([type, bytes]) => [type, Uint8Array.from(bytes)]));

  it("tells the mode by the feature flag, and without one by whether PCIe is protected", () => {
    const modes = [
      fields([36, [0, 0]]),
      fields([36, [1, 0]], [21, [0xaa]]),
      fields([36, [2, 0]], [21, [0x55]]),
      fields([36, [3, 0]], [21, [0xaa]]),
      fields([36, [2, 1]]),
      fields([36, []]),
      fields([21, [0xaa]]),
      fields([21, [0x55]]),
      fields([21, [0]]),
      fields(),
    ].map(readMode);
    expect(modes).toEqual(["MPT", "SPT", "PPCIE", undefined, undefined, undefined, "PPCIE", "SPT", undefined, undefined]);
  });

  it("takes an empty firmware identity for none, and refuses one of another length", () => {
    expect(readFwid(fields([20, []]))).toBeUndefined();
    expect(() => readFwid(fields([20, [1, 2]]))).toThrow("a firmware identity of 2 bytes");
    expect(readFwid(new Map([[20, FWID]]))).toEqual(FWID);
  });

  it("writes identifiers in one order, and leaves unused places out", () => {
    const [forward, backward] = [
      [1, 2, 3, 4, 5, 6, 7, 8],
      [8, 7, 6, 5, 4, 3, 2, 1],
    ];
    expect(readSwitchPdis(fields([22, [...backward, ...backward]]))).toEqual(new Set(["0102030405060708"]));
    expect(readOwnPdi(fields([22, forward]))).toBe("0102030405060708");
    expect(readOwnPdi(fields([22, [...forward, ...forward]]))).toBeUndefined();
    const joined = [...forward, ...Array.from({ length: 56 }, () => 255), ...backward];
    expect(readGpuPdis(fields([26, joined]))).toEqual(new Set(["0102030405060708"]));
    expect([readSwitchPdis(fields()), readGpuPdis(fields())]).toEqual([new Set(), new Set()]);
  });
});

describe.skipIf(noVectors)("a recorded report", () => {
  it("reads as NVIDIA's own parser reads it", () => {
    const text = new TextDecoder().decode(readVector("nvidia/evidence/sdk_unit_hopper_580.159.03.report.hex")).trim();
    const { blocks, opaque, signature: signed } = parseMeasurementReport(parseHex(text, 8192) ?? new Uint8Array());
    const expected = readJsonVector("nvidia/evidence/sdk_unit_hopper.spdm_parsed.json") as {
      Signature: string;
      MeasurementRecord: { MeasurementBlocks: Record<string, { DMTFSpecMeasurementValue: string }> };
      OpaqueData: { OpaqueDataField: Record<string, string> };
    };
    expect(Object.fromEntries(blocks.map(({ index, value: measured }) => [String(index), `0x${toHex(measured)}`]))).toEqual(
      Object.fromEntries(
        Object.entries(expected.MeasurementRecord.MeasurementBlocks).map(([index, { DMTFSpecMeasurementValue }]) => [
          index,
          DMTFSpecMeasurementValue,
        ]),
      ),
    );
    expect(`0x${toHex(signed)}`).toBe(expected.Signature);
    expect(`0x${toHex(readFwid(opaque) ?? new Uint8Array())}`).toBe(expected.OpaqueData.OpaqueDataField["OPAQUE_FIELD_ID_FWID"]);
    expect([readDecoderStatus(opaque), readMode(opaque)]).toEqual([0x55, "MPT"]);
  });
});
