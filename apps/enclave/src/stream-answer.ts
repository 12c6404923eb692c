import type { ServerResponse } from "node:http";
import { HEADERS, type WireError } from "@bauta/protocol";
import type { AnswerForm, StreamWriter } from "./answer-form.ts";
import { ANSWER_HEADERS } from "./answer-headers.ts";
import { type Answer, signAnswer, visibleDelta } from "./answer.ts";
import { EngineError, type EngineEvent } from "./engine/engine.ts";
import { writeBytes } from "./write-bytes.ts";

/**
 * How long the engine may take to refuse a request with a status of its own. After that the answer begins, so that
 * nobody between here and the client takes a thinking model for a dead one, and a refusal becomes an event.
 */
const DECISION_MS = 500;

const STREAM_HEADERS = {
  ...ANSWER_HEADERS,
  "content-type": "text/event-stream; charset=utf-8",
  "x-accel-buffering": "no",
} as const;

export interface StreamAnswerOptions {
  readonly form: AnswerForm;
  readonly toError: (error: unknown) => WireError;
  /** Called once, before the first byte. */
  readonly onBegin: () => void;
  readonly decisionMs?: number;
}

/**
 * Streams an answer: one event per delta, each written whole, as fast as the client reads and no faster.
 * @returns what became of it: `finished` with a receipt, or `failed` after the stream had begun
 * @throws whatever the engine refused the request with, while nothing was written
 */
export async function streamAnswer(raw: ServerResponse, answer: Answer, options: StreamAnswerOptions): Promise<"finished" | WireError> {
  const { model, request, requestId, created, signal } = answer;
  const writer = await options.form.stream({ id: requestId, model: model.id, created });
  const events = model.engine.generate(request, signal)[Symbol.asyncIterator]();
  try {
    const first = await within(events.next(), options.decisionMs ?? DECISION_MS);
    if (signal.aborted) throw new EngineError("aborted");
    options.onBegin();
    raw.writeHead(200, { ...STREAM_HEADERS, ...options.form.headers, [HEADERS.requestId]: requestId });
    raw.flushHeaders();
    try {
      await writeBytes(raw, await writer.start(), signal);
      await writeEvents(raw, writer, answer, events, await first.value);
      return "finished";
    } catch (error) {
      const wireError = options.toError(error);
      if (!raw.destroyed) raw.end(await writer.error(wireError));
      return wireError;
    }
  } finally {
    await events.return?.();
  }
}

async function writeEvents(
  raw: ServerResponse,
  writer: StreamWriter,
  answer: Answer,
  events: AsyncIterator<EngineEvent>,
  first: IteratorResult<EngineEvent>,
): Promise<void> {
  const { request, signal } = answer;
  for (let result = first; result.done !== true; result = await events.next()) {
    const event = result.value;
    if (event.type === "delta") {
      const visible = visibleDelta(event, request);
      if (visible) await writeBytes(raw, await writer.delta(visible), signal);
      continue;
    }
    if (signal.aborted) throw new EngineError("aborted");
    const { bytes, hashes } = await writer.finish(event, request.includeUsage ? event.usage : undefined);
    if (signal.aborted) throw new EngineError("aborted");
    const signed = signAnswer(answer, event, hashes);
    raw.write(bytes);
    // Clients hang up at [DONE]; from here on nothing that they do makes the answer less whole.
    answer.keep(signed);
    raw.end(writer.receipt(signed));
    return;
  }
  throw new EngineError("failed");
}

/** Waits for a value or a time, whichever is first; an early failure is thrown, a later one stays with `value`. */
async function within<T>(value: Promise<T>, timeoutMs: number): Promise<{ readonly value: Promise<T> }> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  try {
    await Promise.race([value, late]);
  } finally {
    clearTimeout(timer);
  }
  return { value };
}
