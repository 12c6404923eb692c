import { HEADERS, protectionOf, WireError } from "@bauta/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { type ApiKeyRecord, type ApiKeyStore, authenticate } from "./api-keys.ts";
import { attest, parseAttestationQuery } from "./attestation.ts";
import type { ModelConfig } from "./config.ts";
import { createModelList } from "./models.ts";
import { relayChat } from "./relay.ts";
import type { ReceiptRecord } from "./receipt-store.ts";
import type { ModelReplicas } from "./replicas.ts";
import { readModelMember } from "./request-model.ts";
import type { Receipts } from "./signature.ts";
import type { Slots } from "./slots.ts";
import { toWireError, writeWireError } from "./wire-replies.ts";

const PREFIXES = ["/api/v1", "/v1"] as const;
const PATHS = { models: "/models", attestation: "/tee/attestation", signature: "/tee/signature", chat: "/chat/completions" } as const;
const JSON_TYPE = "application/json; charset=utf-8";

/** The methods that each public path takes. */
export const ALLOWED_METHODS: ReadonlyMap<string, string> = new Map(
  PREFIXES.flatMap((prefix) => Object.values(PATHS).map((path) => [prefix + path, path === PATHS.chat ? "POST" : "GET"])),
);

/** A configured model with its enclaves. */
export interface ServedModel {
  readonly config: ModelConfig;
  readonly replicas: ModelReplicas;
}

/** What the routes work with. */
export interface RouteContext {
  readonly keys: ApiKeyStore;
  readonly models: ReadonlyMap<string, ServedModel>;
  readonly receipts: Receipts;
  /** Chat and attestation requests in progress. */
  readonly slots: Slots;
  /** Requests for receipts, apart: who streams as much as it may can still ask what became of it. */
  readonly receiptSlots: Slots;
  readonly quoteEncoding: "base64" | "hex";
  readonly createdSeconds: number;
  readonly nowMs: () => number;
  readonly logger: Logger;
}

/** Adds the public API, under both of its prefixes. */
export function addRoutes(app: FastifyInstance, context: RouteContext): void {
  const authorize = async (request: FastifyRequest) => {
    request.gatewayNotes.key = await authenticate(request.headers.authorization, context.keys);
  };
  // Taken before the body is read, so that slots bound the memory which bodies take, too.
  const takeOf = (slots: Slots) => async (request: FastifyRequest, reply: FastifyReply) => {
    reply.raw.once("close", slots.take(ownerOf(request).name));
  };
  const takeSlot = takeOf(context.slots);
  for (const prefix of PREFIXES) {
    app.get(prefix + PATHS.models, { onRequest: authorize }, () => listModels(context));
    app.get(prefix + PATHS.attestation, { onRequest: [authorize, takeSlot] }, (request, reply) =>
      answerAttestation(request, reply, context),
    );
    app.get(prefix + PATHS.signature, { onRequest: [authorize, takeOf(context.receiptSlots)] }, (request, reply) =>
      answerSignature(request, reply, context),
    );
    app.post(prefix + PATHS.chat, { onRequest: [authorize, refuseEncoding, takeSlot] }, (request, reply) =>
      answerChat(request, reply, context),
    );
  }
}

function listModels(context: RouteContext): object {
  const entries = [...context.models.values()].map(({ config, replicas }) => ({ config, offline: !replicas.available }));
  return createModelList(entries, context.createdSeconds);
}

async function answerAttestation(request: FastifyRequest, reply: FastifyReply, context: RouteContext): Promise<unknown> {
  const query = request.query as Record<string, unknown>;
  const { config, replicas } = modelOf(requiredText(query, "model"), request, context);
  const asked = parseAttestationQuery(query, config.id, protectionOf(config.id) === "sealed", context.quoteEncoding);
  const answer = await attest(replicas, asked, context.nowMs, (enclave, failed) => {
    context.logger.warn({ model: config.id, enclave, failed }, "evidence refused");
  });
  void reply.code(answer.status).header("cache-control", "no-store").type(JSON_TYPE);
  return "bytes" in answer ? answer.bytes : answer.body;
}

async function answerSignature(request: FastifyRequest, reply: FastifyReply, context: RouteContext): Promise<unknown> {
  const query = request.query as Record<string, unknown>;
  const { config } = modelOf(requiredText(query, "model"), request, context);
  const body = await context.receipts.read(ownerOf(request).name, config.id, requiredText(query, "request_id"));
  void reply.header("cache-control", "no-store").type(JSON_TYPE);
  return body;
}

async function answerChat(request: FastifyRequest, reply: FastifyReply, context: RouteContext): Promise<void> {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const { config, replicas } = modelOf(readModelMember(body), request, context);
  const owner = ownerOf(request).name;
  const modelKey = headerText(request, HEADERS.modelPublicKey);
  const notes = request.gatewayNotes;
  let receipt: Promise<ReceiptRecord | undefined> | undefined;
  reply.hijack();
  try {
    const outcome = await relayChat({
      request: request.raw,
      response: reply.raw,
      body,
      plain: protectionOf(config.id) !== "sealed" || modelKey === undefined,
      choose: (tried) => replicas.forChat(modelKey, tried),
      onBegin: (replica, status, headers) => {
        notes.enclave = replica.link.origin;
        if (status === 200) receipt = context.receipts.expect(owner, config.id, replica.link.origin, headers[HEADERS.requestId]);
      },
    });
    if (outcome !== "ended") notes.error ??= outcome;
    await collectReceipt(receipt, context);
  } catch (error) {
    const wire = toWireError(error);
    notes.error = wire.code;
    writeWireError(reply.raw, wire);
  }
}

/** Keeps the receipt, whatever became of the answer's reader; without one, the owner's question will ask again. */
async function collectReceipt(expected: Promise<ReceiptRecord | undefined> | undefined, context: RouteContext): Promise<void> {
  try {
    const record = await expected;
    if (record) await context.receipts.collect(record);
  } catch {
    context.logger.warn("a receipt could not be fetched yet");
  }
}

async function refuseEncoding(request: FastifyRequest): Promise<void> {
  const encoding = request.headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") throw new WireError("content_encoding");
}

function modelOf(id: string, request: FastifyRequest, context: RouteContext): ServedModel {
  const model = context.models.get(id);
  if (!model) throw new WireError("model_not_found", { param: "model" });
  request.gatewayNotes.model = id;
  return model;
}

function ownerOf(request: FastifyRequest): ApiKeyRecord {
  const { key } = request.gatewayNotes;
  if (!key) throw new WireError("unauthorized");
  return key;
}

function requiredText(query: Readonly<Record<string, unknown>>, name: string): string {
  const value = query[name];
  if (value === undefined || value === "") throw new WireError("missing_field", { param: name });
  if (typeof value !== "string") throw new WireError("invalid_field", { param: name });
  return value;
}

function headerText(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === "string" ? value : undefined;
}
