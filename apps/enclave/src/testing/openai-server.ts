import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** What an OpenAI-compatible engine may be asked. */
export interface AskedBody {
  readonly model: string;
  readonly messages: readonly {
    readonly role: string;
    readonly content:
      | string
      | null
      | readonly { readonly type: string; readonly text?: string; readonly image_url?: { readonly url: string } }[];
    readonly tool_call_id?: string;
    readonly tool_calls?: readonly { readonly id: string; readonly function: { readonly name: string; readonly arguments: string } }[];
  }[];
  readonly tools?: readonly { readonly function: { readonly name: string; readonly parameters?: unknown } }[];
  readonly tool_choice?: unknown;
  readonly parallel_tool_calls?: boolean;
  readonly response_format?: { readonly type: string; readonly json_schema?: { readonly name: string; readonly schema?: unknown } };
  readonly logprobs?: boolean;
  readonly top_logprobs?: number;
  readonly input?: readonly string[];
  readonly dimensions?: number;
}

export interface OpenAiServer {
  readonly baseUrl: string;
  readonly asked: { readonly path: string; readonly body: AskedBody }[];
}

type Handler = (request: IncomingMessage, response: ServerResponse, body: AskedBody) => void;

const USAGE = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 };

/**
 * An OpenAI-compatible server that is no model: it says what it was asked, so that a test sees what arrived. Tools are
 * called, images described by their size, schemas answered by their name, texts embedded as their length.
 */
export async function startOpenAiServer(handle: Handler = describeRequest): Promise<OpenAiServer> {
  const asked: OpenAiServer["asked"] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(parts).toString()) as AskedBody;
      asked.push({ path: request.url ?? "", body });
      handle(request, response, body);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void (server.closeAllConnections(), server.close()));
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, asked };
}

/** One event of a stream. */
export const chunk = (delta: object, finish: string | null = null, more: object = {}): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish, ...more }] })}\n\n`;

export const beginStream = (response: ServerResponse): ServerResponse => response.writeHead(200, { "content-type": "text/event-stream" });

function describeRequest(request: IncomingMessage, response: ServerResponse, body: AskedBody): void {
  if (request.url === "/v1/embeddings") return embed(response, body);
  beginStream(response);
  for (const piece of answerTo(body)) response.write(piece);
  response.write(`data: ${JSON.stringify({ choices: [], usage: USAGE })}\n\n`);
  response.end("data: [DONE]\n\n");
}

function answerTo(body: AskedBody): readonly string[] {
  const last = body.messages.at(-1);
  const text = typeof last?.content === "string" ? last.content : "";
  if (last?.tool_call_id !== undefined) return say(`${last.tool_call_id} said ${text}`);
  if (body.tools) return callTools(body.tools.map((tool) => tool.function.name));
  const { response_format: format } = body;
  if (format) return say(JSON.stringify({ format: format.json_schema?.name ?? format.type }));
  if (body.logprobs) {
    const token = { token: "yes", logprob: -0.25, bytes: [121, 101, 115] };
    const top = [token, { token: "\ufffd", logprob: -2, bytes: null }].slice(0, body.top_logprobs ?? 0);
    return [
      chunk({ content: "yes" }, null, { logprobs: { content: [{ ...token, top_logprobs: top }], engine_says: "more" } }),
      chunk({}, "stop"),
    ];
  }
  const images = Array.isArray(last?.content) ? last.content.flatMap((part) => part.image_url?.url ?? []) : [];
  return say(images.length > 0 ? images.map((url) => `${url.slice(5, 14)} of ${url.length} characters`).join(" and ") : `you said ${text}`);
}

function say(text: string): readonly string[] {
  const middle = Math.ceil(text.length / 2);
  return [chunk({ role: "assistant", content: text.slice(0, middle) }), chunk({ content: text.slice(middle) }), chunk({}, "stop")];
}

/** Calls each tool, arguments in two pieces; the second without an id of its own. */
function callTools(names: readonly string[]): readonly string[] {
  const calls = names.flatMap((name, index) => [
    chunk({ tool_calls: [{ index, ...(index === 0 && { id: "call_0" }), type: "function", function: { name, arguments: "" } }] }),
    chunk({ tool_calls: [{ index, function: { arguments: '{"city":' } }] }),
    chunk({ tool_calls: [{ index, function: { arguments: `"${name}"}` } }] }),
  ]);
  return [...calls, chunk({}, "tool_calls")];
}

function embed(response: ServerResponse, { input = [], dimensions = 2 }: AskedBody): void {
  const data = input.map((text, index) => ({
    object: "embedding",
    index,
    embedding: [text.length, ...Array.from({ length: dimensions - 1 }, () => 0.5)],
  }));
  response.writeHead(200, { "content-type": "application/json" });
  // Order is not promised.
  response.end(JSON.stringify({ object: "list", data: data.toReversed(), usage: { prompt_tokens: 9, total_tokens: 9 } }));
}
