import type { SignedReceipt } from "@bauta/protocol";
import { describe, expect, it } from "vitest";
import { createReceiptStore } from "./receipt-store.ts";

const signed = (model: string): SignedReceipt => ({
  text: "",
  signature: "",
  receiptSignature: "",
  receipt: { model } as SignedReceipt["receipt"],
});

describe("receipt store", () => {
  it("keeps the newest within its number", () => {
    const store = createReceiptStore({ nowMs: () => 0, maxEntries: 2 });
    for (const id of ["a", "b", "c"]) store.put(id, signed("m"));
    expect(["a", "b", "c"].map((id) => store.get(id, "m") !== undefined)).toEqual([false, true, true]);
    expect(store.size).toBe(2);
  });

  it("forgets what is too old", () => {
    let nowMs = 0;
    const store = createReceiptStore({ nowMs: () => nowMs, maxAgeMs: 100 });
    store.put("a", signed("m"));
    nowMs = 60;
    store.put("b", signed("m"));
    nowMs = 100;
    expect(store.get("a", "m")).toBeDefined();
    nowMs = 101;
    expect(store.get("a", "m")).toBeUndefined();
    expect(store.get("b", "m")).toBeDefined();
    expect(store.size).toBe(1);
  });

  it("gives a receipt out for its own model only", () => {
    const store = createReceiptStore({ nowMs: () => 0 });
    store.put("a", signed("m"));
    expect(store.get("a", "other")).toBeUndefined();
  });
});
