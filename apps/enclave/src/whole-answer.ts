import type { ServerResponse } from "node:http";
import { HEADERS, utf8 } from "@bauta/protocol";
import type { AnswerForm } from "./answer-form.ts";
import { ANSWER_HEADERS } from "./answer-headers.ts";
import { type Answer, type AnswerFrame, signAnswer, visibleDelta } from "./answer.ts";
import { EngineError, type EngineFinish } from "./engine/engine.ts";
import { createCompletionChoice } from "./openai-shapes.ts";
import { writeBytes } from "./write-bytes.ts";

/** One JSON value and how it came to its end. */
export interface WholeValue {
  readonly value: object;
  readonly finish: Omit<EngineFinish, "type">;
}

/**
 * Answers with one JSON body (`chat.completion`), without streaming.
 * @param onBegin called once, before the first byte
 * @throws what the engine failed with, while nothing was written; then there is no receipt
 */
export async function wholeAnswer(raw: ServerResponse, answer: Answer, form: AnswerForm, onBegin: () => void): Promise<void> {
  await writeWhole(raw, answer, await generate(answer), form, onBegin);
}

/** Signs one JSON value in the form that the answer goes out in, and writes it. */
export async function writeWhole(
  raw: ServerResponse,
  answer: AnswerFrame,
  { value, finish }: WholeValue,
  form: AnswerForm,
  onBegin: () => void,
): Promise<void> {
  const { requestId, signal } = answer;
  const body = await form.whole(utf8(JSON.stringify(value)));
  if (signal.aborted) throw new EngineError("aborted");
  answer.keep(signAnswer(answer, finish, { responseSha256: body.sha256, envelopesSha256: null }));
  onBegin();
  raw.writeHead(200, {
    ...ANSWER_HEADERS,
    ...form.headers,
    "content-type": "application/json; charset=utf-8",
    "content-length": body.bytes.length,
    [HEADERS.requestId]: requestId,
  });
  try {
    await writeBytes(raw, body.bytes, signal);
    raw.end();
  } catch {
    // A part of a body is no answer, and nothing may be added to it.
    raw.destroy();
  }
}

async function generate({ model, request, requestId, created, signal }: Answer): Promise<WholeValue> {
  const choice = createCompletionChoice();
  for await (const event of model.engine.generate(request, signal)) {
    if (event.type === "delta") {
      const visible = visibleDelta(event, request);
      if (visible) choice.add(visible);
      continue;
    }
    const choices = [choice.finish(event)];
    const value = { id: requestId, object: "chat.completion", created, model: model.id, choices, usage: event.usage };
    return { value, finish: event };
  }
  throw new EngineError("failed");
}
