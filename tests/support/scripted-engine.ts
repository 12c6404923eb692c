import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * An OpenAI-compatible engine that answers every conversation with the same pieces. It is for tests of the wire, where
 * the exact answer must be known; tests of inference use llama.cpp.
 */
export interface ScriptedEngine {
  readonly url: string;
  /** Bodies of the requests it got. */
  readonly requests: { messages: { role: string; content: string }[]; [member: string]: unknown }[];
  close(): Promise<void>;
}

export async function startScriptedEngine(pieces: readonly string[]): Promise<ScriptedEngine> {
  const requests: ScriptedEngine["requests"] = [];
  const server = createServer((request, response) => {
    void (async () => {
      if (request.url?.endsWith("/models")) {
        response
          .setHeader("content-type", "application/json")
          .end(JSON.stringify({ object: "list", data: [{ id: "scripted", object: "model" }] }));
        return;
      }
      requests.push(JSON.parse(await readAll(request)) as ScriptedEngine["requests"][number]);
      response.setHeader("content-type", "text/event-stream");
      const event = (chunk: object) =>
        response.write(
          `data: ${JSON.stringify({ id: "chatcmpl-scripted", object: "chat.completion.chunk", created: 1, model: "scripted", ...chunk })}\n\n`,
        );
      for (const content of pieces) event({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });
      event({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
      event({ choices: [], usage: { prompt_tokens: 5, completion_tokens: pieces.length, total_tokens: 5 + pieces.length } });
      response.end("data: [DONE]\n\n");
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readAll(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of request.setEncoding("utf8")) text += piece as string;
  return text;
}
