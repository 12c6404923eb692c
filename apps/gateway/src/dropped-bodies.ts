import type { IncomingMessage, Server, ServerResponse } from "node:http";

/** The rest of a request's body that is read and dropped behind its answer. */
export const MAX_DROPPED_BYTES = 16 * 1024 * 1024;

/**
 * Bounds what is read and dropped of a request's body once its answer is out. Many clients look for an answer only when
 * they have sent everything, and would see a closed connection instead of one, so Node reads what is left; but it does
 * so however much comes. Behind {@link MAX_DROPPED_BYTES} the connection is cut.
 */
export function boundDroppedBodies(server: Server): void {
  server.prependListener("request", (request: IncomingMessage, response: ServerResponse) => {
    const declaredBytes = declaredBodyBytes(request);
    if (declaredBytes !== undefined && declaredBytes <= MAX_DROPPED_BYTES) return;
    // Before Node's own listener, which drops a body so that nobody can count it.
    response.prependOnceListener("finish", () => {
      if (request.complete || request.destroyed) return;
      let droppedBytes = 0;
      request.on("data", (chunk: Buffer) => {
        droppedBytes += chunk.length;
        if (droppedBytes > MAX_DROPPED_BYTES) request.socket.destroy();
      });
      request.resume();
    });
  });
}

/** The body's declared length, 0 where there is none, undefined where it comes in any number of chunks. */
export function declaredBodyBytes(request: IncomingMessage): number | undefined {
  return request.headers["transfer-encoding"] === undefined ? Number(request.headers["content-length"] ?? 0) : undefined;
}
