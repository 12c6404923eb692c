/**
 * The receipts of the latest answers that nobody has fetched yet. A gateway fetches a receipt when its answer has
 * ended, so a server that stops together with its last answer takes that receipt with it.
 */
export interface UncollectedReceipts {
  /** A receipt can be fetched from now on. */
  signed(requestId: string): void;
  /** Its answer has ended, one way or another. */
  ended(requestId: string): void;
  /** It was handed out. */
  collected(requestId: string): void;
  /** Resolves when none is left that ended less than `lingerMs` ago, or after `timeoutMs`. */
  wait(timeoutMs: number): Promise<void>;
}

/** Makes the list of one server. @param lingerMs how long after its answer's end a receipt is expected to be fetched */
export function createUncollectedReceipts(lingerMs: number): UncollectedReceipts {
  /** When each answer ended. */
  const waiting = new Map<string, number | undefined>();
  let onEmpty: (() => void) | undefined;

  function dropOld(): void {
    const oldestMs = performance.now() - lingerMs;
    for (const [requestId, endedMs] of waiting) if (endedMs !== undefined && endedMs <= oldestMs) waiting.delete(requestId);
  }

  return {
    signed: (requestId) => void waiting.set(requestId, undefined),
    ended(requestId) {
      if (waiting.has(requestId)) waiting.set(requestId, performance.now());
      dropOld();
    },
    collected(requestId) {
      waiting.delete(requestId);
      if (waiting.size === 0) onEmpty?.();
    },
    async wait(timeoutMs) {
      dropOld();
      const lastMs = Math.max(...[...waiting.values()].map((endedMs) => endedMs ?? performance.now()));
      const leftMs = Math.min(timeoutMs, lastMs + lingerMs - performance.now());
      if (waiting.size === 0 || leftMs <= 0) return;
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        onEmpty = resolve;
        timer = setTimeout(resolve, leftMs);
      });
      clearTimeout(timer);
    },
  };
}
