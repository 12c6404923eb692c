import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemoryStore } from "./memory-store.ts";
import { createRollbackMemory, openRollbackMemory, rollbackKey, type RollbackNumbers } from "./rollback-memory.ts";
import { fakeCollateral } from "../testing/fake-collateral.ts";

describe("rollback memory", () => {
  it("remembers the highest number, in any order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.bigInt({ min: 0n, max: 2n ** 160n }), { minLength: 1 }), async (numbers) => {
        const memory = createRollbackMemory();
        for (const number of numbers) await memory.note({ qe: number.toString() });
        const highest = numbers.reduce((a, b) => (a > b ? a : b));
        expect(memory.remembered("qe")).toBe(highest);
      }),
    );
  });

  it("knows nothing of other keys, and compares numbers as numbers", async () => {
    const { note, remembered } = createRollbackMemory({ [rollbackKey.tcbInfo("90C06F000000")]: "9" });
    await note({ [rollbackKey.tcbInfo("90c06f000000")]: "10", [rollbackKey.crl("Intel SGX Root CA")]: "1" });
    expect(remembered("tcb:90c06f000000")).toBe(10n);
    expect(remembered("crl:Intel SGX Root CA")).toBe(1n);
    expect(remembered("qe")).toBeUndefined();
    expect(remembered("toString")).toBeUndefined();
  });

  it("refuses what is not a number, whole", async () => {
    const memory = createRollbackMemory();
    for (const bad of ["", "-1", "01", "1e3", "0x10", " 1", "9".repeat(50)]) {
      await expect(memory.note({ qe: "5", other: bad })).rejects.toThrow(RangeError);
      expect(memory.remembered("qe")).toBeUndefined();
    }
  });

  it("keeps numbers in a store, and learns what others have put there", async () => {
    let kept: RollbackNumbers = { qe: "17" };
    const raised: RollbackNumbers[] = [];
    const store = {
      load: async () => kept,
      raise: async (numbers: RollbackNumbers) => {
        raised.push(numbers);
        kept = { ...kept, ...numbers, "crl:other": "3" };
      },
    };
    const memory = await openRollbackMemory(store);
    expect(memory.remembered("qe")).toBe(17n);
    await memory.note({ qe: "16", "tcb:90c06f000000": "18" });
    expect(raised).toEqual([{ "tcb:90c06f000000": "18" }]);
    expect(memory.remembered("qe")).toBe(17n);
    expect(memory.remembered("crl:other")).toBe(3n);
    await memory.note({ qe: "17" });
    expect(raised).toHaveLength(1);
  });

  it("counts at once even where the store fails, and does not open on an unreadable one", async () => {
    const broken = async (): Promise<never> => {
      throw new Error("disk");
    };
    const memory = await openRollbackMemory({ load: async () => ({}), raise: broken });
    await expect(memory.note({ qe: "18" })).rejects.toThrow("disk");
    expect(memory.remembered("qe")).toBe(18n);
    await expect(openRollbackMemory({ load: broken, raise: broken })).rejects.toThrow("disk");
  });
});

describe("memory store", () => {
  it("lets the entry used longest ago go", async () => {
    const store = createMemoryStore(2);
    const value = { collateral: fakeCollateral({ issuedMs: 0 }), fetchedMs: 0 };
    await store.put("a", value);
    await store.put("b", value);
    await store.get("a");
    await store.put("c", value);
    expect(await Promise.all(["a", "b", "c"].map(async (key) => (await store.get(key)) !== undefined))).toEqual([true, false, true]);
  });
});
