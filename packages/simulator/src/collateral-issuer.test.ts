import { appraise, parseCollateral, parsePolicy } from "@bauta/attestation";
import { describe, expect, it } from "vitest";
import { createSimulator } from "./simulator.ts";
import { attest, DAY_MS, NOW_MS } from "./testing/minted.ts";

const nextUpdate = (tcbInfo: string | undefined): number => Date.parse((JSON.parse(tcbInfo ?? "") as { nextUpdate: string }).nextUpdate);

describe("a simulator that runs for long", () => {
  it("hands out collateral that is current a hundred days later, and stays accepted", async () => {
    let nowMs = NOW_MS;
    const simulator = createSimulator({ nowMs, now: () => nowMs });
    for (const days of [0, 1, 29, 31, 100]) {
      nowMs = NOW_MS + days * DAY_MS + 5_000;
      const { tcb_info: tcbInfo } = await simulator.endorsements();
      expect(nextUpdate(tcbInfo)).toBeGreaterThanOrEqual(nowMs + 29 * DAY_MS);
      const result = await appraise({
        ...(await attest(simulator)),
        policy: parsePolicy(simulator.policy("x")),
        nowMs,
        trustRoots: [simulator.rootDer],
      });
      expect(result.ok).toBe(true);
    }
  });

  it("issues anew once a day, not with every answer, and also after its clock was set back", async () => {
    let nowMs = NOW_MS;
    const simulator = createSimulator({ nowMs, now: () => nowMs });
    const first = simulator.collateral;
    nowMs += DAY_MS - 1;
    expect(simulator.collateral).toBe(first);
    nowMs += 1;
    const second = simulator.collateral;
    expect(second.tcb_info).not.toBe(first.tcb_info);
    expect(await simulator.endorsements()).toEqual(second);
    nowMs = NOW_MS - 10 * DAY_MS;
    expect(nextUpdate(simulator.collateral.tcb_info)).toBe(nowMs + 30 * DAY_MS);
  });

  it("keeps one issue without a clock", async () => {
    const simulator = createSimulator({ nowMs: NOW_MS });
    expect(await simulator.endorsements()).toEqual(simulator.collateral);
    expect(parseCollateral(await simulator.endorsements())).toEqual(simulator.collateral);
    expect(simulator.issueCollateral(NOW_MS + 50 * DAY_MS).tcb_info).not.toBe(simulator.collateral.tcb_info);
  });
});
