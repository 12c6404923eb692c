import { type ConformanceCase, FORGED } from "./case.ts";
import { errorBody, ownAnswer, writeChunk } from "./relayed-answer.ts";
import { whole } from "./stream-case.ts";

/** Something else than a sealed stream. */
export const bodyAttacks: readonly ConformanceCase[] = [
  whole("body/plaintext-stream", ["19"], "aborted", "answers a stream in plaintext", () =>
    ownAnswer("text/event-stream", [...plaintextStream()]),
  ),
  whole("body/plaintext-completion", ["19"], "aborted", "answers JSON in plaintext", () =>
    ownAnswer("application/json", [plaintextCompletion()]),
  ),
  whole("body/completion-called-verified", ["19"], "aborted", "answers JSON in plaintext, and writes beside it that it is verified", () => {
    const answer = ownAnswer("application/json", [plaintextCompletion()]);
    return { ...answer, headers: { ...answer.headers, "bauta-protection": "sealed", "bauta-outcome": "verified" } };
  }),
  whole("body/completion-as-stream", ["19"], "aborted", "answers JSON in plaintext in an event", () =>
    ownAnswer("text/event-stream", [`data: ${plaintextCompletion()}\n\n`, "data: [DONE]\n\n"]),
  ),
  whole("body/completion-called-stream", ["19"], "incomplete", "calls a JSON body a stream", () =>
    ownAnswer("text/event-stream", [plaintextCompletion()]),
  ),
  whole("body/stream-called-json", ["19"], "aborted", "calls a genuine stream JSON", (answer) => ({
    ...answer,
    headers: { ...answer.headers, "content-type": "application/json" },
  })),
  whole("body/web-page", ["19"], "aborted", "answers a web page", () => ownAnswer("text/html", [`<p>${FORGED}</p>`])),
  whole("body/no-content", ["19"], "aborted", "answers without content", () => ({
    status: 204,
    headers: {},
    blocks: [],
    ending: "closed",
  })),
  whole("body/error-with-text", ["19"], "aborted", "answers an error whose text is an answer", () =>
    ownAnswer("application/json", [JSON.stringify(errorBody(FORGED, "field_not_hex"))], 400),
  ),
  whole("body/error-as-stream", ["19"], "aborted", "answers a plaintext stream with an error status", () =>
    ownAnswer("text/event-stream", [...plaintextStream()], 500),
  ),
];

function plaintextStream(): string[] {
  const chunk = (delta: object, finishReason: string | null) =>
    writeChunk({
      id: "chatcmpl-1",
      object: "chat.completion.chunk",
      created: 1,
      model: "e2ee-conformance",
      choices: [{ index: 0, delta, finish_reason: finishReason }],
    });
  return [chunk({ role: "assistant" }, null), chunk({ content: FORGED }, null), chunk({}, "stop"), "data: [DONE]\n\n"];
}

function plaintextCompletion(): string {
  return JSON.stringify({
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1,
    model: "e2ee-conformance",
    choices: [{ index: 0, message: { role: "assistant", content: FORGED }, finish_reason: "stop" }],
  });
}
