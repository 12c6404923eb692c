import type { ServerResponse } from "node:http";
import { HEADERS, sha256Hex, utf8 } from "@bauta/protocol";
import { ANSWER_HEADERS } from "./answer-headers.ts";
import { type Answer, signAnswer, visibleDelta } from "./answer.ts";
import { EngineError } from "./engine/engine.ts";
import { writeBytes } from "./write-bytes.ts";

/**
 * Answers with one JSON body (`chat.completion`), for plain models without streaming.
 * @param onBegin called once, before the first byte
 * @throws what the engine failed with, while nothing was written; then there is no receipt
 */
export async function wholeAnswer(raw: ServerResponse, answer: Answer, onBegin: () => void): Promise<void> {
  const { requestId, signal } = answer;
  const body = await generate(answer);
  if (signal.aborted) throw new EngineError("aborted");
  onBegin();
  raw.writeHead(200, {
    ...ANSWER_HEADERS,
    "content-type": "application/json; charset=utf-8",
    "content-length": body.length,
    [HEADERS.requestId]: requestId,
  });
  try {
    await writeBytes(raw, body, signal);
    raw.end();
  } catch {
    // A part of a body is no answer, and nothing may be added to it.
    raw.destroy();
  }
}

async function generate(answer: Answer): Promise<Uint8Array> {
  const { backend, model, request, requestId, created, signal } = answer;
  let content = "";
  let reasoning = "";
  for await (const event of model.engine.generate(request, signal)) {
    if (event.type === "delta") {
      const visible = visibleDelta(event, request);
      content += visible?.content ?? "";
      reasoning += visible?.reasoning ?? "";
      continue;
    }
    const message = { role: "assistant", content, ...(reasoning === "" ? {} : { reasoning_content: reasoning }) };
    const body = utf8(
      JSON.stringify({
        id: requestId,
        object: "chat.completion",
        created,
        model: model.id,
        choices: [{ index: 0, message, finish_reason: event.reason }],
        usage: event.usage,
      }),
    );
    answer.keep(signAnswer(answer, event, { responseSha256: sha256Hex(backend, body), envelopesSha256: null }));
    return body;
  }
  throw new EngineError("failed");
}
