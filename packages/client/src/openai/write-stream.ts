import { SSE_DONE, utf8, writeSseComment, writeSseData } from "@bauta/protocol";
import { RefusalError } from "@bauta/protocol/client";
import type { Answer } from "../answer.ts";
import { type Chunk, isUsageChunk } from "../exchange/chunk.ts";
import { type Outcome, outcomeError } from "../outcome.ts";
import { errorBody } from "./error-answer.ts";
import { outcomeComment } from "./marks.ts";

export interface StreamRules {
  /** The caller asked for a last chunk with usage. */
  readonly includeUsage: boolean;
  /** What is done with a complete answer that nothing proves. */
  readonly unverified: "error" | "mark";
}

/**
 * Writes an answer as the stream of events that OpenAI's clients read, no faster than it is taken. Before `[DONE]` its
 * outcome is awaited and said in a comment; an answer that is cut, or must not be believed, ends with an error event and
 * without `[DONE]`. What was shown until then had not been verified by anybody.
 */
export function writeStream(answer: Answer<Chunk>, { includeUsage, unverified }: StreamRules): ReadableStream<Uint8Array> {
  const chunks = answer[Symbol.asyncIterator]();
  const last = (outcome: Outcome, stopped: boolean): string => {
    const comment = writeSseComment(outcomeComment(outcome));
    const isDelivered = outcome.status === "verified" || (outcome.status === "unverified" && unverified === "mark" && !stopped);
    return comment + writeSseData(isDelivered ? SSE_DONE : JSON.stringify(errorBody(outcomeError(outcome))));
  };

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const end = async (stopped: boolean) => {
          controller.enqueue(utf8(last(await answer.outcome, stopped)));
          controller.close();
        };
        try {
          for (;;) {
            const { done, value } = await chunks.next();
            if (done === true) return await end(false);
            if (!includeUsage && isUsageChunk(value)) continue;
            return controller.enqueue(utf8(writeSseData(JSON.stringify(value))));
          }
        } catch (error) {
          // The caller's own abort breaks the stream, as it does with fetch.
          if (!(error instanceof RefusalError)) throw error;
          return await end(true);
        }
      },
      async cancel() {
        await chunks.return?.();
      },
    },
    // Nothing is read ahead: what the server sends faster than the caller reads waits in the connection.
    { highWaterMark: 0 },
  );
}
