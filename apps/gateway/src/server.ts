import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { WireError } from "@bauta/protocol";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { GatewayLimits } from "./config.ts";
import type { Drain } from "./drain.ts";
import { declaredBodyBytes, boundDroppedBodies, MAX_DROPPED_BYTES } from "./dropped-bodies.ts";
import type { RequestNotes } from "./request-notes.ts";
import { cutStalledReaders } from "./stalled-readers.ts";
import { errorHeaders, toWireError, writeParserError } from "./wire-replies.ts";

/** Idle connections stay open longer than usual proxies keep theirs, so that a proxy is the one to close. */
const KEEP_ALIVE_MS = 72_000;
const CHECK_CONNECTIONS_MS = 1_000;
const UNKNOWN_ROUTE = "-";

/** Why no route takes a request, and the methods that its path takes, if it is one. */
type RefuseUnknown = (url: string) => { readonly error: WireError; readonly allow: string | undefined };

/**
 * An HTTP server that answers every fault in the catalogue's shape and writes one log line for each request.
 * Nothing of a request's text is logged, at any level: Fastify's own logger stays off.
 * @param refuseUnknown what is answered to requests that no route takes
 */
export function createServer(limits: GatewayLimits, drain: Drain, refuseUnknown: RefuseUnknown, logger: Logger): FastifyInstance {
  const app = Fastify({
    logger: false,
    bodyLimit: limits.bodyBytes,
    exposeHeadRoutes: false,
    requestIdHeader: false,
    trustProxy: false,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Closing is the drain's business: it answers 503 while others finish.
    return503OnClosing: false,
    forceCloseConnections: true,
    routerOptions: { ignoreDuplicateSlashes: true },
    http: {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: Math.min(CHECK_CONNECTIONS_MS, limits.requestTimeoutMs),
      requireHostHeader: false,
    },
    clientErrorHandler: (error, socket) => onParserError(error, socket, answering),
    frameworkErrors: (error, _request, reply) => sendWireError(reply, toWireError(error)),
  });
  /** The answer under way on each connection. */
  const answering = new WeakMap<Socket, ServerResponse>();
  app.server.prependListener("request", (request: IncomingMessage, response: ServerResponse) => answering.set(request.socket, response));

  boundDroppedBodies(app.server);
  /** Connections that were cut because nobody read what was sent. */
  const stalled = new WeakSet<Socket>();
  const stopLooking = cutStalledReaders(app.server, limits.stallTimeoutMs, (socket) => stalled.add(socket));
  app.addHook("onClose", async () => stopLooking());

  app.removeAllContentTypeParsers();
  // Whatever its type: what is sealed has any. Routes that take JSON say so before the body is read.
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.decorateRequest("gatewayNotes", null as unknown as RequestNotes);
  app.addHook("onRequest", (request, reply, done) => {
    const notes: RequestNotes = { route: request.routeOptions.url ?? UNKNOWN_ROUTE, startedMs: performance.now() };
    request.gatewayNotes = notes;
    let leave: (() => void) | undefined;
    reply.raw.once("close", () => {
      leave?.();
      if (stalled.has(request.socket)) notes.error = "client-stalled";
      logger.info(logLine(request.method, reply.raw, notes), "request");
    });
    try {
      leave = drain.enter();
    } catch (error) {
      return done(error as WireError);
    }
    if (request.raw.httpVersion === "1.1" && request.headers.host === undefined) {
      void reply
        .code(400)
        .header("connection", "close")
        .type("application/json; charset=utf-8")
        .send(JSON.stringify(new WireError("malformed_request").toBody()));
      return;
    }
    if (!request.is404) return done();
    // Said here, not in a handler, which would come only after the body.
    const { error, allow } = refuseUnknown(request.url);
    if (allow !== undefined) void reply.header("allow", allow);
    done(error);
  });
  app.setErrorHandler((error, request, reply) => {
    const wire = toWireError(error);
    if (wire.code === "internal") logger.error(describeUnexpected(error), "unexpected error");
    request.gatewayNotes.error = wire.code;
    sendWireError(reply, wire);
  });
  return app;
}

/** Sends an error, and closes the connection if what is left of the request is more than will be dropped. */
function sendWireError(reply: FastifyReply, error: WireError): void {
  const bodyBytes = declaredBodyBytes(reply.request.raw);
  if ((bodyBytes ?? 0) > MAX_DROPPED_BYTES || (error.code === "shutting_down" && bodyBytes === 0)) {
    void reply.header("connection", "close");
  } else {
    void reply.removeHeader("connection");
  }
  void reply.code(error.status).headers(errorHeaders(error)).send(JSON.stringify(error.toBody()));
}

function onParserError(error: NodeJS.ErrnoException, socket: Socket, answering: WeakMap<Socket, ServerResponse>): void {
  const response = answering.get(socket);
  // An answer that has begun must not get bytes added to it.
  if (error.code === "ECONNRESET" || (response?.headersSent && !response.writableFinished)) socket.destroy();
  else writeParserError(socket, error.code);
}

function logLine(method: FastifyRequest["method"], response: ServerResponse, notes: RequestNotes): object {
  return {
    method,
    route: notes.route,
    status: response.headersSent ? response.statusCode : 0,
    durationMs: Math.round(performance.now() - notes.startedMs),
    // False when the client left, or the enclave did, before the answer was whole.
    whole: response.writableFinished,
    ...(notes.key && { key: notes.key.name }),
    ...(notes.model !== undefined && { model: notes.model }),
    ...(notes.enclave !== undefined && { enclave: notes.enclave }),
    ...(notes.error !== undefined && { error: notes.error }),
  };
}

/** An error's kind and place, without its message: that may quote what was being handled. */
function describeUnexpected(error: unknown): object {
  if (!(error instanceof Error)) return { kind: typeof error };
  const code = (error as NodeJS.ErrnoException).code;
  const frames = (error.stack ?? "").split("\n").filter((line) => /^ {4}at /.test(line));
  return { kind: error.name, ...(typeof code === "string" && { code }), at: frames.slice(0, 8).map((line) => line.trim()) };
}
