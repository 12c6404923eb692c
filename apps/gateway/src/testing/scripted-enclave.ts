import { createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import {
  addressOf,
  type Awaitable,
  bindNonce,
  createReportData,
  protectionOf,
  canonicalJson,
  type KeyPair,
  type KeysStatement,
  signText,
  statementText,
  toBase64,
  toHex,
  WireError,
  type WireErrorCode,
} from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";

/** What mints the quotes: a simulator. */
export interface QuoteSource {
  readonly teeProvider: string;
  readonly teeHardware: string;
  quote(reportData: Uint8Array): Promise<Uint8Array>;
  endorsements(): Promise<object>;
  describe(): Promise<{ readonly eventLog: unknown; readonly info: Record<string, unknown> }>;
  /** With GPUs, answers have a keys statement too, which names their evidence. */
  readonly gpus?: {
    readonly rims: readonly string[];
    payload(nonce: Uint8Array): Promise<string>;
    ocsp(): Promise<readonly Uint8Array[]>;
  };
}

/** A relayed request as it arrived. */
export interface SeenRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The connection that it came on. */
  readonly socket: Socket;
}

type ChatScript = (seen: SeenRequest, response: ServerResponse) => void;
type Reply = { readonly status: number; readonly body: unknown };
/** Instead of a reply: the connection ends there. */
type Cut = "cut";

/**
 * An enclave for tests: real quotes over a real key, and answers by script. Plain `node:http`, so that it can do what
 * the enclave proper never would.
 */
export class ScriptedEnclave {
  readonly requests: SeenRequest[] = [];
  readonly server: Server;
  #keys: KeyPair = backend.createKeyPair();
  attestations = 0;
  /** Connections that evidence was asked for over. */
  readonly attested = new WeakSet<Socket>();
  source: QuoteSource;
  chat: ChatScript = (_seen, response) => answerJson(response, 200, { id: "chatcmpl-1" });
  /** What it says of its models. */
  models: Reply = { status: 200, body: { data: [] } };
  signature: (query: URLSearchParams) => Awaitable<Reply | Cut> = () => errorReply("receipt_not_found");
  /** Changes an attestation answer before it is sent, or replaces it. */
  tamper: (answer: Record<string, unknown>) => Reply = (answer) => ({ status: 200, body: answer });
  readonly #sockets = new Set<Socket>();

  private constructor(source: QuoteSource) {
    this.source = source;
    this.server = createServer((request, response) => void this.#answer(request, response));
    this.server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  static async start(source: QuoteSource, port = 0): Promise<ScriptedEnclave> {
    const enclave = new ScriptedEnclave(source);
    await new Promise<void>((settle) => enclave.server.listen(port, "127.0.0.1", settle));
    return enclave;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** The key it attests, 130 hex digits; a new one stands for a restart. */
  get key(): string {
    return toHex(this.#keys.publicKey);
  }

  restart(): void {
    this.#keys = backend.createKeyPair();
  }

  /** Cuts every connection. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Cuts every connection and stops listening. */
  async kill(): Promise<void> {
    this.cutAll();
    await new Promise<void>((settle) => this.server.close(() => settle()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://enclave");
    if (url.pathname === "/v1/models") return answerJson(response, this.models.status, this.models.body);
    if (request.method === "POST") {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const seen = { path: url.pathname, headers: request.headers, body: Buffer.concat(chunks), socket: request.socket };
      this.requests.push(seen);
      this.chat(seen, response);
      return;
    }
    const attesting = url.pathname === "/v1/tee/attestation";
    if (attesting) this.attested.add(request.socket);
    const reply = attesting ? await this.#attest(url.searchParams) : await this.signature(url.searchParams);
    if (reply === "cut") return void request.socket.resetAndDestroy();
    answerJson(response, reply.status, reply.body);
  }

  async #attest(query: URLSearchParams): Promise<Reply> {
    this.attestations++;
    const model = query.get("model") ?? "";
    const nonce = query.get("nonce") ?? "";
    const bound = bindNonce(nonce, protectionOf(model) === "sealed");
    if (!bound) return errorReply("invalid_nonce");
    const { key, source } = this;
    const address = addressOf(this.#keys.publicKey);
    const quote = await source.quote(createReportData(address, bound.bytes));
    const { eventLog, info } = await source.describe();
    return this.tamper({
      nonce,
      nonce_source: "client",
      request_nonce: nonce,
      model,
      tee_provider: source.teeProvider,
      tee_hardware: source.teeHardware,
      intel_quote: toHex(quote),
      signing_key: key,
      signing_public_key: key,
      signing_address: `0x${toHex(address)}`,
      signing_algo: "ecdsa",
      event_log: eventLog,
      info,
      endorsements: await source.endorsements(),
      ...(source.gpus && (await this.#attestGpus(source.gpus, model, bound.bytes))),
    });
  }

  async #attestGpus(gpus: NonNullable<QuoteSource["gpus"]>, model: string, nonce: Uint8Array): Promise<object> {
    const payload = await gpus.payload(nonce);
    const statement: KeysStatement = {
      nonce: toHex(nonce),
      model,
      versions: ["1"],
      key_origin: "boot",
      hpke_key_config: null,
      gpu_evidence_sha256: createHash("sha256").update(payload).digest("hex"),
      weights: null,
      engine: { name: "scripted", image_digest: null },
      not_after: 32_503_680_000,
    };
    return {
      nvidia_payload: payload,
      gpu_endorsements: { rims: gpus.rims, ocsp: (await gpus.ocsp()).map((der) => toBase64(der)) },
      keys: canonicalJson(statement),
      keys_signature: signText(backend, this.#keys.secretKey, statementText("bauta/keys/1", statement)),
    };
  }
}

export function answerJson(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text), ...headers });
  response.end(text);
}

/** Headers of a streamed answer. */
export function streamHeaders(requestId = `chatcmpl-${randomBytes(8).toString("hex")}`): Record<string, string> {
  return { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-transform, no-store", "bauta-request-id": requestId };
}

export function errorReply(code: WireErrorCode): Reply {
  const error = new WireError(code);
  return { status: error.status, body: error.toBody() };
}
