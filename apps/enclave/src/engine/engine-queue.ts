import { EngineError, EngineSetupError } from "./engine.ts";

/** Admission to an engine: so many requests at once, so many waiting, in order; the rest are refused at once. */
export interface EngineQueue {
  /**
   * Waits for a place.
   * @returns the function that gives the place back; calling it again does nothing
   * @throws {EngineError} `overloaded` when the queue is full or the wait took too long, `aborted` when the signal aborts first (the waiter leaves the queue)
   */
  enter(signal: AbortSignal): Promise<() => void>;
  readonly running: number;
  readonly waiting: number;
}

interface Waiter {
  readonly admit: () => void;
}

/** How long a request may wait for its turn unless an engine says otherwise: nobody stares at nothing for longer. */
const DEFAULT_MAX_WAIT_MS = 30_000;

export interface QueueLimits {
  readonly slots: number;
  readonly maxWaiting: number;
  readonly maxWaitMs?: number;
  /** What a refused caller is told to wait. */
  readonly retryAfterSeconds?: number;
}

/** Makes a queue for `slots` requests at once and at most `maxWaiting` behind them, none for longer than `maxWaitMs`. */
export function createEngineQueue(limits: QueueLimits): EngineQueue {
  const { slots, maxWaiting, maxWaitMs = DEFAULT_MAX_WAIT_MS, retryAfterSeconds = 2 } = limits;
  if (!Number.isSafeInteger(slots) || slots < 1)
    throw new EngineSetupError("invalid-option", `an engine needs at least one slot, not ${slots}`);
  if (!Number.isSafeInteger(maxWaiting) || maxWaiting < 0) {
    throw new EngineSetupError("invalid-option", `maxWaiting is a whole number of requests, not ${maxWaiting}`);
  }
  // A Set keeps the order of arrival and lets an aborted waiter leave without a search.
  const waiters = new Set<Waiter>();
  let running = 0;

  function lease(): () => void {
    running += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      running -= 1;
      const [next] = waiters;
      if (next) next.admit();
    };
  }

  return {
    get running() {
      return running;
    },
    get waiting() {
      return waiters.size;
    },
    async enter(signal) {
      if (signal.aborted) throw new EngineError("aborted");
      if (running < slots) return lease();
      if (waiters.size >= maxWaiting) throw new EngineError("overloaded", { retryAfterSeconds });
      return new Promise((resolve, reject) => {
        const leave = (): void => {
          waiters.delete(waiter);
          clearTimeout(patience);
          signal.removeEventListener("abort", onAbort);
        };
        const onAbort = (): void => {
          leave();
          reject(new EngineError("aborted"));
        };
        const waiter: Waiter = {
          admit: () => {
            leave();
            resolve(lease());
          },
        };
        const patience = setTimeout(() => {
          leave();
          reject(new EngineError("overloaded", { retryAfterSeconds }));
        }, maxWaitMs);
        waiters.add(waiter);
        signal.addEventListener("abort", onAbort, { once: true });
      });
    },
  };
}
