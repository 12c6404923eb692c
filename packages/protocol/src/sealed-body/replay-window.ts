import { WireError } from "../errors.ts";

/** Remembers the requests that one HPKE key has opened, and refuses each a second time. */
export interface ReplayWindow {
  /**
   * To be called once for each request that opened, before it is acted on.
   * @param encapsulatedKeyHex the value of `Ehbp-Encapsulated-Key`, in its one form
   * @param t seconds since 1970 from inside the seal; undefined where the client wrote none
   * @throws {WireError} `body_replayed`; `body_expired` for a time outside the window; `overloaded` when no room is left
   */
  check(encapsulatedKeyHex: string, t: number | undefined): void;
}

export interface ReplayWindowOptions {
  /** The time now; need not run forward. */
  readonly nowMs: () => number;
  /** How old a request may be, and how far ahead of the enclave's clock. */
  readonly windowMs?: number;
  /** Requests remembered at once; at most half of them without a time of their own. */
  readonly maxEntries?: number;
}

const WINDOW_MS = 300_000;
/** Somewhat over 300 requests a second for the ten minutes that a window spans; about 40 MB when full. */
const MAX_ENTRIES = 200_000;

/**
 * One window for each HPKE key, made and forgotten with it: under another key a repeated request does not open.
 * A request with a time is remembered until that time alone refuses it, one without as long as the window itself.
 */
export function createReplayWindow({ nowMs, windowMs = WINDOW_MS, maxEntries = MAX_ENTRIES }: ReplayWindowOptions): ReplayWindow {
  const seen = new Set<string>();
  /** Second → the requests sealed in it. */
  const bySecond = new Map<number, string[]>();
  const windowSeconds = Math.floor(windowMs / 1000);
  let untimed = 0;
  let sweptAt = Number.NEGATIVE_INFINITY;
  /** What was forgotten is not newer than this. A clock that is set back brings none of it to life again. */
  let forgotten = Number.NEGATIVE_INFINITY;

  function forgetExpired(now: number): void {
    if (now === sweptAt) return;
    sweptAt = now;
    for (const [second, keys] of bySecond) {
      if (second >= now - windowSeconds) continue;
      for (const key of keys) seen.delete(key);
      bySecond.delete(second);
      forgotten = Math.max(forgotten, second);
    }
  }

  return {
    check(encapsulatedKeyHex, t) {
      const now = Math.floor(nowMs() / 1000);
      forgetExpired(now);
      if (seen.has(encapsulatedKeyHex)) throw new WireError("body_replayed");
      if (t !== undefined && !(Math.abs(t - now) <= windowSeconds && t > forgotten)) throw new WireError("body_expired");
      // Half of the room is kept for requests with a time: nobody can fill that for longer than the window.
      const full = seen.size >= maxEntries || (t === undefined && untimed >= maxEntries / 2);
      if (full) throw new WireError("overloaded", { retryAfterSeconds: windowSeconds });
      seen.add(encapsulatedKeyHex);
      if (t === undefined) untimed += 1;
      else if (bySecond.get(t)?.push(encapsulatedKeyHex) === undefined) bySecond.set(t, [encapsulatedKeyHex]);
    },
  };
}
