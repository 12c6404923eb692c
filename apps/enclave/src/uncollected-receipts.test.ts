import { describe, expect, it } from "vitest";
import { createUncollectedReceipts } from "./uncollected-receipts.ts";

const LONG_MS = 3_600_000;

describe("uncollected receipts", () => {
  it("waits for the last of them", async () => {
    const receipts = createUncollectedReceipts(LONG_MS);
    for (const id of ["a", "b"]) {
      receipts.signed(id);
      receipts.ended(id);
    }
    let over = false;
    const waited = receipts.wait(LONG_MS).then(() => (over = true));
    receipts.collected("a");
    await new Promise(setImmediate);
    expect(over).toBe(false);
    receipts.collected("b");
    await waited;
  });

  it("waits for none that was fetched, at its answer's end or before, nor for an answer without one", async () => {
    const receipts = createUncollectedReceipts(LONG_MS);
    receipts.signed("early");
    receipts.collected("early");
    receipts.ended("early");
    receipts.signed("late");
    receipts.ended("late");
    receipts.collected("late");
    receipts.ended("failed");
    await receipts.wait(LONG_MS);
  });

  it("waits no longer than the time after an answer's end, or the time it is given", async () => {
    const receipts = createUncollectedReceipts(20);
    receipts.signed("a");
    receipts.ended("a");
    await receipts.wait(LONG_MS);
    const patient = createUncollectedReceipts(LONG_MS);
    patient.signed("a");
    patient.ended("a");
    await patient.wait(20);
    await patient.wait(-5);
  });
});
