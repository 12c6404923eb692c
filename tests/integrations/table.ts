import type { Outcome } from "@bauta/client";
import { aiSdk } from "./ai-sdk.ts";
import type { Ask, Caller, Json, Seen } from "./caller.ts";
import { curl } from "./curl.ts";
import { openaiJavascript } from "./openai-javascript.ts";
import { startOpenaiPython } from "./openai-python.ts";
import { ENDLESS } from "./speaking-engine.ts";
import { E2EE_MODEL, TEE_MODEL, type Version } from "./stack.ts";

/** Stands in every question, so that a test can look for it where it must not be. */
export const CANARY = "canary-9c1e";

/** Who calls, by which way: a JavaScript client is handed `client.fetch`, any is pointed at the proxy. */
export const COLUMNS: readonly (readonly [client: string, via: "fetch" | "proxy", start: () => Caller])[] = [
  ["openai for JavaScript", "fetch", () => openaiJavascript],
  ["openai for JavaScript", "proxy", () => openaiJavascript],
  ["openai for Python", "proxy", startOpenaiPython],
  ["ai", "fetch", () => aiSdk],
  ["ai", "proxy", () => aiSdk],
  ["curl", "proxy", () => curl],
];

/** By which version of the protocol, with which model. */
export const TARGETS: readonly (readonly [Version, string])[] = [
  ["v1", E2EE_MODEL],
  ["v2", E2EE_MODEL],
  ["v2", TEE_MODEL],
];

/** A call, and what comes of it. */
export interface Row {
  readonly call: string;
  readonly ask: Ask;
  readonly v1: Seen;
  readonly v2: Seen;
  /** What the answer is worth in the end; `verified` unless given, or nothing where there is none. */
  readonly outcome?: Outcome["status"];
  /** Whose key is wrong: the client's own for the server, or the caller's for the proxy. */
  readonly wrongKey?: "server" | "proxy";
}

const QUESTION: Json = { role: "user", content: `2+2? ${CANARY}` };
const ENDLESSLY: Json = { role: "user", content: `${ENDLESS} ${CANARY}` };
const IMAGE: Json = {
  role: "user",
  content: [
    { type: "text", text: CANARY },
    { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } },
  ],
};
const CITY: Json = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
const TOOLS: Json = [{ type: "function", function: { name: "weather", parameters: CITY } }];
const SCHEMA: Json = { type: "json_schema", json_schema: { name: "city", schema: CITY } };
const STREAM: Json = { stream: true, stream_options: { include_usage: true } };

const said: Seen = { text: `You said 2+2? ${CANARY}.`, reasoning: "Hm.", finish: "stop", tokens: 8 };
const toolSaid: Seen = { text: "The tool said sunny in some city.", called: { city: "some city" } };
const both = (seen: Seen) => ({ v1: seen, v2: seen });
const ask = (kind: Ask["kind"], body: Json): Ask => ({ kind, body: { messages: [QUESTION], ...body } });
const error = (status: number, code: string, param: string | null = null): Seen => ({ error: { status, code, param } });

export const ROWS: readonly Row[] = [
  { call: "a completion", ask: ask("whole", {}), ...both(said) },
  { call: "a stream", ask: ask("stream", STREAM), ...both(said) },
  { call: "an abort", ask: ask("abort", { ...STREAM, messages: [ENDLESSLY] }), ...both({}), outcome: "incomplete" },
  { call: "a tool", ask: ask("tool", { tools: TOOLS }), v1: error(400, "field_in_clear", "tools"), v2: toolSaid },
  {
    call: "an image",
    ask: ask("whole", { messages: [IMAGE] }),
    v1: error(400, "content_not_text", "messages[0].content"),
    v2: { text: `${CANARY}: an image of 34 characters` },
  },
  {
    call: "JSON by a schema",
    ask: ask("whole", { response_format: SCHEMA }),
    v1: error(400, "field_in_clear", "response_format"),
    v2: { text: '{"city":"some city"}' },
  },
  {
    call: "embeddings",
    ask: { kind: "embeddings", body: { input: [CANARY, "x"] } },
    v1: error(400, "invalid_request", "model"),
    v2: {
      vectors: [
        [11, 0.5],
        [1, 0.5],
      ],
    },
  },
  { call: "an unknown model", ask: ask("whole", { model: "e2ee-none" }), ...both(error(404, "model_not_found", "model")) },
  { call: "a value out of range", ask: ask("whole", { temperature: 99 }), ...both(error(400, "invalid_field", "temperature")) },
  { call: "a key that the server does not know", ask: ask("whole", {}), ...both(error(401, "unauthorized")), wrongKey: "server" },
  { call: "a key that the proxy does not know", ask: ask("whole", {}), ...both(error(401, "unauthorized")), wrongKey: "proxy" },
];
