import { describe, expect, it } from "vitest";
import { nearestBuild, verifyMeasurements } from "./measurements.ts";
import { parsePolicy } from "./policy.ts";

const NOW_MS = Date.parse("2026-05-01T00:00:00Z");
const hex = (pair: string, bytes = 48) => pair.repeat(bytes);
const measured = { mrtd: hex("a0"), rtmr0: hex("a1"), rtmr1: hex("a2"), rtmr2: hex("a3"), rtmr3: hex("a4") };
const { rtmr3: _, ...pinned } = measured;
const composeHash = hex("c0", 32);
const build = { name: "b", source: "test", date: "2026-04-01", ...pinned, compose_hash: composeHash };
const { compose_hash: __, ...bare } = build;
const policyOf = (...builds: object[]) => parsePolicy({ version: 1, builds });

describe("nearestBuild", () => {
  const choose = (builds: object[], contents = {}) => nearestBuild(measured, composeHash, policyOf(...builds), NOW_MS, contents)?.name;

  it("is undefined without builds", () => {
    expect(choose([])).toBeUndefined();
  });

  it("prefers fewer differences, then a valid build, then the first", () => {
    const other = { ...build, name: "other", mrtd: hex("00") };
    expect(choose([other, build])).toBe("b");
    expect(choose([{ ...build, name: "ended", expires: "2026-04-30" }, build])).toBe("b");
    expect(choose([{ ...build, name: "ended", expires: "2026-04-30" }, other])).toBe("ended");
    expect(choose([build, { ...build, name: "again" }])).toBe("b");
  });

  it("counts a compose hash only where a build names one", () => {
    const byImages = { ...bare, name: "images", images: [hex("11", 32)] };
    expect(choose([{ ...build, name: "other", compose_hash: hex("00", 32) }, byImages])).toBe("images");
    expect(choose([byImages, build], { imageDigests: [hex("22", 32)] })).toBe("b");
    expect(choose([{ ...byImages, name: "first", images: [hex("22", 32)] }, byImages], { imageDigests: [hex("11", 32)] })).toBe("images");
  });

  it("tells builds apart by OS image and key provider, where they are known", () => {
    const first = { ...build, name: "first", os_image_hash: hex("01", 32), key_provider: "kms:01" };
    const second = { ...build, name: "second", os_image_hash: hex("02", 32), key_provider: "kms:02" };
    expect(choose([first, second])).toBe("first");
    expect(choose([first, second], { osImageHash: hex("02", 32) })).toBe("second");
    expect(choose([first, second], { keyProvider: "kms:02" })).toBe("second");
    expect(choose([first, { ...second, key_provider: "tpm" }], { keyProvider: "tpm:aa" })).toBe("second");
  });
});

describe("verifyMeasurements", () => {
  const check = (...builds: object[]) => {
    const policy = policyOf(...builds);
    return verifyMeasurements(measured, policy.builds[0], policy, NOW_MS);
  };

  it("compares each register, and says which build named what", () => {
    expect(check(build).map(({ id, status }) => [id, status])).toEqual([
      ["measure.mrtd", "pass"],
      ["measure.rtmr0", "pass"],
      ["measure.rtmr1", "pass"],
      ["measure.rtmr2", "pass"],
      ["measure.rtmr3", "not-checked"],
    ]);
    expect(check(build)[4]?.reason).toBe('build "b" names no RTMR3: it holds runtime events, which eventlog.replay judges');
    expect(check({ ...build, rtmr3: hex("00") })[4]).toMatchObject({
      status: "fail",
      detail: { expected: hex("00"), actual: measured.rtmr3 },
    });
  });

  it("fails every register of a build that has ended", () => {
    const findings = check({ ...build, expires: "2026-05-01T00:00:00Z" });
    expect(findings.map(({ status }) => status)).toEqual(["fail", "fail", "fail", "fail", "not-checked"]);
    expect(findings[0]?.reason).toContain("only until 2026-05-01T00:00:00Z");
  });

  it("checks nothing without a build, and says what that means", () => {
    expect(new Set(check().map(({ status }) => status))).toEqual(new Set(["not-checked"]));
    expect(check()[0]?.reason).toContain("any TDX machine would pass");
    const any = parsePolicy({ version: 1, measurements: "any" });
    expect(verifyMeasurements(measured, undefined, any, NOW_MS)[0]?.reason).toContain("UNPINNED");
  });
});
