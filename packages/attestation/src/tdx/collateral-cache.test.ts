import { describe, expect, it } from "vitest";
import { createCollateralCache } from "./collateral-cache.ts";

const holds = { faults: [] };
const fails = { faults: ["no"] };

describe("createCollateralCache", () => {
  it("runs what holds once, also for callers that come together", async () => {
    const cache = createCollateralCache();
    let runs = 0;
    const verify = async () => (runs++, { ...holds, value: runs });
    const [first, second] = await Promise.all([cache.remember("a", verify), cache.remember("a", verify)]);
    expect(second).toBe(first);
    expect(await cache.remember("a", verify)).toBe(first);
    expect(runs).toBe(1);
  });

  it("forgets what does not hold, and what throws", async () => {
    const cache = createCollateralCache();
    expect(await cache.remember("a", async () => fails)).toBe(fails);
    expect(await cache.remember("a", async () => holds)).toBe(holds);
    const broken = cache.remember("b", async () => {
      throw new TypeError("broken");
    });
    await expect(broken).rejects.toThrow("broken");
    expect(await cache.remember("b", async () => holds)).toBe(holds);
  });

  it("forgets what was used longest ago", async () => {
    const cache = createCollateralCache(2);
    const again = { faults: [] };
    await cache.remember("a", async () => holds);
    await cache.remember("b", async () => holds);
    await cache.remember("a", async () => again);
    await cache.remember("c", async () => holds);
    expect(await cache.remember("a", async () => again)).toBe(holds);
    expect(await cache.remember("b", async () => again)).toBe(again);
  });
});
