import { addressOf, type CryptoBackend, SIGNING_ALGORITHM, toHex, WireError } from "@bauta/protocol";
import { backend as platformBackend } from "@bauta/protocol/backend";
import type { Logger } from "pino";
import { attest } from "./attest.ts";
import { createChatHandler, findModel } from "./chat.ts";
import { assertNotDebuggable, currentProcess, findDebugSurfaces } from "./debug-surfaces.ts";
import { createLog, type LogOptions } from "./log.ts";
import { type EnclaveModel, indexModels, maxCompletionTokens } from "./model.ts";
import { createOpenAnswers } from "./open-answers.ts";
import type { Platform } from "./platform.ts";
import { assertBodyHeaders } from "./read-body.ts";
import { createReceiptStore, type ReceiptStoreOptions } from "./receipt-store.ts";
import { createServer } from "./server.ts";
import { EnclaveSetupError } from "./setup-error.ts";

export interface EnclaveOptions {
  readonly platform: Platform;
  readonly models: readonly EnclaveModel[];
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Refuse plaintext in every role of a sealed request. */
  readonly strict?: boolean;
  /** Cryptography; the platform's by default. */
  readonly backend?: CryptoBackend;
  readonly log?: LogOptions;
  readonly receipts?: Omit<ReceiptStoreOptions, "nowMs">;
  /** How long a request may take to arrive; 60 seconds by default. */
  readonly requestTimeoutMs?: number;
  /** How long `close` lets answers finish; 25 seconds by default. */
  readonly graceMs?: number;
  /**
   * INSECURE: start although NODE_OPTIONS, LD_PRELOAD or a debugger is present. Whoever set those can read prompts.
   * For a demo on a software platform only.
   */
  readonly allowDebuggableProcess?: boolean;
}

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
  /** Refuses new requests, lets answers finish within the grace period, then ends. Engines and platform stay their makers' to close. */
  close(): Promise<void>;
}

/**
 * Makes an enclave's server.
 * @throws {EnclaveSetupError} when an option is wrong, or the process can be debugged
 * @see spec/protocol.md
 */
export function createEnclave(options: EnclaveOptions): Enclave {
  const { platform, nowMs, backend = platformBackend, graceMs = 25_000 } = options;

  // 1. Nobody else's code, no debugger.
  const debugSurfaces = findDebugSurfaces(currentProcess());
  if (options.allowDebuggableProcess !== true) assertNotDebuggable(debugSurfaces);

  // 2. A key of this process's own.
  const models = indexModels(options.models);
  const modelKey = backend.createKeyPair();
  const address = `0x${toHex(addressOf(modelKey.publicKey))}`;

  // 3. The server.
  const log = createLog(options.log ?? {});
  const answers = createOpenAnswers();
  const receipts = createReceiptStore({ nowMs, ...options.receipts });
  const server = createServer({ log, answers, requestTimeoutMs: options.requestTimeoutMs ?? 60_000 });
  const chat = createChatHandler({ backend, modelKey, models, strict: options.strict ?? false, nowMs, receipts, answers });

  server.get("/healthz", () => Promise.resolve({ status: "ok" }));

  server.get("/v1/models", () => Promise.resolve({ data: [...models.values()].map(describeModel) }));

  server.get("/v1/tee/attestation", (request) => {
    const query = request.query as Readonly<Record<string, unknown>>;
    const model = findModel(models, query["model"]);
    return attest(platform, modelKey.publicKey, model, queryText(query, "nonce"));
  });

  server.get("/v1/tee/signature", (request) => {
    const query = request.query as Readonly<Record<string, unknown>>;
    const model = findModel(models, query["model"]);
    const requestId = queryText(query, "request_id");
    const signed = receipts.get(requestId, model.id);
    if (!signed) throw new WireError("receipt_not_found", { param: "request_id" });
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

  let closing: Promise<void> | undefined;
  return {
    publicKey: modelKey.publicKey,
    address,
    debugSurfaces,
    async listen({ host = "127.0.0.1", port }) {
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
      closing ??= answers
        .drain(graceMs)
        .then(() => server.close())
        .finally(() => modelKey.secretKey.fill(0));
      return closing;
    },
  };
}

function describeModel(model: EnclaveModel): Readonly<Record<string, unknown>> {
  return {
    id: model.id,
    context_length: model.engine.contextTokens,
    max_completion_tokens: maxCompletionTokens(model),
    sealed: model.sealed,
    engine: model.engine.name,
  };
}

function announce(log: Logger, { platform, models }: EnclaveOptions, address: string, debugSurfaces: readonly string[]): void {
  log.info(
    { platform: platform.name, simulated: platform.simulated, signingAddress: address, models: models.map(({ id }) => id) },
    "enclave listening",
  );
  if (platform.simulated) log.warn("SIMULATED: this platform is software and protects nothing");
  if (debugSurfaces.length > 0) log.warn({ debugSurfaces }, "INSECURE: this process can be debugged, and was started all the same");
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
