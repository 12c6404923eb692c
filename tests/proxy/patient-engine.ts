import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One answer of the engine, piece by piece, as the test says. */
export interface PatientAnswer {
  say(content: string): void;
  finish(): void;
  /** Resolves when whoever asked has gone before the end; milliseconds of `performance.now()`. */
  readonly goneMs: Promise<number>;
}

/** An OpenAI-compatible engine that answers only when it is told to. */
export interface PatientEngine {
  readonly url: string;
  /** The next conversation that reaches it. */
  nextAnswer(): Promise<PatientAnswer>;
  close(): Promise<void>;
}

export async function startPatientEngine(): Promise<PatientEngine> {
  const waiting: PatientAnswer[] = [];
  let arrived: () => void = () => {};
  const server = createServer((request, response) => {
    if (request.url?.endsWith("/models")) {
      response.setHeader("content-type", "application/json").end('{"object":"list","data":[{"id":"patient","object":"model"}]}');
      return;
    }
    request.resume().once("end", () => {
      waiting.push(createAnswer(response));
      arrived();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    async nextAnswer() {
      while (waiting.length === 0) await new Promise<void>((resolve) => (arrived = resolve));
      return waiting.shift() as PatientAnswer;
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function createAnswer(response: ServerResponse): PatientAnswer {
  response.setHeader("content-type", "text/event-stream").flushHeaders();
  const event = (chunk: object) =>
    response.write(
      `data: ${JSON.stringify({ id: "chatcmpl-patient", object: "chat.completion.chunk", created: 1, model: "patient", ...chunk })}\n\n`,
    );
  const goneMs = new Promise<number>((resolve) =>
    response.once("close", () => {
      if (!response.writableFinished) resolve(performance.now());
    }),
  );
  let pieces = 0;
  return {
    goneMs,
    say(content) {
      pieces++;
      event({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });
    },
    finish() {
      event({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
      event({ choices: [], usage: { prompt_tokens: 5, completion_tokens: pieces, total_tokens: 5 + pieces } });
      response.end("data: [DONE]\n\n");
    },
  };
}
