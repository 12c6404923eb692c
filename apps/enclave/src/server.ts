import { METHODS } from "node:http";
import type { Socket } from "node:net";
import { LIMITS, WireError } from "@bauta/protocol";
import fastify, { LogController, type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { OpenAnswers } from "./open-answers.ts";
import { toWireError } from "./wire-errors.ts";

export interface ServerOptions {
  readonly log: Logger;
  readonly answers: OpenAnswers;
  /** How long a request may take to arrive. */
  readonly requestTimeoutMs: number;
}

/** Every answer: never stored, never changed on the way (receipts cover its bytes), never sniffed. */
const ANSWER_HEADERS = { "cache-control": "no-transform, no-store", "x-content-type-options": "nosniff" } as const;
const SHUTDOWN_RETRY_SECONDS = 2;

/**
 * An HTTP server that answers in the catalogue's errors only, reads bodies as bytes, and limits how long a request
 * may take to arrive, but never how long an answer may last.
 */
export function createServer({ log, answers, requestTimeoutMs }: ServerOptions): FastifyInstance {
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
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply as unknown as FastifyReply),
  }) as unknown as FastifyInstance;

  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  server.addHook("onRequest", async (_request, reply) => {
    reply.headers(ANSWER_HEADERS);
    if (answers.draining) throw new WireError("shutting_down", { retryAfterSeconds: SHUTDOWN_RETRY_SECONDS });
  });
  server.addHook("onResponse", async (request, reply) => {
    request.log.debug({ req: request, res: reply, elapsedMs: Math.round(reply.elapsedTime) }, "request ended");
  });
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
  return reply.code(wireError.status).headers(ANSWER_HEADERS).send(wireError.toBody());
}

/** 405 with `Allow` where another method would have found something, else 404. */
function missing(server: FastifyInstance, request: FastifyRequest, reply: FastifyReply): WireError {
  const [path = ""] = request.url.split("?", 1);
  const allowed = METHODS.filter((method) => server.supportedMethods.includes(method) && server.hasRoute({ method, url: path }));
  if (allowed.length === 0) return new WireError("not_found");
  reply.header("allow", allowed.join(", "));
  return new WireError("method_not_allowed");
}

/** Answers what Node could not read as a request; at this point there is only a socket. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") {
    const timeout = new WireError("request_timeout");
    const body = JSON.stringify(timeout.toBody());
    socket.end(
      `HTTP/1.1 ${timeout.status} Request Timeout\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    );
    return;
  }
  const status = error.code === "HPE_HEADER_OVERFLOW" ? "431 Request Header Fields Too Large" : "400 Bad Request";
  socket.end(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
}
