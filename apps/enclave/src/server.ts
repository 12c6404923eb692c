import { METHODS } from "node:http";
import { KEY_CONFIG_PROBLEM, LIMITS, WireError } from "@bauta/protocol";
import fastify, { LogController, type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { ANSWER_HEADERS } from "./answer-headers.ts";
import type { OpenAnswers } from "./open-answers.ts";
import { createOpenResponses } from "./open-responses.ts";
import { createParserErrorHandler } from "./parser-errors.ts";
import { toWireError } from "./wire-errors.ts";

export interface ServerOptions {
  readonly log: Logger;
  readonly answers: OpenAnswers;
  /** How long a request may take to arrive. */
  readonly requestTimeoutMs: number;
  /** How long a client may take none of the bytes that lie ready for it. */
  readonly stallTimeoutMs: number;
  /** Routes that are served while answers finish. */
  readonly servedWhileDraining: readonly string[];
}

const SHUTDOWN_RETRY_SECONDS = 2;

/**
 * An HTTP server that answers in the catalogue's errors only, reads bodies as bytes, and limits how long a request
 * may take to arrive and how long its client may read nothing, but never how long an answer may last.
 */
export function createServer({ log, answers, requestTimeoutMs, stallTimeoutMs, servedWhileDraining }: ServerOptions): FastifyInstance {
  const responses = createOpenResponses({
    stallTimeoutMs,
    onStall: () => log.warn({ stallTimeoutMs }, "a client has stopped reading: its connection was closed"),
  });
  const server = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: LIMITS.requestBodyBytes,
    requestTimeout: requestTimeoutMs,
    http: {
      requestTimeout: requestTimeoutMs,
      headersTimeout: Math.min(60_000, requestTimeoutMs),
      connectionsCheckingInterval: Math.max(50, Math.min(5_000, requestTimeoutMs / 4)),
    },
    // While answers finish, the server itself says so, in the catalogue's words.
    return503OnClosing: false,
    forceCloseConnections: true,
    clientErrorHandler: createParserErrorHandler((socket) => responses.isAnswering(socket)),
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply as unknown as FastifyReply),
  }) as unknown as FastifyInstance;

  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  server.addHook("onRequest", async (request, reply) => {
    responses.add(reply.raw);
    reply.headers(ANSWER_HEADERS);
    if (answers.draining && !servedWhileDraining.includes(request.routeOptions.url ?? ""))
      throw new WireError("shutting_down", { retryAfterSeconds: SHUTDOWN_RETRY_SECONDS });
  });
  server.addHook("onResponse", async (request, reply) => {
    request.log.debug({ req: request, res: reply, elapsedMs: Math.round(reply.elapsedTime) }, "request ended");
  });
  server.addHook("onClose", async () => responses.close());
  server.setErrorHandler<FastifyError>((error, request, reply) => sendError(error, request, reply));
  server.setNotFoundHandler((request, reply) => sendError(missing(server, request, reply), request, reply));
  return server;
}

function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const wireError = toWireError(error);
  if (wireError.code === "internal" && wireError !== error) request.log.error({ err: error }, "request failed");
  if (wireError.retryAfterSeconds !== undefined) reply.header("retry-after", wireError.retryAfterSeconds);
  // What is left of such a request is not read.
  if (wireError.code === "too_large" || wireError.code === "shutting_down") reply.header("connection", "close");
  void reply.code(wireError.status).headers(ANSWER_HEADERS);
  if (wireError.code !== "key_config") return reply.send(wireError.toBody());
  const { mediaType, type } = KEY_CONFIG_PROBLEM;
  const problem = { type, title: wireError.message, status: wireError.status, ...wireError.toBody() };
  // As bytes, so that nothing is added to the media type, which clients of EHBP know it by.
  return reply.type(mediaType).send(Buffer.from(JSON.stringify(problem)));
}

/** 405 with `Allow` where another method would have found something, else 404. */
function missing(server: FastifyInstance, request: FastifyRequest, reply: FastifyReply): WireError {
  const [path = ""] = request.url.split("?", 1);
  const allowed = METHODS.filter((method) => server.supportedMethods.includes(method) && server.hasRoute({ method, url: path }));
  if (allowed.length === 0) return new WireError("not_found");
  reply.header("allow", allowed.join(", "));
  return new WireError("method_not_allowed");
}
