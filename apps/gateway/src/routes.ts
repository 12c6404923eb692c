import { protectionOf, WireError } from "@bauta/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { answerRelayed, assertJson, assertRelayable } from "./answer-relayed.ts";
import { authenticate } from "./api-keys.ts";
import { attest, parseAttestationQuery } from "./attestation.ts";
import type { Feature } from "./enclave-offers.ts";
import { createModelList } from "./models.ts";
import { MAX_NRAS_REQUEST_BYTES, NotRelayedError, NRAS_CALLS, type NrasCall } from "./nras-relay.ts";
import { modelOf, ownerOf, type RouteContext } from "./route-context.ts";
import type { Slots } from "./slots.ts";
import { collapseSlashes, UnknownPathError } from "./unknown-path.ts";

const PREFIXES = ["/api/v1", "/v1"] as const;
const NRAS = "/tee/nras";
const ROUTES = {
  models: { method: "GET", path: "/models" },
  attestation: { method: "GET", path: "/tee/attestation" },
  signature: { method: "GET", path: "/tee/signature" },
  chat: { method: "POST", path: "/chat/completions" },
  embeddings: { method: "POST", path: "/embeddings" },
  // As at NRAS, so that a client need only be told another address.
  nrasAttest: { method: NRAS_CALLS.attest.method, path: NRAS + NRAS_CALLS.attest.path },
  nrasKeys: { method: NRAS_CALLS.keys.method, path: NRAS + NRAS_CALLS.keys.path },
} as const;
const JSON_TYPE = "application/json; charset=utf-8";

/** The methods that each public path takes. */
const ALLOWED_METHODS: ReadonlyMap<string, string> = new Map(
  PREFIXES.flatMap((prefix) => Object.values(ROUTES).map(({ method, path }) => [prefix + path, method])),
);
const KNOWN_PATHS = Object.values(ROUTES)
  .map(({ path }) => path)
  .filter((path) => !path.startsWith(NRAS));

/** Why nothing serves a request, and what its `Allow` says. */
export function refuseUnknown(url: string): { readonly error: WireError; readonly allow: string | undefined } {
  const [path = ""] = url.split("?", 1);
  const allow = ALLOWED_METHODS.get(collapseSlashes(path));
  return { allow, error: allow === undefined ? new UnknownPathError(path, PREFIXES, KNOWN_PATHS) : new WireError("method_not_allowed") };
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
  const assertRelayed = async () => {
    if (!context.nras) throw new NotRelayedError();
  };
  const refuseOtherTypes = async (request: FastifyRequest) => assertJson(request);
  const nrasBodyLimit = Math.min(MAX_NRAS_REQUEST_BYTES, app.initialConfig.bodyLimit ?? MAX_NRAS_REQUEST_BYTES);
  for (const prefix of PREFIXES) {
    app.get(prefix + ROUTES.models.path, { onRequest: authorize }, () => listModels(context));
    app.get(prefix + ROUTES.attestation.path, { onRequest: [authorize, takeSlot] }, (request, reply) =>
      answerAttestation(request, reply, context),
    );
    app.get(prefix + ROUTES.signature.path, { onRequest: [authorize, takeOf(context.receiptSlots)] }, (request, reply) =>
      answerSignature(request, reply, context),
    );
    for (const { path } of [ROUTES.chat, ROUTES.embeddings]) {
      const refuse = async (request: FastifyRequest) => assertRelayable(path, request, context);
      app.post(prefix + path, { onRequest: [authorize, refuseEncoding, refuse, takeSlot] }, (request, reply) =>
        answerRelayed(path, request, reply, context),
      );
    }
    app.post(
      prefix + ROUTES.nrasAttest.path,
      { onRequest: [authorize, assertRelayed, refuseEncoding, refuseOtherTypes, takeSlot], bodyLimit: nrasBodyLimit },
      (request, reply) => answerNras("attest", request, reply, context),
    );
    app.get(prefix + ROUTES.nrasKeys.path, { onRequest: [authorize, assertRelayed, takeSlot] }, (request, reply) =>
      answerNras("keys", request, reply, context),
    );
  }
}

function listModels(context: RouteContext): object {
  const entries = [...context.models.values()].map(({ config, replicas }) => ({
    config,
    offline: !replicas.available,
    offers: (feature: Feature) => replicas.offers(feature),
  }));
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

async function answerNras(call: NrasCall, request: FastifyRequest, reply: FastifyReply, { nras }: RouteContext): Promise<Buffer> {
  if (!nras) throw new NotRelayedError();
  const body = Buffer.isBuffer(request.body) ? request.body : undefined;
  if (call === "attest" && !body?.length) throw new WireError("invalid_json");
  const gone = new AbortController();
  reply.raw.once("close", () => gone.abort(new WireError("unavailable")));
  const answer = await nras.call(call, call === "attest" ? body : undefined, gone.signal);
  void reply.header("cache-control", "no-store").type(JSON_TYPE);
  return answer;
}

async function refuseEncoding(request: FastifyRequest): Promise<void> {
  const encoding = request.headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") throw new WireError("content_encoding");
}

function requiredText(query: Readonly<Record<string, unknown>>, name: string): string {
  const value = query[name];
  if (value === undefined || value === "") throw new WireError("missing_field", { param: name });
  if (typeof value !== "string") throw new WireError("invalid_field", { param: name });
  return value;
}
