import { once } from "node:events";
import type { ServerResponse } from "node:http";

/** The answers that are under way, so that a client's hang-up and a shutdown reach each of them. */
export interface OpenAnswers {
  /** True once `drain` was called: new work is to be refused. */
  readonly draining: boolean;
  /** True once the grace period is over: what is aborted now is aborted by us. */
  readonly expired: boolean;
  readonly size: number;
  /**
   * Runs one answer with a signal that aborts when its connection closes or the grace period ends. The answer is over
   * when the client has taken it.
   */
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
      const { socket } = raw.req;
      raw.once("close", onClose);
      // A response that waits for an earlier one on its connection is not told that the connection is gone.
      socket.once("close", onClose);
      // A write that crosses the client's hang-up fails on the response; the close event says all there is to say.
      raw.on("error", () => {});
      if (raw.destroyed || socket.destroyed || expired) controller.abort();
      const result = work(controller.signal).then(async (value) => {
        await untilTaken(raw, controller.signal);
        return value;
      });
      open.set(controller, result);
      try {
        return await result;
      } finally {
        open.delete(controller);
        raw.removeListener("close", onClose);
        socket.removeListener("close", onClose);
      }
    },
    async drain(graceMs) {
      draining = true;
      let timer: NodeJS.Timeout | undefined;
      const grace = new Promise<"over">((resolve) => {
        timer = setTimeout(() => resolve("over"), graceMs);
      });
      // A request that was arriving when this began may join the others.
      while (open.size > 0 && (await Promise.race([Promise.allSettled(open.values()), grace])) !== "over");
      clearTimeout(timer);
      expired = true;
      for (const controller of open.keys()) controller.abort();
      await Promise.allSettled(open.values());
    },
  };
}

/** Waits until an ended response has left this process whole. */
async function untilTaken(raw: ServerResponse, signal: AbortSignal): Promise<void> {
  if (!raw.writableEnded || raw.writableFinished || signal.aborted) return;
  try {
    await once(raw, "finish", { signal });
  } catch {
    // Nobody waits for it any more.
  }
}
