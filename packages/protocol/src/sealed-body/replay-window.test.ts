import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WireError } from "../errors.ts";
import { createReplayWindow } from "./replay-window.ts";

const START = 1_700_000_000;
const enc = (i: number) => i.toString(16).padStart(64, "0");

function createWindow(options: { windowMs?: number; maxEntries?: number } = {}) {
  const clock = { seconds: START };
  const window = createReplayWindow({ nowMs: () => clock.seconds * 1000 + 123, ...options });
  const check = (key: number, t: number | undefined) => {
    try {
      window.check(enc(key), t);
    } catch (error) {
      if (error instanceof WireError) return error.code;
      throw error;
    }
    return "taken";
  };
  return { clock, check, window };
}

describe("createReplayWindow", () => {
  it("takes each request once", () => {
    const { check } = createWindow();
    expect(check(1, START)).toBe("taken");
    expect(check(1, START)).toBe("body_replayed");
    expect(check(2, START)).toBe("taken");
    expect(check(2, START + 1)).toBe("body_replayed");
    expect(check(2, undefined)).toBe("body_replayed");
  });

  it.each([
    [-300, "taken"],
    [-301, "body_expired"],
    [300, "taken"],
    [301, "body_expired"],
    [Number.NaN, "body_expired"],
    [Number.POSITIVE_INFINITY, "body_expired"],
  ])("judges a clock that differs by %d seconds: %s", (skew, outcome) => {
    expect(createWindow().check(1, START + skew)).toBe(outcome);
  });

  it("refuses a repeated request at every later moment", () => {
    for (const skew of [-300, -17, 0, 1, 300]) {
      const { clock, check } = createWindow();
      expect(check(1, START + skew)).toBe("taken");
      for (let later = 0; later <= 700; later++) {
        clock.seconds = START + later;
        expect(check(1, START + skew)).toMatch(/^body_(replayed|expired)$/);
      }
    }
  });

  it("refuses a repeated request wherever the clock is set, forward and back again", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ jump: fc.integer({ min: -2000, max: 2000 }), skew: fc.integer({ min: -400, max: 400 }) }), { maxLength: 40 }),
        (steps) => {
          const { clock, check } = createWindow();
          const sent: { key: number; t: number }[] = [];
          steps.forEach(({ jump, skew }, key) => {
            clock.seconds += jump;
            const t = clock.seconds + skew;
            if (check(key, t) === "taken") sent.push({ key, t });
            for (const one of sent) expect(check(one.key, one.t)).not.toBe("taken");
          });
          for (const one of sent) {
            clock.seconds = one.t;
            expect(check(one.key, one.t)).not.toBe("taken");
          }
        },
      ),
    );
  });

  it("takes new requests to the window's last second, and forgets none before", () => {
    const { clock, check } = createWindow();
    expect(check(1, START)).toBe("taken");
    clock.seconds = START + 300;
    expect(check(1, START)).toBe("body_replayed");
    expect(check(2, START)).toBe("taken");
    clock.seconds = START + 301;
    expect(check(3, START)).toBe("body_expired");
  });

  it("goes on for new requests after the clock was wrong for a while", () => {
    const { clock, check } = createWindow();
    expect(check(1, START)).toBe("taken");
    clock.seconds = START + 86_400;
    expect(check(2, START + 86_400)).toBe("taken");
    clock.seconds = START + 5;
    expect(check(1, START)).toBe("body_expired");
    expect(check(3, START + 5)).toBe("taken");
    expect(check(2, START + 86_400)).toBe("body_replayed");
  });

  it("remembers a request without a time as long as it lives", () => {
    const { clock, check } = createWindow();
    expect(check(1, undefined)).toBe("taken");
    clock.seconds += 86_400;
    expect(check(2, clock.seconds)).toBe("taken");
    expect(check(1, undefined)).toBe("body_replayed");
    expect(check(1, clock.seconds)).toBe("body_replayed");
  });

  it("refuses new requests when it is full, rather than forgetting, and has room again later", () => {
    const { clock, check, window } = createWindow({ maxEntries: 10 });
    for (let i = 0; i < 10; i++) expect(check(i, START)).toBe("taken");
    expect(check(10, START)).toBe("overloaded");
    expect(check(3, START)).toBe("body_replayed");
    expect(() => window.check(enc(11), START)).toThrow(expect.objectContaining({ retryAfterSeconds: 300, status: 503 }) as Error);
    clock.seconds = START + 301;
    expect(check(3, START)).toBe("body_expired");
    for (let i = 20; i < 30; i++) expect(check(i, clock.seconds)).toBe("taken");
    expect(check(30, clock.seconds)).toBe("overloaded");
  });

  it("keeps half of its room for requests with a time", () => {
    const { check } = createWindow({ maxEntries: 10 });
    for (let i = 0; i < 5; i++) expect(check(i, undefined)).toBe("taken");
    expect(check(5, undefined)).toBe("overloaded");
    for (let i = 10; i < 15; i++) expect(check(i, START)).toBe("taken");
    expect(check(15, START)).toBe("overloaded");
  });

  it("takes another length of the window", () => {
    const { check } = createWindow({ windowMs: 10_000 });
    expect(check(1, START - 10)).toBe("taken");
    expect(check(2, START - 11)).toBe("body_expired");
  });

  it("stays quick with many requests in it", () => {
    const { clock, check } = createWindow();
    const startedMs = performance.now();
    for (let i = 0; i < 60_000; i++) {
      clock.seconds = START + Math.floor(i / 100);
      expect(check(i, clock.seconds - (i % 200))).toBe("taken");
    }
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });
});
