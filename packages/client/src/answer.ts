import { RefusalError, type ResponseEnd } from "@bauta/protocol/client";
import type { Attestation } from "./attestation.ts";
import type { Body, BodyPart } from "./body.ts";
import type { Deadline } from "./deadline.ts";
import type { Outcome } from "./outcome.ts";
import type { ReceiptFinding } from "./receipt-check.ts";
import { parseRequestId } from "./request-id.ts";

/** Makes pieces of an answer from its bytes: deltas, whole chunks, or none where only the whole counts. */
export interface AnswerReader<Piece> {
  /** @throws {RefusalError} when the answer holds what it never should; nothing may be read after that */
  push(bytes: Uint8Array): Promise<Piece[]>;
  /** True once all that counts has come but for its receipt. */
  readonly ended: boolean;
  /** True once nothing more need be read. */
  readonly done: boolean;
  /** @throws {RefusalError} when the answer ended within something */
  end(): ResponseEnd;
  /** What an answer that closed too early lacks, such as `[DONE]`. */
  readonly awaits: string;
}

export interface AnswerInput<Piece> {
  readonly body: Body;
  readonly deadline: Deadline;
  readonly reader: AnswerReader<Piece>;
  readonly attestation: Attestation;
  /** As the answer's head names it: a hint, used where the chunks have none. */
  readonly requestId: string | undefined;
  readonly signal: AbortSignal | undefined;
  /** Longest silence within the stream. */
  readonly idleMs: number;
  /** Longest wait for a receipt behind `[DONE]`. */
  readonly receiptMs: number;
  checkReceipt(end: ResponseEnd, requestId: string | undefined): Promise<ReceiptFinding>;
  quoteError(error: NonNullable<ResponseEnd["error"]>): string;
  /** Called once, when nothing more will be opened: zeroes the request's key. */
  dispose(): void;
}

export interface Answer<Piece> extends AsyncIterable<Piece, undefined> {
  readonly outcome: Promise<Outcome>;
}

/** What may follow `[DONE]`: a receipt and other servers' comments. */
const AFTER_DONE_BYTES = 256 * 1024;
const DONE_RESULT: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * An answer's stream as pieces, read as fast as they are taken. It can be iterated once.
 *
 * The iteration throws only where going on would be wrong: `RefusalError` when the stream broke the protocol's rules,
 * the signal's own reason when the caller aborted. An answer that ends early ends the iteration. The outcome always
 * resolves, at the latest when the iteration has ended, and never rejects.
 */
export function createAnswer<Piece>(input: AnswerInput<Piece>): Answer<Piece> {
  const { body, deadline, reader, attestation, signal } = input;
  const pending: Piece[] = [];
  let bytesAfterDone: number | undefined;
  let awaitingReceipt = false;
  let turn: Promise<unknown> = Promise.resolve();
  let reading = false;
  let leaving = false;
  /** What ended the stream, kept until its pieces are handed out. */
  let last: BodyPart | undefined;
  let over = false;
  let failure: { readonly error: unknown } | undefined;
  let resolveOutcome: (outcome: Outcome) => void;
  const outcome = new Promise<Outcome>((resolve) => {
    resolveOutcome = resolve;
  });

  function conclude(status: Outcome["status"], reason: string | undefined, end?: ResponseEnd, finding?: ReceiptFinding): void {
    if (over) return;
    over = true;
    pending.length = 0;
    signal?.removeEventListener("abort", onAbort);
    const { kind: receiptKind, receipt } = finding?.ok ? finding : { kind: undefined, receipt: undefined };
    resolveOutcome({
      status,
      reason,
      finishReason: receipt?.finish_reason ?? end?.finishReason,
      usage: receipt?.usage ?? end?.usage,
      requestId: receipt?.request_id ?? parseRequestId(end?.requestId) ?? input.requestId,
      receiptKind,
      receipt,
      simulated: attestation.result.simulated,
      attestation,
    });
    if (status === "verified") body.release();
    else body.cancel();
    input.dispose();
  }

  function onAbort(): void {
    failure = { error: signal?.reason };
    if (!reading) concludeStopped("the caller aborted it");
  }

  /** The stream was given up by its reader; if all of it had come, only its receipt is missing. */
  function concludeStopped(why: string): void {
    if (bytesAfterDone === undefined || pending.length > 0) conclude("incomplete", why);
    else conclude("unverified", `${why} before its receipt was checked`);
  }

  async function pull(): Promise<void> {
    if (bytesAfterDone === undefined) deadline.restart(input.idleMs);
    else if (!awaitingReceipt) {
      awaitingReceipt = true;
      deadline.restart(input.receiptMs);
    }
    const part = await body.read();
    // However long the caller takes with what it got is no silence of the server's.
    if (!awaitingReceipt) deadline.restart(Infinity);
    if ("bytes" in part) {
      const { bytes } = part;
      pending.push(...(await reader.push(bytes)));
      noticeDone(bytes);
      if (!reader.done && (bytesAfterDone ?? 0) <= AFTER_DONE_BYTES) return;
    }
    // Whatever this last piece completed is handed out before the verdict.
    if (pending.length > 0) {
      last = part;
      return;
    }
    await judge(part);
  }

  function noticeDone(bytes: Uint8Array): void {
    if (bytesAfterDone !== undefined) bytesAfterDone += bytes.length;
    else if (reader.ended) bytesAfterDone = 0;
  }

  async function judge(part: BodyPart): Promise<void> {
    if (deadline.cause === "aborted") return concludeStopped("the caller aborted it");
    if (leaving) return concludeStopped("the caller stopped reading it");
    const end = readEnd();
    if (!end?.complete) return conclude("incomplete", describeEnd(end, part), end);
    const finding = await input.checkReceipt(end, end.requestId ?? input.requestId);
    conclude(finding.ok ? "verified" : "unverified", finding.ok ? undefined : finding.reason, end, finding);
  }

  /** A stream cut within a character is a stream cut: only behind `[DONE]` is it a broken rule. */
  function readEnd(): ResponseEnd | undefined {
    try {
      return reader.end();
    } catch (error) {
      if (bytesAfterDone === undefined) return undefined;
      throw error;
    }
  }

  function describeEnd(end: ResponseEnd | undefined, part: BodyPart): string {
    if (end?.error) return `the server reported an error within the answer: ${input.quoteError(end.error)} (a hint, not a fact)`;
    if (end?.hashes && bytesAfterDone !== undefined) return `${reader.awaits} came without a finish reason before it`;
    if (deadline.cause === "timeout") return `nothing more of the answer came for ${input.idleMs} ms`;
    return "end" in part && part.end === "broken"
      ? `the connection broke before ${reader.awaits}`
      : `the answer ended before ${reader.awaits}`;
  }

  async function step(): Promise<IteratorResult<Piece, undefined>> {
    reading = true;
    try {
      for (;;) {
        if (over) break;
        const piece = pending.shift();
        if (piece !== undefined) return { done: false, value: piece };
        await (last ? judge(last) : pull());
      }
    } catch (error) {
      fail(error);
    } finally {
      reading = false;
    }
    if (!failure) return DONE_RESULT;
    const { error } = failure;
    failure = undefined;
    throw error;
  }

  function fail(error: unknown): void {
    if (signal?.aborted && !(error instanceof RefusalError)) return concludeStopped("the caller aborted it");
    failure = { error };
    conclude("unverified", error instanceof RefusalError ? error.message : "this client failed to read the answer");
  }

  const iterator: AsyncIterator<Piece, undefined> = {
    next() {
      // One step at a time, also for callers who do not wait.
      const result = turn.then(step);
      turn = result.catch(() => undefined);
      return result;
    },
    async return() {
      if (over) return DONE_RESULT;
      leaving = true;
      deadline.stop();
      if (!reading) concludeStopped("the caller stopped reading it");
      await turn;
      return DONE_RESULT;
    },
  };

  deadline.restart(Infinity);
  if (signal?.aborted) onAbort();
  else signal?.addEventListener("abort", onAbort, { once: true });
  return { outcome, [Symbol.asyncIterator]: () => iterator };
}
