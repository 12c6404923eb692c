import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CHECK_IDS } from "../result.ts";
import { parsePolicy, PolicyError } from "./policy.ts";
import { ACCEPTED, BEYOND_SCHEMA, build, REFUSED, register } from "./policy-cases.test.ts";

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

  it("reads what is asked of GPUs and of the protocol", () => {
    expect(parsePolicy({ version: 1, protocol: 2, gpu: { count: 8, archs: ["HOPPER"], allow_hold: true } })).toMatchObject({
      protocol: 2,
      gpu: { count: 8, archs: ["HOPPER"], allow_hold: true },
    });
    expect(parsePolicy({ version: 1, gpu: { count: 1 } }).gpu).toEqual({ count: 1, allow_hold: false });
    expect(parsePolicy({ version: 1 })).not.toHaveProperty("protocol");
  });

  it("takes the strict side for what is left out", () => {
    expect(parsePolicy({ version: 1 })).toEqual({
      version: 1,
      builds: [],
      tcb: { accept: ["UpToDate"], refuse_advisories: [] },
      gpu: { allow_hold: false },
      allow: { debug: false, sept_ve_disable_off: false, service_td: false, unpinned_images: false },
      require: [],
    });
  });

  it.each(ACCEPTED.map((json) => [JSON.stringify(json).slice(0, 70), json]))(
    "accepts %s, and reads what it read as the same",
    (_, json) => {
      const policy = parsePolicy(json);
      expect(parsePolicy(policy)).toEqual(policy);
      expect(JSON.parse(JSON.stringify(policy))).toEqual(policy);
    },
  );

  it.each([...REFUSED, ...BEYOND_SCHEMA].map(([field, json]) => [field, JSON.stringify(json).slice(0, 70), json]))(
    "names %s in %s",
    (field, _, json) => {
      const read = () => parsePolicy(json);
      expect(read).toThrow(PolicyError);
      expect(read).toThrow(`policy: ${field}: `);
    },
  );

  it.each([
    ["a misspelt member", { version: 1, biulds: [] }, "did you mean builds?"],
    ["a misspelt status", { version: 1, tcb: { accept: ["OutofDate"] } }, "did you mean OutOfDate?"],
    ["a misspelt check", { version: 1, require: ["key.exclusiv"] }, "did you mean key.exclusive?"],
    ["an architecture in lower case", { version: 1, gpu: { archs: ["hopper"] } }, "did you mean HOPPER?"],
    ["an architecture that nobody knows", { version: 1, gpu: { archs: ["AMPERE-100"] } }, "known are HOPPER, BLACKWELL"],
    ["no architectures", { version: 1, gpu: { archs: [] } }, "leave it out instead"],
    ["a version to come", { version: 1, protocol: 3 }, "a whole number from 1 to 2"],
    ["a revoked platform", { version: 1, tcb: { accept: ["Revoked"] } }, "withdrawn"],
    ["a check that nothing proves", { version: 1, require: ["gpu.bound-to-cpu"] }, "no vendor offers a proof"],
    ["the server's word", { version: 1, require: ["server.claim"] }, "decides nothing"],
    ["a digest with its algorithm", { version: 1, builds: [{ ...build, compose_hash: `sha256:${"00".repeat(32)}` }] }, "without sha256:"],
    [
      "nothing like a member",
      { version: 1, colour: "green" },
      "known are version, provider, protocol, measurements, builds, tcb, gpu, allow, require",
    ],
  ])("says what to do about %s", (_, json, words) => {
    expect(() => parsePolicy(json)).toThrow(words);
  });

  it("may require every check that an enclave can pass", () => {
    const unreachable = new Set(["gpu.bound-to-cpu", "server.claim", "receipt.signature", "receipt.hashes"]);
    const require = CHECK_IDS.filter((id) => !unreachable.has(id));
    expect(parsePolicy({ version: 1, require }).require).toEqual(require);
  });

  it("does not read what an object inherits", () => {
    expect(() => parsePolicy(Object.create({ version: 1 }))).toThrow("policy: version: ");
  });

  it("keeps errors short, whatever the value", () => {
    const long = "x".repeat(100_000);
    for (const json of [
      { [long]: 1 },
      { version: 1, require: [long] },
      { version: 1, tcb: { accept: [long] } },
      { version: 1, provider: long },
    ]) {
      let message = "";
      try {
        parsePolicy(json);
      } catch (error) {
        ({ message } = error as Error);
      }
      expect(message).toMatch(/^policy: /);
      expect(message.length).toBeLessThan(2000);
    }
  });

  it("throws nothing but PolicyError, and reads what it read as the same", () => {
    const changed = fc.constantFrom(...ACCEPTED).chain((json) =>
      fc
        .dictionary(
          fc.constantFrom("version", "provider", "measurements", "builds", "tcb", "gpu", "protocol", "allow", "require"),
          fc.jsonValue(),
          {
            maxKeys: 2,
          },
        )
        .map((change) => ({ ...(json as object), ...change })),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          fc.anything(),
          changed,
          fc.record({ version: fc.constant(1), builds: fc.array(fc.record({ name: fc.jsonValue(), mrtd: fc.jsonValue() })) }),
        ),
        (json) => {
          try {
            const policy = parsePolicy(json);
            expect(parsePolicy(policy)).toEqual(policy);
          } catch (error) {
            expect(error).toBeInstanceOf(PolicyError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
