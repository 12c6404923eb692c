import { HEADERS, protectionOf, WireError } from "@bauta/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import { declaredBodyBytes } from "./dropped-bodies.ts";
import type { RelayedPath } from "./enclave-channel.ts";
import type { ReceiptRecord } from "./receipt-store.ts";
import { relay } from "./relay.ts";
import { readModelMember } from "./request-model.ts";
import { modelOf, ownerOf, type RouteContext, type ServedModel } from "./route-context.ts";
import { assertFrames, hasSealedBody, readSealedTarget } from "./sealed-body.ts";
import { toWireError, writeWireError } from "./wire-replies.ts";

/** Where a request goes. */
interface Destination extends ServedModel {
  /** The key of the one enclave that can open it, as it stands in the header. */
  readonly modelKey: string | undefined;
  /** True where no key protects it. */
  readonly plain: boolean;
}

/**
 * Refuses what its headers alone make impossible, before the body is read.
 * @throws WireError `sealed_body_required` for embeddings in clear, `unsupported_media_type`, and what is wrong with the
 * headers beside a sealed body
 */
export function assertRelayable(path: RelayedPath, request: FastifyRequest, context: RouteContext): void {
  if (hasSealedBody(request.headers)) {
    sealedDestination(request, context);
    return;
  }
  // Version 1 has no form for embeddings, and in clear they would show the text to the gateway.
  if (path === "/embeddings") throw new WireError("sealed_body_required", { param: HEADERS.encapsulatedKey });
  assertJson(request);
}

/** @throws WireError `unsupported_media_type` for a body that is not JSON, nor sealed */
export function assertJson(request: FastifyRequest): void {
  const absent = request.headers["content-type"] === undefined && declaredBodyBytes(request.raw) === 0;
  if (!absent && request.mediaType !== "application/json") throw new WireError("unsupported_media_type");
}

/** Relays a request to an enclave and its answer back, and keeps the answer's receipt. */
export async function answerRelayed(path: RelayedPath, request: FastifyRequest, reply: FastifyReply, context: RouteContext): Promise<void> {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const find = hasSealedBody(request.headers) ? sealedDestination : messagesDestination;
  const { config, replicas, modelKey, plain } = find(request, context, body);
  const owner = ownerOf(request).name;
  const notes = request.gatewayNotes;
  let receipt: Promise<ReceiptRecord | undefined> | undefined;
  reply.hijack();
  try {
    const outcome = await relay({
      path,
      request: request.raw,
      response: reply.raw,
      body,
      plain,
      choose: (tried) => replicas.forRequest(modelKey, tried),
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

/** Version 2: what stands in clear says where, and the body is not looked into. */
function sealedDestination(request: FastifyRequest, context: RouteContext, body?: Buffer): Destination {
  const { model, modelKey } = readSealedTarget(request.headers);
  const served = modelOf(model, request, context, HEADERS.model);
  if (body) assertFrames(body);
  return { ...served, modelKey, plain: false };
}

/** Version 1, and requests in clear. */
function messagesDestination(request: FastifyRequest, context: RouteContext, body: Buffer): Destination {
  const served = modelOf(readModelMember(body), request, context);
  const header = request.headers[HEADERS.modelPublicKey];
  const modelKey = typeof header === "string" ? header : undefined;
  return { ...served, modelKey, plain: protectionOf(served.config.id) !== "sealed" || modelKey === undefined };
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
