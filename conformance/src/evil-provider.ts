import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate } from "node:timers/promises";
import { bindNonce, HEADERS, type KeyPair, parseClientKey, parseHex } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { createSimulator } from "@bauta/simulator";
import { type Exchange, isRawReply, type Misbehaviour, type RawReply, type RelayedRequest, type Scene } from "./case.ts";
import { type GenuineSide, MODEL } from "./genuine-side.ts";
import { mintEvidence } from "./mint-evidence.ts";
import type { RecordedCall, RecordedChat } from "./record.ts";
import { type JsonObject, errorBody, isAnswer, type RelayedAnswer } from "./relayed-answer.ts";

/** Path of what stands in for NVIDIA's services. */
const NVIDIA = "/nvidia";
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** One provider, misbehaving in one way. */
export interface EvilProvider {
  readonly baseUrl: string;
  /** Where NVIDIA's services are said to be; they are down. */
  readonly nvidiaUrl: string;
  /** The root that its client is told, DER. */
  readonly trustRoot: Uint8Array;
  readonly calls: readonly RecordedCall[];
  close(): Promise<void>;
}

/** Starts a gateway that does to its client what `misbehaviour` says and is honest otherwise. */
export async function startEvilProvider(genuine: GenuineSide, misbehaviour: Misbehaviour, nowMs: () => number): Promise<EvilProvider> {
  const { untrusted = false, ...options } = misbehaviour.machine ?? {};
  const machine = misbehaviour.machine ? createSimulator({ ...options, nowMs: nowMs() }) : genuine.platform;
  const operator: KeyPair = backend.createKeyPair();
  const scene: Scene = { genuine, machine, operator };
  genuine.breakGpus(misbehaviour.gpuFaults);
  const calls: RecordedCall[] = [];
  let exchange: Exchange | undefined;
  const record = (kind: RecordedCall["kind"], received: Buffer, isForged = false) => void calls.push({ kind, forged: isForged, received });

  async function attest(query: URLSearchParams, received: Buffer): Promise<JsonObject | RawReply> {
    const model = query.get("model") ?? "";
    const nonce = query.get("nonce") ?? "";
    const again = calls.some(({ kind }) => kind === "chat");
    // The enclave would refuse it in the same words.
    if (!bindNonce(nonce, true)) return refuse(400, "Nonce must be exactly 32 bytes", "invalid_nonce");
    const honest = await genuine.attest(model, nonce);
    const mint = misbehaviour.machine && (() => mintEvidence({ machine, model, nonce, publicKey: operator.publicKey }));
    const reply = misbehaviour.attest ? await misbehaviour.attest(honest, { model, nonce, again }, scene) : await (mint?.() ?? honest);
    record("attestation", received, reply !== honest || misbehaviour.gpuFaults !== undefined);
    return reply;
  }

  async function chat(request: RelayedRequest, received: Buffer): Promise<RelayedAnswer> {
    const firstChat = calls.findIndex(({ kind }) => kind === "chat");
    // Not by counting requests: Node's fetch repeats one by itself when it is answered by 421.
    const reattested = firstChat >= 0 && calls.slice(firstChat).some(({ kind }) => kind === "attestation");
    const current: Exchange = { ...scene, request, reattested, clientKey: clientKeyOf(request), envelopes: envelopesOf(request) };
    exchange = current;
    const sealedWhole = request.headers[HEADERS.encapsulatedKey] !== undefined;
    const recorded: RecordedChat = { body: Buffer.from(request.body), sealedWhole, status: undefined };
    calls.push({ kind: "chat", forged: false, received, chat: recorded });
    const answer = await answerChat(request, current);
    recorded.status = answer.status;
    return answer;
  }

  async function answerChat(request: RelayedRequest, current: Exchange): Promise<RelayedAnswer> {
    const relayed = (await misbehaviour.request?.(request, current)) ?? request;
    if (isAnswer(relayed)) return relayed;
    const answer = await genuine.chat(relayed.headers, relayed.body, relayed.path);
    return answer.status === 200 && misbehaviour.answer ? misbehaviour.answer(answer, current) : answer;
  }

  async function sign(query: URLSearchParams, received: Buffer): Promise<JsonObject | RawReply | undefined> {
    record("signature", received);
    const honest = await genuine.signature(query.get("model") ?? "", query.get("request_id") ?? "");
    return misbehaviour.signature && exchange ? misbehaviour.signature(honest, exchange) : honest;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    const received = Buffer.concat([Buffer.from(`${request.url ?? ""}\n${request.rawHeaders.join("\n")}\n`), body]);
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://provider");
    const path = pathname.replace(/^\/(?:api\/)?v1\//, "");
    if (path === "chat/completions" && request.method === "POST")
      return writeAnswer(response, await chat({ headers: sealedHeaders(request), body }, received));
    if (path === "tee/attestation") return writeJson(response, await attest(searchParams, received));
    if (path === "tee/signature") return writeJson(response, (await sign(searchParams, received)) ?? notFound("receipt_not_found"));
    if (pathname.startsWith(NVIDIA)) {
      record("nvidia", received);
      return writeJson(response, { status: 503, headers: {}, body: "" });
    }
    const known = path === "models";
    record(known ? "models" : "elsewhere", received);
    writeJson(response, known ? MODELS : notFound("not_found"));
  }

  const server = createServer((request, response) => {
    request.socket.setNoDelay(true);
    // A client that hangs up in the middle of a forged answer is doing the right thing.
    response.on("error", () => {});
    answer(request, response).catch((error: unknown) => {
      if (!request.socket.destroyed) failure ??= error;
      response.destroy();
    });
  });
  let failure: unknown;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`,
    nvidiaUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}${NVIDIA}`,
    trustRoot: untrusted ? genuine.platform.rootDer : machine.rootDer,
    calls,
    async close() {
      await new Promise<void>((resolve) => server.close(() => resolve()).closeAllConnections());
      // A provider that broke instead of misbehaving would make every client look good.
      if (failure !== undefined) throw failure;
    },
  };
}

const MODELS = {
  object: "list",
  data: [
    {
      id: MODEL,
      object: "model",
      created: 1,
      owned_by: "conformance",
      type: "text",
      context_length: 4096,
      model_spec: {
        name: MODEL,
        privacy: "private",
        availableContextTokens: 4096,
        maxCompletionTokens: 4096,
        capabilities: { supportsTeeAttestation: true, supportsE2EE: true },
      },
    },
  ],
};

const refuse = (status: number, message: string, code: string): RawReply => ({
  status,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(errorBody(message, code)),
});
const notFound = (code: string) => refuse(404, "not found", code);

const RELAYED_HEADERS = [
  HEADERS.clientPublicKey,
  HEADERS.modelPublicKey,
  HEADERS.signingAlgorithm,
  HEADERS.nonce,
  HEADERS.encapsulatedKey,
  HEADERS.model,
];

function sealedHeaders(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    RELAYED_HEADERS.flatMap((name) => (typeof request.headers[name] === "string" ? [[name, request.headers[name]]] : [])),
  );
}

function clientKeyOf({ headers }: RelayedRequest): Uint8Array {
  return parseClientKey(headers[HEADERS.clientPublicKey] ?? "") ?? new Uint8Array(65);
}

function envelopesOf({ body }: RelayedRequest): string[] {
  let messages: unknown;
  try {
    ({ messages } = JSON.parse(new TextDecoder().decode(body)) as { messages?: unknown });
  } catch {
    return [];
  }
  const contents = Array.isArray(messages) ? messages.map((message: unknown) => (message as { content?: unknown } | null)?.content) : [];
  return contents.filter((content): content is string => typeof content === "string" && parseHex(content, MAX_BODY_BYTES) !== undefined);
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_BODY_BYTES) throw new RangeError(`a client sent more than ${MAX_BODY_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function writeJson(response: ServerResponse, reply: JsonObject | RawReply): void {
  const raw = isRawReply(reply) ? reply : { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(reply) };
  response.writeHead(raw.status, raw.headers).end(raw.body);
}

async function writeAnswer(response: ServerResponse, { status, headers, blocks, ending }: RelayedAnswer): Promise<void> {
  response.writeHead(status, headers);
  response.flushHeaders();
  for (const block of blocks) {
    if (response.destroyed) return;
    response.write(block);
    // Lets each block leave on its own.
    await setImmediate();
  }
  if (ending === "closed") {
    response.end();
    return;
  }
  // What was written has to arrive first: the cut is behind it, not instead of it.
  await new Promise<void>((resolve) => response.write("", () => resolve()));
  response.destroy();
}
