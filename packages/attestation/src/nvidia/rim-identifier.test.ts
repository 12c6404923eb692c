import { describe, expect, it } from "vitest";
import { isAbout, readDeviceVersions, rimIds } from "./rim-identifier.ts";

const text = (value: string, padding = 1) => new Uint8Array(Buffer.from(value + "\0".repeat(padding)));
const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));
const HOPPER = new Map([
  [3, text("535.86.09")],
  [6, bytes("005e009601000000")],
  [15, text("882", 6)],
  [17, text("1010")],
  [18, text("0200")],
]);
const BLACKWELL = new Map([
  ...HOPPER,
  [3, text("575.32")],
  [6, bytes("008800970f000000")],
  [17, text("G525")],
  [18, text("0220")],
  [15, text("886")],
]);

describe("rimIds", () => {
  it("names a Hopper's manifests", () => {
    expect(rimIds(readDeviceVersions(HOPPER, "hopper"))).toEqual({
      driver: "NV_GPU_DRIVER_GH100_535.86.09",
      vbios: "NV_GPU_VBIOS_1010_0200_882_96005E0001",
    });
  });

  it("names a Blackwell's, by its chip where it tells", () => {
    expect(rimIds(readDeviceVersions(BLACKWELL, "blackwell"))).toEqual({
      driver: "NV_GPU_CC_DRIVER_GB100_575.32",
      vbios: "NV_GPU_VBIOS_G525_0220_886_970088000F",
    });
    expect(rimIds(readDeviceVersions(new Map([...BLACKWELL, [35, text("GB202", 3)]]), "blackwell")).driver).toBe(
      "NV_GPU_CC_DRIVER_GB202_575.32",
    );
    expect(rimIds(readDeviceVersions(new Map([...HOPPER, [35, text("GB202")]]), "hopper")).driver).toBe("NV_GPU_DRIVER_GH100_535.86.09");
  });

  it("names a switch's, which has no driver", () => {
    expect(rimIds(readDeviceVersions(new Map([[6, text("96.10.55.00.01", 0)]]), "switch"))).toEqual({
      vbios: "NV_SWITCH_BIOS_5612_0002_890_9610550001",
    });
  });

  for (const [what, field, value] of [
    ["no driver", 3, undefined],
    ["an empty driver", 3, text("")],
    ["a driver that leads elsewhere", 3, text("../../etc")],
    ["a driver with an address in it", 3, text("1?x=/y")],
    ["a driver without end", 3, text("1".repeat(33))],
    ["a driver with a zero inside", 3, text("1\x002")],
  ] as const) {
    it(`names no driver for ${what}`, () => {
      const opaque = new Map([...HOPPER].filter(([number]) => number !== field));
      if (value) opaque.set(field, value);
      const ids = rimIds(readDeviceVersions(opaque, "hopper"));
      expect(ids).toEqual({ vbios: "NV_GPU_VBIOS_1010_0200_882_96005E0001" });
    });
  }

  it("names no VBIOS without all that its name is made of", () => {
    for (const field of [6, 15, 17, 18]) {
      const opaque = new Map([...HOPPER].filter(([number]) => number !== field));
      expect(rimIds(readDeviceVersions(opaque, "hopper"))).toEqual({ driver: "NV_GPU_DRIVER_GH100_535.86.09" });
    }
    for (const malformed of ["005e0096010000", "005e009601000001", "", "96.00.5E"])
      expect(readDeviceVersions(new Map([...HOPPER, [6, bytes(malformed)]]), "hopper").vbios).toBeUndefined();
  });
});

describe("isAbout", () => {
  const device = readDeviceVersions(HOPPER, "hopper");
  const driver = { kind: "driver", version: "535.86.09", product: "GH100", edition: "GPU" } as const;
  const vbios = { ...driver, kind: "vbios", version: "96.00.5E.00.01" } as const;

  it("goes by kind, version, chip family and edition", () => {
    expect(isAbout(driver, "driver", device)).toBe(true);
    expect(isAbout(vbios, "vbios", device)).toBe(true);
    expect(isAbout(driver, "vbios", device)).toBe(false);
    expect(isAbout({ ...driver, version: "535.86.10" }, "driver", device)).toBe(false);
    expect(isAbout({ ...driver, product: "GB100" }, "driver", device)).toBe(false);
    expect(isAbout({ ...driver, edition: "SWITCH" }, "driver", device)).toBe(false);
    expect(isAbout(vbios, "vbios", { architecture: "hopper", chip: "GH100" })).toBe(false);
  });
});
