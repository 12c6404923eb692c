import type { ResponseDelta } from "@bauta/protocol/client";
import type { Answer } from "./answer.ts";
import { ClientError } from "./errors.ts";
import { type Outcome, outcomeError } from "./outcome.ts";

/** The ways to take an answer: piece by piece, or whole. */
export interface ChatReading extends AsyncIterable<ResponseDelta> {
  /**
   * Reads the whole answer.
   * @returns its text, without reasoning, once it is verified
   * @throws {ClientError} `answer_incomplete` or `answer_unverified`, and then no text is given out; `invalid_request` when
   *   the answer is being iterated already
   * @throws {RefusalError} for an answer that broke the protocol's rules; the signal's own reason when it aborts
   */
  text(): Promise<string>;
  /**
   * What the answer is worth, once all of it has come, however it ended; never rejects. Until then nothing shown is verified.
   * Waiting for it reads an answer that nobody else reads; what it reads is kept for whoever iterates later.
   */
  readonly outcome: Promise<Outcome>;
}

/** What is kept of an answer that is read for its outcome, in characters; longer ones can no longer be iterated. */
const MAX_KEPT_CHARACTERS = 8 * 1024 * 1024;

/** Reads an answer's pieces once, for whichever of the three ways its caller takes. */
export function readChat(answer: Answer<ResponseDelta>): ChatReading {
  const source = answer[Symbol.asyncIterator]();
  const kept: ResponseDelta[] = [];
  let keptCharacters = 0;
  let failure: { readonly error: unknown } | undefined;
  let taken = false;
  let drained: Promise<void> | undefined;
  let whole: Promise<string> | undefined;

  /** Goes on until somebody takes the answer. */
  async function drain(): Promise<void> {
    try {
      for (;;) {
        if (taken) return;
        const { done, value } = await source.next();
        if (done === true) return;
        keep(value);
      }
    } catch (error) {
      failure = { error };
    }
  }

  function keep(delta: ResponseDelta): void {
    keptCharacters += JSON.stringify(delta).length;
    if (keptCharacters <= MAX_KEPT_CHARACTERS) return void kept.push(delta);
    kept.length = 0;
    failure ??= { error: invalid("the answer was read for its outcome alone, and is too long to be kept: iterate it first") };
  }

  const iterator: AsyncIterator<ResponseDelta, undefined> = {
    async next() {
      taken = true;
      await drained;
      const value = kept.shift();
      if (value !== undefined) return { done: false, value };
      if (!failure) return source.next();
      const { error } = failure;
      failure = undefined;
      await source.return?.();
      throw error;
    },
    async return() {
      taken = true;
      kept.length = 0;
      await source.return?.();
      return { done: true, value: undefined };
    },
  };

  async function readText(): Promise<string> {
    if (taken) throw invalid("the answer is being iterated already; text() reads all of it, or nothing");
    let text = "";
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) text += next.value.content ?? "";
    const outcome = await answer.outcome;
    if (outcome.status !== "verified") throw outcomeError(outcome);
    return text;
  }

  return {
    outcome: onWait(answer.outcome, () => {
      if (!taken) drained ??= drain();
    }),
    text: () => (whole ??= readText()),
    [Symbol.asyncIterator]: () => iterator,
  };
}

/** A promise that starts what it waits for when somebody waits for it; to hold it starts nothing. */
function onWait<Value>(promise: Promise<Value>, start: () => void): Promise<Value> {
  const begun = () => {
    start();
    return promise;
  };
  return {
    // oxlint-disable-next-line unicorn/no-thenable -- `await` asks for nothing else
    then: (onValue, onError) => begun().then(onValue, onError),
    catch: (onError) => begun().catch(onError),
    finally: (onEnd) => begun().finally(onEnd),
    [Symbol.toStringTag]: "Promise",
  };
}

function invalid(problem: string): ClientError {
  return new ClientError("invalid_request", problem);
}
