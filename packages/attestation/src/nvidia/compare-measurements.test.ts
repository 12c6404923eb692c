import { describe, expect, it } from "vitest";
import { compareMeasurements } from "./compare-measurements.ts";
import type { Rim } from "./rim-measurements.ts";

const hex = (byte: number) => byte.toString(16).padStart(2, "0").repeat(48);
/** The report's blocks count from 1. */
const block = (index: number, byte: number) => ({ index: index + 1, value: new Uint8Array(48).fill(byte) });
const rim = (kind: Rim["kind"], ...entries: readonly (readonly [index: number, active: boolean, ...values: readonly number[]])[]): Rim => ({
  kind,
  version: "1.0",
  product: "GH100",
  edition: "GPU",
  measurements: new Map(entries.map(([index, active, ...values]) => [index, { active, values: values.map(hex) }])),
});

describe("compareMeasurements", () => {
  it("passes any alternative of what is active, and looks at nothing else", () => {
    const result = compareMeasurements({ blocks: [block(0, 1), block(1, 2), block(2, 9), block(3, 9)] }, [
      rim("driver", [0, true, 1], [2, false, 7]),
      rim("vbios", [1, true, 5, 2], [0, false, 7]),
    ]);
    expect(result).toEqual({ mismatches: [], conflicts: [], compared: [0, 1], skipped: [] });
  });

  it("names each mismatch by its index, with the manifest that it is against", () => {
    const { mismatches, compared } = compareMeasurements({ blocks: [block(0, 1), block(9, 3)] }, [
      rim("driver", [12, true, 6]),
      rim("vbios", [9, true, 4, 5], [0, true, 1]),
    ]);
    expect(compared).toEqual([0, 9, 12]);
    expect(mismatches).toEqual([
      { index: 9, manifest: "vbios", measured: hex(3), expected: [hex(4), hex(5)] },
      { index: 12, manifest: "driver", expected: [hex(6)] },
    ]);
  });

  it("takes no value at the block's own index for one less", () => {
    const { mismatches } = compareMeasurements({ blocks: [{ index: 5, value: new Uint8Array(48).fill(1) }] }, [
      rim("driver", [5, true, 1]),
    ]);
    expect(mismatches).toHaveLength(1);
  });

  it("takes no part of a value, and no block that is there twice", () => {
    const reference = [rim("driver", [0, true, 1])];
    expect(compareMeasurements({ blocks: [{ index: 1, value: new Uint8Array(47).fill(1) }] }, reference).mismatches).toHaveLength(1);
    expect(compareMeasurements({ blocks: [{ index: 1, value: new Uint8Array(0) }] }, reference).mismatches).toHaveLength(1);
    expect(compareMeasurements({ blocks: [block(0, 1), block(0, 1)] }, reference).mismatches).toHaveLength(1);
  });

  it("leaves out the decoder's firmware only while the decoder is off", () => {
    const reference = [rim("driver", [35, true, 1], [36, true, 2])];
    const blocks = [block(35, 9), block(36, 2)];
    expect(compareMeasurements({ blocks, decoderStatus: 0x55 }, reference)).toMatchObject({
      mismatches: [],
      compared: [36],
      skipped: [35],
    });
    for (const decoderStatus of [0xaa, 0, undefined])
      expect(compareMeasurements({ blocks, decoderStatus }, reference).mismatches).toMatchObject([{ index: 35 }]);
  });

  it("finds what both manifests claim, whether they agree or not", () => {
    const { conflicts, mismatches } = compareMeasurements({ blocks: [block(3, 1)] }, [
      rim("driver", [3, true, 1]),
      rim("vbios", [3, true, 1]),
    ]);
    expect(conflicts).toEqual([3]);
    expect(mismatches).toEqual([]);
  });
});
