import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePolicy, PolicyError } from "./policy.ts";

const register = "Ab".repeat(48);
const build = {
  name: "a",
  source: "release",
  date: "2026-01-31",
  mrtd: register,
  rtmr0: register,
  rtmr1: register,
  rtmr2: register,
  compose_hash: "Cd".repeat(32),
};

describe("parsePolicy", () => {
  it("reads a policy and writes hex in lower case", () => {
    const policy = parsePolicy({
      version: 1,
      provider: "x",
      builds: [{ ...build, rtmr3: register, expires: "2027-01-31T12:00:00Z" }],
      allow: { debug: true },
    });
    expect(policy.builds[0]).toMatchObject({ name: "a", mrtd: "ab".repeat(48), rtmr3: "ab".repeat(48), compose_hash: "cd".repeat(32) });
    expect(policy.allow.debug).toBe(true);
    expect(policy.measurements).toBeUndefined();
  });

  it("takes the strict side for what is left out", () => {
    expect(parsePolicy({ version: 1 })).toEqual({
      version: 1,
      builds: [],
      tcb: { accept: ["UpToDate"], refuse_advisories: [] },
      allow: { debug: false, sept_ve_disable_off: false, service_td: false },
      require: [],
    });
  });

  for (const [field, json] of [
    ["(whole)", null],
    ["(whole)", []],
    ["version", {}],
    ["version", { version: 2 }],
    ["biulds", { version: 1, biulds: [] }],
    ["measurements", { version: 1, measurements: "none" }],
    ["measurements", { version: 1, measurements: "any", builds: [build] }],
    ["provider", { version: 1, provider: 1 }],
    ["builds", { version: 1, builds: {} }],
    ["builds", { version: 1, builds: Array.from({ length: 257 }, () => build) }],
    ["builds[0]", { version: 1, builds: ["a"] }],
    ["builds[1].name", { version: 1, builds: [build, { ...build, name: "" }] }],
    ["builds[0].mrtd", { version: 1, builds: [{ ...build, mrtd: register.slice(2) }] }],
    ["builds[0].rtmr1", { version: 1, builds: [{ ...build, rtmr1: `x${register.slice(1)}` }] }],
    ["builds[0].compose_hash", { version: 1, builds: [{ ...build, compose_hash: undefined }] }],
    ["builds[0].date", { version: 1, builds: [{ ...build, date: "2026-02-30" }] }],
    ["builds[0].expires", { version: 1, builds: [{ ...build, expires: "tomorrow" }] }],
    ["builds[0].rtmr4", { version: 1, builds: [{ ...build, rtmr4: register }] }],
    ["allow.debug", { version: 1, allow: { debug: "yes" } }],
    ["allow.everything", { version: 1, allow: { everything: true } }],
  ] as const) {
    it(`names ${field} in ${JSON.stringify(json)?.slice(0, 60)}`, () => {
      const read = () => parsePolicy(json);
      expect(read).toThrow(PolicyError);
      expect(read).toThrow(`policy: ${field}: `);
    });
  }

  it("throws nothing but PolicyError", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          fc.record({ version: fc.constant(1), builds: fc.array(fc.record({ name: fc.jsonValue(), mrtd: fc.jsonValue() })) }),
        ),
        (json) => {
          try {
            parsePolicy(json);
          } catch (error) {
            expect(error).toBeInstanceOf(PolicyError);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
