import { WireError } from "@bauta/protocol";
import type { FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { ApiKeyRecord, ApiKeyStore } from "./api-keys.ts";
import type { ModelConfig } from "./config.ts";
import type { NrasRelay } from "./nras-relay.ts";
import type { ModelReplicas } from "./replicas.ts";
import type { Receipts } from "./signature.ts";
import type { Slots } from "./slots.ts";

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
  /** Relayed and attestation requests in progress. */
  readonly slots: Slots;
  /** Requests for receipts, apart: who streams as much as it may can still ask what became of it. */
  readonly receiptSlots: Slots;
  /** Undefined where NVIDIA's attestation service is not relayed. */
  readonly nras: NrasRelay | undefined;
  readonly quoteEncoding: "base64" | "hex";
  readonly createdSeconds: number;
  readonly nowMs: () => number;
  readonly logger: Logger;
}

/**
 * The model that a request names; noted for its log line.
 * @param param where it names it
 * @throws WireError `model_not_found`
 */
export function modelOf(id: string, request: FastifyRequest, { models }: RouteContext, param = "model"): ServedModel {
  const model = models.get(id);
  if (!model) throw new WireError("model_not_found", { param });
  request.gatewayNotes.model = id;
  return model;
}

/** Whose key a request came with. @throws WireError `unauthorized` */
export function ownerOf(request: FastifyRequest): ApiKeyRecord {
  const { key } = request.gatewayNotes;
  if (!key) throw new WireError("unauthorized");
  return key;
}
