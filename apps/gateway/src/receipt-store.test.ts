import { describe, expect, it } from "vitest";
import { createMemoryReceiptStore } from "./receipt-store.ts";

const record = (owner: string, requestId: string, bytes?: number) => ({
  owner,
  requestId,
  model: "tee-a",
  enclave: "http://127.0.0.1:1",
  ...(bytes !== undefined && { body: new Uint8Array(bytes) }),
});

describe("receipts in memory", () => {
  it("belong to whoever made the request, even where ids collide", async () => {
    const store = createMemoryReceiptStore({ maxRecords: 10, maxBytes: 1e6 });
    await store.put(record("alice", "chatcmpl-1", 1));
    await store.put(record("bob", "chatcmpl-1", 2));
    expect((await store.get("alice", "chatcmpl-1"))?.body?.length).toBe(1);
    expect((await store.get("bob", "chatcmpl-1"))?.body?.length).toBe(2);
    expect(await store.get("mallory", "chatcmpl-1")).toBeUndefined();
  });

  it("forget the oldest beyond the number kept", async () => {
    const store = createMemoryReceiptStore({ maxRecords: 2, maxBytes: 1e6 });
    for (const id of ["1", "2", "3"]) await store.put(record("a", id));
    expect(await store.get("a", "1")).toBeUndefined();
    expect(await store.get("a", "2")).toBeDefined();
    expect(await store.get("a", "3")).toBeDefined();
  });

  it("forget the oldest beyond the bytes kept, counting a replaced record once", async () => {
    const store = createMemoryReceiptStore({ maxRecords: 100, maxBytes: 5000 });
    for (let i = 0; i < 50; i++) await store.put(record("a", "same", 1000));
    await store.put(record("a", "other", 1000));
    expect(await store.get("a", "same")).toBeDefined();
    await store.put(record("a", "large", 3000));
    expect(await store.get("a", "same")).toBeUndefined();
    expect(await store.get("a", "large")).toBeDefined();
  });
});
