import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { WireError } from "@bauta/protocol";

/** Members of an error that Fastify or Node's HTTP parser made. */
interface ForeignError {
  readonly code?: unknown;
  readonly statusCode?: unknown;
}

/**
 * What goes to the caller for anything that was thrown. A foreign error's text stays here: it may quote the request.
 * @returns an error of the catalogue, `internal` for what nobody expected
 */
export function toWireError(error: unknown): WireError {
  if (error instanceof WireError) return error;
  const { code, statusCode } = (typeof error === "object" && error !== null ? error : {}) as ForeignError;
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new WireError("too_large");
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return new WireError("unsupported_media_type");
    case "FST_ERR_CTP_INVALID_CONTENT_LENGTH":
      return new WireError("malformed_request");
    case "FST_ERR_CTP_EMPTY_JSON_BODY":
      return new WireError("invalid_json");
    case "FST_ERR_BAD_URL":
      return new WireError("not_found");
    default:
      return new WireError(statusCode === 404 ? "not_found" : "internal", { cause: error });
  }
}

/** Headers of an error answer. */
export function errorHeaders(error: WireError): Record<string, string> {
  return {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    ...(error.status === 401 && { "www-authenticate": "Bearer" }),
    ...(error.retryAfterSeconds !== undefined && { "retry-after": String(error.retryAfterSeconds) }),
  };
}

/** Answers with an error; where an answer has already begun, cuts the connection, since nothing may be added to a body. */
export function writeWireError(response: ServerResponse, error: WireError): void {
  if (response.headersSent || response.writableEnded) {
    response.destroy();
    return;
  }
  const body = Buffer.from(JSON.stringify(error.toBody()));
  response.writeHead(error.status, { ...errorHeaders(error), "content-length": body.length });
  response.end(body);
}

/** Answers on a connection whose request could not be parsed, in the shape of every other error, and closes it. */
export function writeParserError(socket: Socket, errorCode: string | undefined): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(parserErrorAnswer(errorCode), () => socket.destroy());
}

function parserErrorAnswer(errorCode: string | undefined): string {
  const error = parserError(errorCode);
  const body = JSON.stringify(error.toBody());
  const head = `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}\r\ncontent-type: application/json; charset=utf-8\r\ncache-control: no-store\r\n`;
  return `${head}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`;
}

/** What Node's parser refuses before there is a request. */
function parserError(errorCode: string | undefined): WireError {
  if (errorCode === "ERR_HTTP_REQUEST_TIMEOUT") return new WireError("request_timeout");
  return new WireError(errorCode === "HPE_HEADER_OVERFLOW" ? "headers_too_large" : "malformed_request");
}
