import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { Json } from "./caller.ts";

const DONE = "data: [DONE]\n\n";
/** Members of our answers that no other server has. */
const OURS = ["keys", "keys_signature", "signing_key", "endorsements", "gpu_endorsements", "receipt", "receipt_signature"];
/** What goes along in either direction; nothing of ours does. */
const REQUEST_HEADERS = [
  "authorization",
  "content-type",
  "x-venice-tee-client-pub-key",
  "x-venice-tee-model-pub-key",
  "x-venice-tee-signing-algo",
];

export interface VeniceShaped {
  readonly baseUrl: string;
  /** How often it was asked for an attestation, and what it was sent. */
  readonly attestations: () => number;
  readonly chats: Json[];
  /** Has so many attestations fail before one is given, as where enclaves are slow to quote. */
  failFirst(count: number): void;
  close(): Promise<void>;
}

export interface VeniceShapes {
  readonly quote: "base64" | "hex";
}

/**
 * A server as the live one is, before our gateway: its answers' shapes, its errors, and none of what ours add: no nonce of
 * the client's, no keys statement, no collateral, no receipt but the documented one.
 * @param baseUrl of our gateway's API
 */
export async function startVeniceShaped(baseUrl: string, { quote }: VeniceShapes): Promise<VeniceShaped> {
  let attestations = 0;
  let failures = 0;
  const chats: Json[] = [];

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, search } = new URL(request.url ?? "/", "http://any");
    const path = pathname.replace(/^\/api\/v1\//, "");
    const headers: Record<string, string> = {};
    for (const name of REQUEST_HEADERS) {
      const value = request.headers[name];
      if (typeof value === "string") headers[name] = value;
    }
    const body = await buffer(request);
    if (path === "tee/attestation" && attestations++ < failures) return sendJson(response, 502, { error: "Bad gateway" });
    if (path === "chat/completions") chats.push(JSON.parse(body.toString()) as Json);
    const asked = await fetch(`${baseUrl}/${path}${search}`, {
      method: request.method ?? "GET",
      headers,
      ...(body.length > 0 && { body }),
    });
    if (!asked.ok) return sendJson(response, asked.status, reshapeError(asked.status, (await asked.json()) as Json));
    if (path === "chat/completions") return sendStream(response, asked);
    const value = (await asked.json()) as Json;
    sendJson(
      response,
      200,
      path === "tee/attestation" ? reshapeAttestation(value, quote) : path === "tee/signature" ? without(value, OURS) : value,
    );
  }

  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`,
    attestations: () => attestations,
    failFirst(count) {
      failures = count;
    },
    chats,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** The quote's encoding, the event log as a text, and the key by its other name, without its first byte. */
function reshapeAttestation(ours: Json, encoding: "base64" | "hex"): Json {
  const key = ours["signing_key"] as string;
  const { quote_encoding: from, event_log: log, info, ...others } = without(ours, OURS);
  const quote = Buffer.from(ours["intel_quote"] as string, from as "base64" | "hex");
  return {
    ...others,
    intel_quote: quote.toString(encoding),
    signing_public_key: key.slice(2),
    event_log: JSON.stringify(log),
    info: { ...info, tcb_info: JSON.stringify(info.tcb_info) },
    model_name: "upstream",
    candidates_available: 3,
    tee_fresh: true,
  };
}

function without(value: Json, names: readonly string[]): Json {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}

/** Three shapes for three kinds of trouble. */
function reshapeError(status: number, { error }: Json): Json {
  if (status === 401) return { error: "Authentication failed" };
  return status === 404
    ? { message: error.message as string }
    : { error: { message: error.message as string, type: error.type as string } };
}

/** Up to `[DONE]`, which is where it ends there. */
async function sendStream(response: ServerResponse, asked: Response): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  let seen = "";
  for await (const piece of asked.body ?? []) {
    const before = seen.length;
    seen += Buffer.from(piece).toString("latin1");
    const done = seen.indexOf(DONE);
    response.write(Buffer.from(seen.slice(before, done === -1 ? undefined : done + DONE.length), "latin1"));
    if (done !== -1) break;
  }
  response.end();
}

function sendJson(response: ServerResponse, status: number, value: Json): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}
