import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { WireError } from "@bauta/protocol";
import { ANSWER_HEADERS } from "./answer-headers.ts";

/** How long a client has to take such an answer: closing at once would lose it while the client still sends. */
const CLOSE_AFTER_MS = 1000;

/**
 * Makes what answers a request that Node could not read; at that point there is only a socket.
 * @param isAnswering whether another answer is under way on it
 */
export function createParserErrorHandler(isAnswering: (socket: Socket) => boolean): (error: NodeJS.ErrnoException, socket: Socket) => void {
  const answered = new WeakSet<Socket>();
  return (error, socket) => {
    // What arrives behind the error is an error as well.
    if (answered.has(socket)) return;
    // Nothing may be added to a body.
    if (!socket.writable || isAnswering(socket)) {
      socket.destroy();
      return;
    }
    answered.add(socket);
    const timer = setTimeout(() => socket.destroy(), CLOSE_AFTER_MS);
    socket.once("close", () => clearTimeout(timer));
    socket.end(toHttp(toParserError(error.code)));
  };
}

function toParserError(code: string | undefined): WireError {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return new WireError("request_timeout");
  return new WireError(code === "HPE_HEADER_OVERFLOW" ? "headers_too_large" : "malformed_request");
}

function toHttp(error: WireError): string {
  const body = JSON.stringify(error.toBody());
  const headers = {
    ...ANSWER_HEADERS,
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    connection: "close",
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}\r\n${lines.join("")}\r\n${body}`;
}
