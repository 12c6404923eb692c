import { ClientError } from "./errors.ts";

/** Why an operation was given up. */
export type StopCause = "aborted" | "timeout";

export interface Deadline {
  /** For `fetch`; aborted by the caller's signal, by the time, or by `stop`. */
  readonly signal: AbortSignal;
  /** The first thing that stopped it; undefined while nothing has. */
  readonly cause: StopCause | undefined;
  /** Replaces the time limit by one that starts now; Infinity for none. */
  restart(timeoutMs: number): void;
  /** Aborts without a cause: the operation is of no more use. */
  stop(): void;
  /** Rejects once stopped, so that a `fetch` or a stream which ignores its signal cannot hold the caller. */
  race<T>(operation: Promise<T>): Promise<T>;
  /**
   * @param what the operation's name, for the error
   * @throws the caller's own reason when its signal aborted; {@link ClientError} `timeout`; an AbortError when stopped
   */
  throwIfStopped(what: string): void;
  /** Ends the time limit and lets go of the caller's signal. */
  dispose(): void;
}

/** Timers beyond this would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Joins a caller's signal and a time limit. @param timeoutMs Infinity for none */
export function createDeadline(caller: AbortSignal | undefined, timeoutMs: number): Deadline {
  const controller = new AbortController();
  let cause: StopCause | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function end(why: StopCause | undefined): void {
    if (controller.signal.aborted) return;
    cause = why;
    controller.abort();
  }
  const onAbort = () => end("aborted");

  const deadline: Deadline = {
    signal: controller.signal,
    get cause() {
      return cause;
    },
    restart(limitMs) {
      clearTimeout(timer);
      timer = limitMs <= MAX_TIMER_MS && !controller.signal.aborted ? setTimeout(() => end("timeout"), limitMs) : undefined;
    },
    stop: () => end(undefined),
    race: (operation) => raceAbort(operation, controller.signal),
    throwIfStopped(what) {
      if (cause === "aborted") throw caller?.reason;
      if (cause === "timeout") throw new ClientError("timeout", `${what}: no answer within the time limit (see timeouts of createClient)`);
      controller.signal.throwIfAborted();
    },
    dispose() {
      clearTimeout(timer);
      caller?.removeEventListener("abort", onAbort);
    },
  };
  if (caller?.aborted) onAbort();
  else caller?.addEventListener("abort", onAbort, { once: true });
  deadline.restart(timeoutMs);
  return deadline;
}

/** Waits for `operation` or for the signal, whichever is first; the loser's rejection is swallowed. */
export async function raceAbort<T>(operation: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([operation, aborted]);
  } finally {
    if (onAbort) signal.removeEventListener("abort", onAbort);
  }
}
