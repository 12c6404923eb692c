import { sha256Hex, utf8 } from "@bauta/protocol";
import { type Answer, signAnswer, visibleDelta } from "./answer.ts";
import { EngineError } from "./engine/engine.ts";

/**
 * Generates an answer and returns it as one JSON body (`chat.completion`), for plain models without streaming.
 * @throws what the engine failed with; then there is no receipt
 */
export async function wholeAnswer(answer: Answer): Promise<Uint8Array> {
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
