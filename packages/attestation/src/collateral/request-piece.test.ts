import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { orAborted } from "./request-piece.ts";

describe("orAborted", () => {
  it("ends every operation under a signal, and puts one listener on it however many they are", async () => {
    const stop = new AbortController();
    const never = new Promise<never>(() => {});
    const waiting = Array.from({ length: 50 }, () => orAborted(never, stop.signal));
    expect(getEventListeners(stop.signal, "abort")).toHaveLength(1);
    const settled = Promise.allSettled(waiting);
    stop.abort(new Error("enough"));
    for (const outcome of await settled) expect(outcome).toMatchObject({ status: "rejected", reason: { message: "enough" } });
    await expect(orAborted(never, stop.signal)).rejects.toThrow("enough");
  });

  it("gives what was there before the signal, and forgets who is done", async () => {
    const stop = new AbortController();
    await expect(orAborted(Promise.resolve(1), stop.signal)).resolves.toBe(1);
    const waiting = orAborted(new Promise<never>(() => {}), stop.signal);
    stop.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
  });
});
