import type { Answer } from "./answer.ts";
import type { Outcome } from "./outcome.ts";

/**
 * An answer whose pieces are others, in the same order and no faster than they are taken; giving it up gives up the first.
 * @param rest what follows once the answer has ended, whatever its outcome
 */
export function mapAnswer<From, To>(
  answer: Answer<From>,
  map: (piece: From) => readonly To[],
  rest: (outcome: Outcome) => readonly To[] = () => [],
): Answer<To> {
  const source = answer[Symbol.asyncIterator]();
  const pending: To[] = [];
  let turn: Promise<unknown> = Promise.resolve();
  let over = false;

  async function step(): Promise<IteratorResult<To, undefined>> {
    for (;;) {
      const piece = pending.shift();
      if (piece !== undefined) return { done: false, value: piece };
      if (over) return { done: true, value: undefined };
      const next = await read();
      if (next.done !== true) pending.push(...map(next.value));
      else if (!over) {
        over = true;
        pending.push(...rest(await answer.outcome));
      }
    }
  }

  async function read(): Promise<IteratorResult<From, undefined>> {
    try {
      return await source.next();
    } catch (error) {
      // What throws has ended it, and is followed by nothing.
      over = true;
      throw error;
    }
  }

  const iterator: AsyncIterator<To, undefined> = {
    next() {
      // One step at a time, also for callers who do not wait.
      const result = turn.then(step);
      turn = result.catch(() => undefined);
      return result;
    },
    async return() {
      over = true;
      pending.length = 0;
      await source.return?.();
      return { done: true, value: undefined };
    },
  };
  return { outcome: answer.outcome, [Symbol.asyncIterator]: () => iterator };
}
