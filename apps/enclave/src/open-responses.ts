import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

export interface OpenResponsesOptions {
  /** How long a client may take none of the bytes that lie ready for it. */
  readonly stallTimeoutMs: number;
  /** Told of each response whose connection was closed for that. */
  readonly onStall: (raw: ServerResponse) => void;
}

/** The responses of one server that are under way. */
export interface OpenResponses {
  add(raw: ServerResponse): void;
  /** True while an answer on this connection has begun and is not over: nothing else may be written to it. */
  isAnswering(socket: Socket): boolean;
  /** Stops watching. */
  close(): void;
}

interface Progress {
  takenBytes: number;
  sinceMs: number;
}

/**
 * Watches responses and closes the connection of a client that has stopped reading. Only bytes that wait for the
 * client count: while the engine is slow there are none, and nothing runs out.
 */
export function createOpenResponses({ stallTimeoutMs, onStall }: OpenResponsesOptions): OpenResponses {
  const open = new Map<ServerResponse, Progress>();

  const timer = setInterval(
    () => {
      const nowMs = performance.now();
      for (const [raw, progress] of open) {
        const { socket } = raw.req;
        if (isOver(raw)) {
          open.delete(raw);
          continue;
        }
        const takenBytes = socket.bytesWritten - socket.writableLength;
        // Without a socket of its own, a response waits for an earlier one on the same connection.
        if (raw.socket === null || raw.writableLength === 0 || takenBytes !== progress.takenBytes) {
          progress.takenBytes = takenBytes;
          progress.sinceMs = nowMs;
        } else if (nowMs - progress.sinceMs >= stallTimeoutMs) {
          open.delete(raw);
          socket.destroy();
          onStall(raw);
        }
      }
    },
    Math.max(5, stallTimeoutMs / 4),
  );
  timer.unref();

  return {
    add(raw) {
      open.set(raw, { takenBytes: 0, sinceMs: performance.now() });
      raw.once("close", () => {
        if (isOver(raw)) open.delete(raw);
      });
    },
    isAnswering(socket) {
      for (const raw of open.keys()) if (raw.req.socket === socket && raw.headersSent && !isOver(raw)) return true;
      return false;
    },
    close: () => clearInterval(timer),
  };
}

/** True when a response was taken whole and its request read whole, or when the connection is gone. */
function isOver(raw: ServerResponse): boolean {
  return raw.req.socket.destroyed || (raw.writableFinished && raw.req.complete);
}
