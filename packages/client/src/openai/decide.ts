import { protectionOf } from "@bauta/protocol";
import { assertPrivate } from "../chat.ts";
import { parseModelName } from "../chat-params.ts";
import { ClientError } from "../errors.ts";
import { isJsonObject, type JsonObject } from "../exchange/chunk.ts";
import type { ExchangeRequest } from "../exchange/exchange.ts";
import { printableLine } from "../printable.ts";
import { findNamedModels } from "./named-models.ts";
import { type Call, type CallBody, pathBelow } from "./parse-call.ts";

/** What a caller lets through, each by name. */
export interface FetchRules {
  readonly baseURL: string;
  /** Insecure: send to `tee-*` models although the gateway reads along. */
  readonly allowGatewayVisible: boolean;
  /** Members of sealed messages' requests that may travel in clear. */
  readonly allowInClear: readonly string[];
  /** Insecure: paths below the base URL whose calls are sent as they are, to be read by whoever relays or answers them. */
  readonly passThrough: readonly string[];
  /** Requests are sealed whole: nobody on the way reads any of them, whatever the model's name. */
  readonly sealsWhole: boolean;
}

/** What is done with a call. */
export type Decision =
  | { readonly do: "ask"; readonly request: ExchangeRequest; readonly includeUsage: boolean }
  | { readonly do: "list-models"; readonly id: string | undefined; readonly query: URLSearchParams }
  | { readonly do: "pass"; readonly path: string; readonly query: URLSearchParams; readonly body: CallBody | undefined };

const ASKING = ["chat/completions", "embeddings"] as const;

/**
 * Decides on a call, by its path and the model that it names. What protects nothing is refused, unless the caller lets it
 * through by name; what a name promises to protect is never sent without.
 * @throws {ClientError} naming what is refused and why
 */
export async function decide(call: Call, rules: FetchRules): Promise<Decision> {
  const path = pathBelow(rules.baseURL, call.url);
  const { method, url } = call;
  if (method === "GET" && (path === "models" || path.startsWith("models/"))) {
    return { do: "list-models", id: path === "models" ? undefined : decodeName(path.slice("models/".length)), query: url.searchParams };
  }
  const asking = method === "POST" ? ASKING.find((known) => known === path) : undefined;
  if (asking) {
    const body = await call.readBody();
    const params = parseParams(body.bytes);
    const model = parseModelName(params["model"]);
    if (protectionOf(model) !== "none" || !rules.passThrough.includes(path)) return decideAsking(call, rules, asking, params, model);
    await assertNotPromised(path, url.searchParams, body);
    return { do: "pass", path, query: url.searchParams, body };
  }
  if (!rules.passThrough.includes(path)) {
    const message = `${method} /${path}: nothing protects this call, so it was not sent; passThrough: ["${path}"] sends it for the gateway to read`;
    throw new ClientError("path_not_private", message, { field: "url" });
  }
  const body = method === "GET" || method === "HEAD" ? undefined : await call.readBody();
  await assertNotPromised(path, url.searchParams, body);
  return { do: "pass", path, query: url.searchParams, body };
}

/**
 * @throws {ClientError} `path_not_private` for a model whose name promises what this path cannot keep, and for a body that may
 *   name one where nobody can tell
 */
async function assertNotPromised(path: string, query: URLSearchParams, body: CallBody | undefined): Promise<void> {
  const named = await findNamedModels(query, body);
  if (!named) {
    const message = `/${path}: which model this body names cannot be told, so it was not sent; send one JSON object in UTF-8, or a form`;
    throw new ClientError("path_not_private", message, { field: "body" });
  }
  const model = named.find((name) => protectionOf(name.toLowerCase()) !== "none");
  if (model === undefined) return;
  const message = `${printableLine(model, 256)}: nothing protects calls to /${path}, whatever the model promises, so it was not sent`;
  throw new ClientError("path_not_private", message, { field: "model" });
}

function decideAsking(
  { signal }: Call,
  { allowGatewayVisible, allowInClear, sealsWhole }: FetchRules,
  path: ExchangeRequest["path"],
  params: JsonObject,
  model: string,
): Decision {
  const protection = assertPrivate(model, allowGatewayVisible || sealsWhole);
  if (path === "embeddings" && !sealsWhole) {
    const message = `${model}: embeddings can only be asked for sealed whole, which takes an enclave with version 2 of the protocol and a policy that says protocol: 2`;
    throw new ClientError("invalid_request", message, { field: "model" });
  }
  const { stream, stream_options: options } = params;
  if (stream !== undefined && stream !== null && typeof stream !== "boolean") {
    throw new ClientError("invalid_request", "stream must be true or false", { field: "stream" });
  }
  const includeUsage = isJsonObject(options) && options["include_usage"] === true;
  return {
    do: "ask",
    request: { path, model, params, stream: stream === true && path === "chat/completions", protection, allowInClear, signal },
    includeUsage,
  };
}

function parseObject(bytes: Uint8Array): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function parseParams(bytes: Uint8Array): JsonObject {
  const value = parseObject(bytes);
  if (value) return value;
  // The text is not repeated.
  throw new ClientError("invalid_request", "the body must be a JSON object in UTF-8", { field: "body" });
}

function decodeName(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ClientError("invalid_request", "the model's name in the address is not percent-encoded as it should be", { field: "model" });
  }
}
