import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  addressOf,
  createReportData,
  HEADERS,
  type KeyPair,
  parseHex,
  type Receipt,
  sha256Hex,
  type SignedReceipt,
  toHex,
} from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { createPlainWriter, createSealedWriter, openRequest, signReceipt } from "@bauta/protocol/enclave";
import { createSimulator } from "@bauta/simulator";
import { afterEach, expect, it } from "vitest";
import { type Chat, type Client, type ClientOptions, createClient, type Outcome } from "./index.ts";

// Support for the other tests of this folder: a server whose enclave is real (simulated TEE, real cryptography) and
// whose every answer a test can change. The tests of its own run only when this file is run.

export const MODEL = "e2ee-scripted";
export const VISIBLE_MODEL = "tee-scripted";
export const API_KEY = "sk-test-do-not-repeat-this-key";
export const CANARY = "canary-7d1f";
export const NOW_MS = Date.UTC(2026, 0, 15, 12);
export const simulator = createSimulator({ nowMs: NOW_MS, seed: "client tests" });

/** One chat request as the server got it, with everything needed to answer it honestly or otherwise. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
  /** Empty when the request does not open for the enclave's present key. */
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  /** The answer's events as texts: start, one per delta, finish, `[DONE]`, receipt. */
  events(options?: { deltas?: readonly Delta[]; receipt?: Partial<Receipt>; signer?: KeyPair }): Promise<string[]>;
  /** Writes a stream and ends it. */
  stream(events: readonly string[]): void;
  readonly requestId: string;
}

export interface Delta {
  readonly content?: string;
  readonly reasoning?: string;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;
export type Attested = Record<string, unknown> & { intel_quote: string; signing_key: string; signing_address: string };

/** What a test changes; whatever it leaves out is honest. */
export interface Script {
  attestation?: (honest: Attested, request: IncomingMessage, response: ServerResponse) => unknown;
  chat?: (exchange: Exchange) => void | Promise<void>;
  signature?: Handler;
  models?: Handler;
}

export const DELTAS: readonly Delta[] = [{ reasoning: "think" }, { content: "Two" }, { content: " and ☂" }, { content: " two" }];
export const TEXT = "Two and ☂ two";

export interface ScriptedServer {
  readonly baseURL: string;
  readonly script: Script;
  /** Paths with query, in order. */
  readonly seen: string[];
  readonly exchanges: Exchange[];
  readonly receipts: Map<string, SignedReceipt>;
  modelKey: KeyPair;
  client(options?: Partial<ClientOptions>): Client;
  /** How many requests began with this path below the base. */
  count(path: string): number;
  close(): Promise<void>;
}

const servers: ScriptedServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

export async function startServer(script: Script = {}): Promise<ScriptedServer> {
  const seen: string[] = [];
  const exchanges: Exchange[] = [];
  const receipts = new Map<string, SignedReceipt>();
  const http = createServer((request, response) => {
    // Whoever hangs up is a test's own doing.
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    void route(request, response);
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const baseURL = `http://127.0.0.1:${(http.address() as AddressInfo).port}/api/v1`;

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", baseURL);
    const path = url.pathname.replace("/api/v1/", "");
    const body = await readBody(request);
    seen.push(`${path}${url.search}`);
    if (path === "models") return (script.models ?? serveModels)(request, response);
    if (path === "tee/attestation") {
      const answer = await honestAttestation(url.searchParams, server.modelKey);
      const scripted = script.attestation ? await script.attestation(answer, request, response) : answer;
      if (!response.headersSent && scripted !== undefined) reply(response, 200, scripted);
      return;
    }
    if (path === "tee/signature") return (script.signature ?? serveReceipt)(request, response);
    const exchange = await createExchange(server, request, response, body);
    exchanges.push(exchange);
    return script.chat ? script.chat(exchange) : exchange.stream(await exchange.events());
  }

  function serveReceipt(request: IncomingMessage, response: ServerResponse): void {
    const signed = receipts.get(queryOf(request).get("request_id") ?? "");
    if (signed) reply(response, 200, servedReceipt(signed));
    else reply(response, 404, { error: { message: "none", type: "x", code: "receipt_not_found", param: null } });
  }

  const server: ScriptedServer = {
    baseURL,
    script,
    seen,
    exchanges,
    receipts,
    modelKey: backend.createKeyPair(),
    count: (path) => seen.filter((one) => one.startsWith(path)).length,
    client: (options = {}) =>
      createClient({
        baseURL,
        apiKey: API_KEY,
        policy: simulator.policy("pinned"),
        trustRoots: [simulator.rootDer],
        nowMs: () => NOW_MS,
        ...options,
      }),
    async close() {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  servers.push(server);
  return server;
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  try {
    for await (const part of request) parts.push(part as Buffer);
  } catch {
    // The client hung up while sending.
  }
  return Buffer.concat(parts);
}

export function reply(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

export const servedReceipt = (signed: SignedReceipt) => ({
  text: signed.text,
  signature: signed.signature,
  receipt: signed.receipt,
  receipt_signature: signed.receiptSignature,
});

function serveModels(_request: IncomingMessage, response: ServerResponse): void {
  const spec = { name: "Scripted", availableContextTokens: 4096, maxCompletionTokens: 512, offline: false };
  reply(response, 200, {
    object: "list",
    data: [MODEL, VISIBLE_MODEL, "open-model"].map((id) => ({ id, object: "model", context_length: 9, model_spec: spec })),
  });
}

/** An attestation answer that a verifier accepts, for any nonce and key. */
export async function honestAttestation(query: URLSearchParams, key: KeyPair): Promise<Attested> {
  const nonce = query.get("nonce") ?? "";
  const address = addressOf(key.publicKey);
  const quote = await simulator.quote(createReportData(address, parseHex(nonce, 32) ?? new Uint8Array(32)));
  const { eventLog, info } = await simulator.describe();
  return {
    verified: true,
    nonce,
    model: query.get("model"),
    tee_provider: simulator.teeProvider,
    intel_quote: toHex(quote),
    signing_key: toHex(key.publicKey),
    signing_address: `0x${toHex(address)}`,
    event_log: eventLog,
    info,
    endorsements: await simulator.endorsements(),
  };
}

let answers = 0;

async function createExchange(server: ScriptedServer, request: IncomingMessage, response: ServerResponse, body: Buffer): Promise<Exchange> {
  const requestId = `chatcmpl-${++answers}`;
  const parsed = JSON.parse(body.toString()) as { model: string; messages: { role: string; content: string }[] };
  const sealed = request.headers[HEADERS.clientPublicKey] !== undefined;
  const opened = sealed
    ? await openRequest(parsed, request.headers, { backend, modelKey: server.modelKey, strict: true }).catch(() => undefined)
    : undefined;

  const exchange: Exchange = {
    request,
    response,
    body,
    requestId,
    messages: sealed ? (opened?.request.messages ?? []) : parsed.messages,

    async events({ deltas = DELTAS, receipt = {}, signer = server.modelKey } = {}) {
      const head = { id: requestId, model: parsed.model, created: 1 };
      const writer = opened ? await createSealedWriter(backend, opened.clientKey, head) : createPlainWriter(backend, head);
      const text = [writer.start()];
      for (const delta of deltas) text.push(await writer.delta(delta));
      const { bytes, hashes } = writer.finish("stop", undefined);
      const signed = signReceipt(backend, signer.secretKey, {
        request_id: requestId,
        model: parsed.model,
        client_nonce: request.headers[HEADERS.nonce] as string,
        request_sha256: sha256Hex(backend, body),
        response_sha256: hashes.responseSha256,
        envelopes_sha256: opened ? hashes.envelopesSha256 : null,
        finish_reason: "stop",
        usage: { prompt_tokens: 3, completion_tokens: deltas.length, total_tokens: 3 + deltas.length },
        weights: null,
        engine: { name: "scripted", image_digest: null },
        created: 1,
        ...receipt,
      });
      server.receipts.set(requestId, signed);
      return [...text, bytes, writer.receipt(signed)].flatMap((part) =>
        Buffer.from(part)
          .toString()
          .split(/(?<=\n\n)/),
      );
    },

    stream(events) {
      beginStream(exchange);
      response.end(events.join(""));
    },
  };
  return exchange;
}

export function beginStream({ response, requestId }: Exchange): ServerResponse {
  return response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", [HEADERS.requestId]: requestId });
}

/** The JSON of one event. */
export function eventJson(event: string): Record<string, unknown> & { choices: { delta: Record<string, unknown> }[] } {
  return JSON.parse(event.slice("data: ".length)) as ReturnType<typeof eventJson>;
}

export const toEvent = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;

/** An event with the members of its delta replaced. */
export function withDelta(event: string, delta: Record<string, unknown>): string {
  const json = eventJson(event);
  return toEvent({ ...json, choices: [{ ...json.choices[0], delta }] });
}

export const QUESTION = [
  { role: "system", content: "be brief" },
  { role: "user", content: `what is 2+2? ${CANARY}` },
] as const;

export interface Read {
  readonly text: string;
  readonly reasoning: string;
  /** What the iteration threw. */
  readonly thrown: unknown;
  readonly outcome: Outcome;
}

export async function readAll(chat: Chat): Promise<Read> {
  let text = "";
  let reasoning = "";
  let thrown: unknown;
  try {
    for await (const delta of chat) {
      text += delta.content;
      reasoning += delta.reasoning;
    }
  } catch (error) {
    thrown = error;
  }
  return { text, reasoning, thrown, outcome: await chat.outcome };
}

/** Asks the question under test and reads the answer to its end. */
export async function ask(server: ScriptedServer, options: Partial<ClientOptions> = {}): Promise<Read> {
  return readAll(await server.client(options).chat({ model: MODEL, messages: QUESTION }));
}

// The events of an honest answer: 0 role, 1 reasoning, 2–4 content, 5 finish, 6 [DONE], 7 receipt.
export type Change = (events: string[], exchange: Exchange) => string[] | Promise<string[]>;

export const NO_RECEIPT = 7;
export const FINISH = 5;

/** Answers with a changed stream; the receipt that the enclave would serve stays honest. */
export async function askWith(change: Change) {
  const server = await startServer({
    async chat(exchange) {
      exchange.stream(await change(await exchange.events(), exchange));
    },
  });
  return { server, ...(await ask(server)) };
}

export function replaceAt(events: string[], i: number, ...replacement: string[]): string[] {
  return events.toSpliced(i, 1, ...replacement);
}

/** An envelope that somebody other than the enclave sealed to the client. */
export async function strangersEvent({ request }: Exchange): Promise<string> {
  const clientKey = Buffer.from(request.headers[HEADERS.clientPublicKey] as string, "hex");
  const writer = await createSealedWriter(backend, clientKey, { id: "chatcmpl-x", model: MODEL, created: 1 });
  return Buffer.from(await writer.delta({ content: "INJECTED" })).toString();
}

/** Holds a handler until the test lets it go on, and tells the test that it has come there. */
export function createGate() {
  const arrivals: (() => void)[] = [];
  const waiting: (() => void)[] = [];
  return {
    pass: () =>
      new Promise<void>((resolve) => {
        waiting.push(resolve);
        arrivals.shift()?.();
      }),
    /** Resolves when a handler waits, or at once when one does. */
    arrival: () => new Promise<void>((resolve) => void (waiting.length > 0 ? resolve() : arrivals.push(resolve))),
    open: () => waiting.splice(0).forEach((resolve) => resolve()),
  };
}

/** An element that must be there. */
export function at<T>(list: readonly T[], i: number): T {
  const element = list[i];
  if (element === undefined) throw new Error(`nothing at ${i} of ${list.length}`);
  return element;
}

/** The query of a request. */
export const queryOf = (request: IncomingMessage): URLSearchParams => new URL(request.url ?? "/", "http://localhost").searchParams;

/** What a promise rejects with; a promise that does not reject fails the test. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("expected a rejection");
}

if (expect.getState().testPath === import.meta.filename) {
  it("opens what the client sealed and signs what it answered", async () => {
    const server = await startServer();
    await ask(server);
    expect(server.exchanges[0]?.messages).toEqual(QUESTION);
    expect(server.receipts.size).toBe(1);
  });
}
