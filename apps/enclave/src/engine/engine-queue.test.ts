import { describe, expect, it, vi } from "vitest";
import { EngineError, EngineSetupError } from "./engine.ts";
import { createEngineQueue } from "./engine-queue.ts";

const never = new AbortController().signal;

describe("engine queue", () => {
  it("runs as many as it has slots, then in order of arrival", async () => {
    const queue = createEngineQueue({ slots: 2, maxWaiting: 2 });
    const first = await queue.enter(never);
    await queue.enter(never);
    const order: string[] = [];
    const third = queue.enter(never).then((leave) => (order.push("third"), leave));
    const fourth = queue.enter(never).then((leave) => (order.push("fourth"), leave));
    expect([queue.running, queue.waiting]).toEqual([2, 2]);
    first();
    (await third)();
    await fourth;
    expect(order).toEqual(["third", "fourth"]);
    expect([queue.running, queue.waiting]).toEqual([2, 0]);
  });

  it("refuses beyond its waiting room, saying when to come back", async () => {
    const queue = createEngineQueue({ slots: 1, maxWaiting: 1, retryAfterSeconds: 7 });
    const leave = await queue.enter(never);
    const second = queue.enter(never);
    await expect(queue.enter(never)).rejects.toMatchObject({ code: "overloaded", retryAfterSeconds: 7 });
    // Nobody is left to wait beyond this test.
    leave();
    (await second)();
  });

  it("lets nobody wait for longer than its bound, and keeps the order of the others", async () => {
    vi.useFakeTimers();
    try {
      const queue = createEngineQueue({ slots: 1, maxWaiting: 2, maxWaitMs: 1000, retryAfterSeconds: 3 });
      const leave = await queue.enter(never);
      const early = expect(queue.enter(never)).rejects.toMatchObject({ code: "overloaded", retryAfterSeconds: 3 });
      await vi.advanceTimersByTimeAsync(500);
      const late = queue.enter(never);
      await vi.advanceTimersByTimeAsync(500);
      await early;
      expect([queue.running, queue.waiting]).toEqual([1, 1]);
      leave();
      (await late)();
      // Whoever was admitted is not called back.
      await vi.advanceTimersByTimeAsync(5000);
      expect([queue.running, queue.waiting]).toEqual([0, 0]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("lets an aborted waiter leave at once, and its place goes to the next", async () => {
    const queue = createEngineQueue({ slots: 1, maxWaiting: 2 });
    const leave = await queue.enter(never);
    const controller = new AbortController();
    const aborted = queue.enter(controller.signal);
    const next = queue.enter(never);
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: "aborted" });
    expect(queue.waiting).toBe(1);
    leave();
    await next;
    expect([queue.running, queue.waiting]).toEqual([1, 0]);
  });

  it("does not admit a request that is aborted already", async () => {
    const queue = createEngineQueue({ slots: 1, maxWaiting: 0 });
    await expect(queue.enter(AbortSignal.abort())).rejects.toBeInstanceOf(EngineError);
    expect(queue.running).toBe(0);
  });

  it("gives a place back once, however often it is asked to", async () => {
    const queue = createEngineQueue({ slots: 1, maxWaiting: 0 });
    const leave = await queue.enter(never);
    leave();
    leave();
    expect(queue.running).toBe(0);
    await queue.enter(never);
    await expect(queue.enter(never)).rejects.toMatchObject({ code: "overloaded" });
  });

  it.each([
    { slots: 0, maxWaiting: 1 },
    { slots: 1.5, maxWaiting: 1 },
    { slots: 1, maxWaiting: -1 },
  ])("refuses limits that make no sense: %o", (limits) => {
    expect(() => createEngineQueue(limits)).toThrow(EngineSetupError);
  });
});
