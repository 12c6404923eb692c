import { addressOf, type CryptoBackend, SIGNING_ALGORITHM, toHex, WireError } from "@bauta/protocol";
import { backend as platformBackend } from "@bauta/protocol/backend";
import type { FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { attest } from "./attest.ts";
import { createChatHandler } from "./chat.ts";
import { assertNotDebuggable, currentProcess, findDebugSurfaces, refuseDebuggerSignal } from "./debug-surfaces.ts";
import { assertSealedBody, createEmbeddingsHandler } from "./embeddings.ts";
import { assertDescribable } from "./keys.ts";
import { createLog, type LogOptions } from "./log.ts";
import { type EnclaveModel, findModel, indexModels, isSealed, maxCompletionTokens } from "./model.ts";
import { createOpenAnswers } from "./open-answers.ts";
import type { Platform } from "./platform.ts";
import { assertBodyHeaders } from "./read-body.ts";
import { createReceiptStore, type ReceiptStoreOptions } from "./receipt-store.ts";
import { createBodyKeys } from "./sealed-body/body-keys.ts";
import { createServer } from "./server.ts";
import { EnclaveSetupError } from "./setup-error.ts";
import { createUncollectedReceipts } from "./uncollected-receipts.ts";

export interface EnclaveOptions {
  readonly platform: Platform;
  readonly models: readonly EnclaveModel[];
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /**
   * Takes only what our own client sends: every role's content sealed, by the key of the client-key header. Plaintext,
   * a swapped header and an envelope copied from someone else's request are refused. Clients of the published protocol
   * may seal under another key than their header's; for them this must stay off, as it is by default. Sealed bodies
   * (version 2) must then name their call and their time inside the seal, which clients of EHBP alone do not.
   */
  readonly strict?: boolean;
  /** Cryptography; the platform's by default. */
  readonly backend?: CryptoBackend;
  readonly log?: LogOptions;
  /** How long an HPKE key is offered before another takes its place; 23 hours by default, and at most. */
  readonly bodyKeyRotateMs?: number;
  readonly receipts?: Omit<ReceiptStoreOptions, "nowMs">;
  /** How long a request may take to arrive; 60 seconds by default. */
  readonly requestTimeoutMs?: number;
  /**
   * How long a client may take none of the bytes that lie ready for it before its connection is closed; 5 minutes by
   * default. An answer that is slow because the engine is slow has no such bytes, and may take as long as it likes.
   */
  readonly stallTimeoutMs?: number;
  /** How long `close` lets answers finish; 25 seconds by default. */
  readonly graceMs?: number;
  /** How long `close` then keeps listening, within the grace period, for the last receipts to be fetched; 2 seconds by default. */
  readonly receiptLingerMs?: number;
  /**
   * INSECURE: start although the environment or Node's arguments can bring in other code or certificates, or a
   * debugger is open, and let SIGUSR1 open one. Whoever controls those can read prompts. For a demo on a software
   * platform only.
   */
  readonly allowDebuggableProcess?: boolean;
}

/**
 * How long nothing may have come before a server that stops lets its connections go: a request that crosses that on its
 * way would be lost, and who sent it could not tell whether it was read. Whoever sends meanwhile is told to go elsewhere.
 */
const QUIET_MS = 100;

/** Where receipts are fetched, also while the last answers finish. */
const RECEIPT_ROUTE = "/v1/tee/signature";

/** A running attester: its key is made when it is created and never leaves the process. */
export interface Enclave {
  /** 65 bytes `04 ‖ x ‖ y`. */
  readonly publicKey: Uint8Array;
  /** `0x` and 40 hex digits. */
  readonly address: string;
  /** What makes this process debuggable: empty, unless `allowDebuggableProcess` let it start nevertheless. */
  readonly debugSurfaces: readonly string[];
  /**
   * Serves on this address; port 0 takes a free one.
   * @throws {EnclaveSetupError} `address-in-use`, `cannot-listen`
   */
  listen(where: {
    readonly host?: string;
    readonly port: number;
  }): Promise<{ readonly host: string; readonly port: number; readonly url: string }>;
  /**
   * Refuses new requests, lets answers finish within the grace period and their receipts be fetched, then ends.
   * Engines and platform stay their makers' to close.
   */
  close(): Promise<void>;
}

/**
 * Makes an enclave's server. From then on SIGUSR1 opens no debugger in this process, unless `allowDebuggableProcess`.
 * @throws {EnclaveSetupError} when an option is wrong, or the process can be debugged
 * @see spec/protocol.md
 */
export function createEnclave(options: EnclaveOptions): Enclave {
  const { platform, nowMs, backend = platformBackend, graceMs = 25_000 } = options;

  // 1. Nobody else's code, no debugger. The signal first, or one could come between.
  const mayBeDebugged = options.allowDebuggableProcess === true;
  if (!mayBeDebugged) refuseDebuggerSignal();
  const debugSurfaces = findDebugSurfaces(currentProcess());
  if (!mayBeDebugged) assertNotDebuggable(debugSurfaces);

  // 2. A key of this process's own.
  const models = indexModels(options.models);
  for (const model of models.values()) assertDescribable(model);
  const bodyKeys = createBodyKeys({
    backend,
    nowMs,
    ...(options.bodyKeyRotateMs !== undefined && { rotateMs: options.bodyKeyRotateMs }),
  });
  const modelKey = backend.createKeyPair();
  const address = `0x${toHex(addressOf(modelKey.publicKey))}`;

  // 3. The server.
  const log = createLog(options.log ?? {});
  const answers = createOpenAnswers();
  const receipts = createReceiptStore({ nowMs, ...options.receipts });
  const uncollected = createUncollectedReceipts(options.receiptLingerMs ?? 2_000);
  const server = createServer({
    log,
    answers,
    requestTimeoutMs: options.requestTimeoutMs ?? 60_000,
    stallTimeoutMs: options.stallTimeoutMs ?? 300_000,
    servedWhileDraining: [RECEIPT_ROUTE],
  });
  const { publicKey } = modelKey;
  const strict = options.strict ?? false;
  const answering = { backend, modelKey, models, publicKey, bodyKeys, strict, nowMs, receipts, uncollected, answers };
  const chat = createChatHandler(answering);
  const embeddings = createEmbeddingsHandler(answering);

  server.get("/healthz", () => Promise.resolve({ status: "ok" }));

  server.get("/v1/models", () => Promise.resolve({ data: [...models.values()].map(describeModel) }));

  server.get("/v1/tee/attestation", (request) => {
    const query = request.query as Readonly<Record<string, unknown>>;
    const model = findModel(models, query["model"]);
    // Somebody else ends TLS for this process, so it has no certificate to bind, and must not look as if it had bound one.
    if (query["include_tls_fingerprint"] !== undefined && query["include_tls_fingerprint"] !== "false")
      throw new WireError("unsupported_field", { param: "include_tls_fingerprint" });
    const nonce = queryText(query, "nonce");
    return bodyKeys.refresh().then(() => attest({ platform, backend, modelKey, bodyKeys, nowMs }, model, nonce));
  });

  server.get(RECEIPT_ROUTE, (request, reply) => {
    const query = request.query as Readonly<Record<string, unknown>>;
    const model = findModel(models, query["model"]);
    const requestId = queryText(query, "request_id");
    const signed = receipts.get(requestId, model.id);
    if (!signed) throw new WireError("receipt_not_found", { param: "request_id" });
    reply.raw.once("finish", () => uncollected.collected(requestId));
    return Promise.resolve({
      text: signed.text,
      signature: signed.signature,
      signing_address: address,
      signing_algo: SIGNING_ALGORITHM,
      model: model.id,
      request_id: requestId,
      receipt: signed.receipt,
      receipt_signature: signed.receiptSignature,
    });
  });

  server.post("/v1/chat/completions", { onRequest: async (request) => assertBodyHeaders(request.headers) }, chat);

  const onEmbeddings = async (request: FastifyRequest) => {
    assertSealedBody(request.headers);
    assertBodyHeaders(request.headers);
  };
  server.post("/v1/embeddings", { onRequest: onEmbeddings }, embeddings);

  let lastRequestMs = -Infinity;
  server.addHook("onRequest", async () => {
    lastRequestMs = performance.now();
  });

  async function untilQuiet(endMs: number): Promise<void> {
    for (;;) {
      const leftMs = Math.min(lastRequestMs + QUIET_MS, endMs) - performance.now();
      if (leftMs <= 0) return;
      await new Promise((resolve) => setTimeout(resolve, leftMs));
    }
  }

  async function shutDown(): Promise<void> {
    const endMs = performance.now() + graceMs;
    try {
      await answers.drain(graceMs);
      await uncollected.wait(endMs - performance.now());
      await untilQuiet(endMs);
      await server.close();
    } finally {
      modelKey.secretKey.fill(0);
      bodyKeys.close();
    }
  }

  let closing: Promise<void> | undefined;
  return {
    publicKey,
    address,
    debugSurfaces,
    async listen({ host = "127.0.0.1", port }) {
      // A signal that came just before creation may have opened a debugger since.
      if (!mayBeDebugged) assertNotDebuggable(findDebugSurfaces(currentProcess()));
      await bodyKeys.refresh();
      try {
        await server.listen({ host, port });
      } catch (error) {
        throw listenError(error, host, port);
      }
      announce(log, options, address, debugSurfaces);
      const listening = server.server.address();
      const bound = typeof listening === "object" && listening !== null ? listening.port : port;
      return { host, port: bound, url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}` };
    },
    close() {
      closing ??= shutDown();
      return closing;
    },
  };
}

function describeModel(model: EnclaveModel): Readonly<Record<string, unknown>> {
  return {
    id: model.id,
    context_length: model.engine.contextTokens,
    max_completion_tokens: maxCompletionTokens(model),
    sealed: isSealed(model),
    engine: model.engine.name,
    ...(model.engine.features && { features: model.engine.features }),
  };
}

function announce(log: Logger, { platform, models }: EnclaveOptions, address: string, debugSurfaces: readonly string[]): void {
  log.info(
    { platform: platform.name, simulated: platform.simulated, signingAddress: address, models: models.map(({ id }) => id) },
    "enclave listening",
  );
  if (platform.simulated) log.warn("SIMULATED: this platform is software and protects nothing");
  if (debugSurfaces.length > 0)
    log.warn({ debugSurfaces }, "INSECURE: this process can be debugged or made to load other code, and was started all the same");
}

/** @throws {WireError} `missing_field`, or `invalid_field` where it stands twice */
function queryText(query: Readonly<Record<string, unknown>>, name: string): string {
  const value = query[name];
  if (value === undefined) throw new WireError("missing_field", { param: name });
  if (typeof value !== "string") throw new WireError("invalid_field", { param: name });
  return value;
}

function listenError(error: unknown, host: string, port: number): EnclaveSetupError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "EADDRINUSE")
    return new EnclaveSetupError("address-in-use", `port ${port} on ${host} is in use: choose another, or stop what uses it`, error);
  return new EnclaveSetupError("cannot-listen", `cannot listen on ${host} port ${port} (${code ?? "unknown error"})`, error);
}
