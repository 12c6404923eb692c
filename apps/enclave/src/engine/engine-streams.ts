import { EngineError, type EngineEvent } from "./engine.ts";

/** The answers that one engine is producing, each with its own way to be stopped. */
export interface EngineStreams {
  /**
   * Wraps a generator so that the caller's signal, `return()` and `close()` all stop it: while it waits, through the
   * signal it was given, and while nobody pulls, by ending it where it stands.
   */
  open(signal: AbortSignal, run: (signal: AbortSignal) => AsyncGenerator<EngineEvent, void, undefined>): AsyncIterable<EngineEvent>;
  /** Stops every open stream and resolves when each has let go of what it held. New streams are refused. */
  close(): Promise<void>;
}

/** Keeps the open streams of one engine. */
export function createEngineStreams(): EngineStreams {
  const open = new Set<() => Promise<void>>();
  let closed = false;

  return {
    open: (signal, run) => ({
      [Symbol.asyncIterator]: () => {
        const controller = new AbortController();
        const iterator = run(controller.signal);
        let started = false;
        let stopping: Promise<void> | undefined;
        const finish = (): void => {
          signal.removeEventListener("abort", onAbort);
          open.delete(stop);
        };
        /** Ends the generator; a pending next() ends first, with its own error. */
        const stop = (): Promise<void> => {
          controller.abort();
          stopping ??= iterator.return(undefined).then(finish, finish);
          return stopping;
        };
        const onAbort = (): void => void stop();

        return {
          async next() {
            if (!started) {
              started = true;
              if (signal.aborted || closed) {
                await stop();
                throw new EngineError(closed ? "unreachable" : "aborted");
              }
              signal.addEventListener("abort", onAbort, { once: true });
              open.add(stop);
            }
            try {
              const result = await iterator.next();
              // Without this, an answer that was stopped would look like one that ended.
              if (result.done === true && stopping) throw new EngineError("aborted");
              if (result.done === true) finish();
              return result;
            } catch (error) {
              finish();
              throw error;
            }
          },
          async return() {
            await stop();
            return { done: true, value: undefined };
          },
        };
      },
    }),
    async close() {
      closed = true;
      await Promise.all([...open].map((stop) => stop()));
    },
  };
}
