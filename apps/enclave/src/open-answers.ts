import type { ServerResponse } from "node:http";

/** The answers that are under way, so that a client's hang-up and a shutdown reach each of them. */
export interface OpenAnswers {
  /** True once `drain` was called: new work is to be refused. */
  readonly draining: boolean;
  /** True once the grace period is over: what is aborted now is aborted by us. */
  readonly expired: boolean;
  readonly size: number;
  /** Runs one answer with a signal that aborts when its connection closes or the grace period ends. */
  track<T>(raw: ServerResponse, work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Waits until every answer has ended; aborts the rest after `graceMs` and waits for them. */
  drain(graceMs: number): Promise<void>;
}

/** Makes the list of one server. */
export function createOpenAnswers(): OpenAnswers {
  const open = new Map<AbortController, Promise<unknown>>();
  let draining = false;
  let expired = false;

  return {
    get draining() {
      return draining;
    },
    get expired() {
      return expired;
    },
    get size() {
      return open.size;
    },
    async track(raw, work) {
      const controller = new AbortController();
      const onClose = (): void => controller.abort();
      raw.once("close", onClose);
      // A write that crosses the client's hang-up fails on the response; the close event says all there is to say.
      raw.on("error", () => {});
      if (raw.destroyed || raw.socket?.destroyed === true || expired) controller.abort();
      const result = work(controller.signal);
      open.set(controller, result);
      try {
        return await result;
      } finally {
        open.delete(controller);
        raw.removeListener("close", onClose);
      }
    },
    async drain(graceMs) {
      draining = true;
      let timer: NodeJS.Timeout | undefined;
      const grace = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, graceMs);
      });
      await Promise.race([Promise.allSettled(open.values()), grace]);
      clearTimeout(timer);
      expired = true;
      for (const controller of open.keys()) controller.abort();
      await Promise.allSettled(open.values());
    },
  };
}
