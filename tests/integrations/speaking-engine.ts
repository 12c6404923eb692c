import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

/** What a question has to hold for an answer that does not end by itself. */
export const ENDLESS = "without end";

type Schema = { readonly properties?: Readonly<Record<string, unknown>> };
type Content = string | null | readonly { readonly text?: string; readonly image_url?: { readonly url: string } }[];

/** As much of an OpenAI request as this engine looks at. */
interface AskedBody {
  readonly messages?: readonly { readonly role: string; readonly content: Content }[];
  readonly tools?: readonly { readonly function: { readonly name: string; readonly parameters?: Schema } }[];
  readonly response_format?: { readonly type: string; readonly json_schema?: { readonly schema?: Schema } };
  readonly input?: readonly string[];
}

/**
 * An OpenAI-compatible server that is no model: it says what it was asked, so that a test sees what arrived. Of a schema's
 * object it makes one that says each member's name. Texts are embedded as their length.
 */
export interface SpeakingEngine {
  readonly baseUrl: string;
  /** Requests that have reached it. */
  readonly asked: { readonly path: string; readonly body: AskedBody }[];
  /** Settle when one more answer without end has begun, and when one has been stopped. */
  begun(): Promise<void>;
  stopped(): Promise<void>;
  close(): Promise<void>;
}

const USAGE = { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 };

export async function startSpeakingEngine(): Promise<SpeakingEngine> {
  const asked: SpeakingEngine["asked"] = [];
  const begun = createBell();
  const stopped = createBell();
  const server = createServer((request, response) => void answer(request, response));

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "";
    if (path.endsWith("/models")) return sendJson(response, { object: "list", data: [{ id: "pocket", object: "model" }] });
    const body = (await json(request)) as AskedBody;
    asked.push({ path, body });
    if (path.endsWith("/embeddings")) return sendJson(response, embed(body));
    response.writeHead(200, { "content-type": "text/event-stream" });
    const pieces = answerTo(body);
    if (pieces) return void response.end(pieces.join(""));
    response.once("close", stopped.ring);
    response.write(delta({ role: "assistant", content: "It begins" }));
    begun.ring();
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked,
    begun: begun.heard,
    stopped: stopped.heard,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** What rings before anybody listens is heard all the same, once. */
function createBell(): { ring(this: void): void; heard(this: void): Promise<void> } {
  const rung: true[] = [];
  let onRing: () => void = () => undefined;
  return {
    ring() {
      rung.push(true);
      onRing();
    },
    async heard() {
      while (rung.length === 0) await new Promise<void>((resolve) => (onRing = resolve));
      rung.pop();
    },
  };
}

/** @returns undefined for an answer without end */
function answerTo({ messages = [], tools, response_format: format }: AskedBody): readonly string[] | undefined {
  const last = messages.at(-1);
  const { content = "" } = last ?? {};
  if (typeof content === "string" && content.includes(ENDLESS)) return undefined;
  if (last?.role === "tool") return say(`The tool said ${typeof content === "string" ? content : "what is no text"}.`);
  if (tools) return callTools(tools.map((tool) => tool.function));
  if (format?.json_schema) return say(JSON.stringify(fill(format.json_schema.schema)));
  if (typeof content === "string") return [delta({ reasoning_content: "Hm." }), ...say(`You said ${content}.`)];
  return say((content ?? []).map(({ text, image_url: image }) => text ?? `an image of ${image?.url.length} characters`).join(": "));
}

function say(text: string): readonly string[] {
  const middle = Math.ceil(text.length / 2);
  return [delta({ role: "assistant", content: text.slice(0, middle) }), delta({ content: text.slice(middle) }), ...end("stop")];
}

function callTools(tools: readonly { readonly name: string; readonly parameters?: Schema }[]): readonly string[] {
  const calls = tools.flatMap(({ name, parameters }, index) => {
    const text = JSON.stringify(fill(parameters));
    const first = { index, id: `call_${index}`, type: "function", function: { name, arguments: text.slice(0, 4) } };
    return [delta({ tool_calls: [first] }), delta({ tool_calls: [{ index, function: { arguments: text.slice(4) } }] })];
  });
  return [...calls, ...end("tool_calls")];
}

function fill(schema: Schema | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.keys(schema?.properties ?? {}).map((name) => [name, `some ${name}`]));
}

function embed({ input = [] }: AskedBody): object {
  const data = input.map((text, index) => ({ object: "embedding", index, embedding: [text.length, 0.5] }));
  return { object: "list", data, usage: { prompt_tokens: 5, total_tokens: 5 } };
}

const event = (chunk: object): string => `data: ${JSON.stringify({ object: "chat.completion.chunk", ...chunk })}\n\n`;
const delta = (part: object, finish: string | null = null): string =>
  event({ choices: [{ index: 0, delta: part, finish_reason: finish }] });
const end = (reason: string): readonly string[] => [delta({}, reason), event({ choices: [], usage: USAGE }), "data: [DONE]\n\n"];

function sendJson(response: ServerResponse, value: object): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}
