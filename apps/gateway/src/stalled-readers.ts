import type { Server } from "node:http";
import type { Socket } from "node:net";

/** How often connections are looked at, for each timeout. */
const LOOKS = 10;
const MAX_LOOK_MS = 1_000;

/** How far a connection's answers have come. */
interface Progress {
  /** Bytes that the kernel has taken. */
  flushedBytes: number;
  /** When that, or the lack of anything to send, was last news. */
  sinceMs: number;
}

/**
 * Cuts the connection of a reader who takes nothing while bytes are waiting for him, so that nobody can hold a place,
 * and an enclave's, for ever. One whose answer has nothing to send yet is let be. What the kernel keeps for a reader
 * counts as taken, so the last one to notice that somebody stopped reading is this.
 * @param onStall told before a connection is cut
 * @returns stops looking
 */
export function cutStalledReaders(server: Server, timeoutMs: number, onStall: (socket: Socket) => void): () => void {
  const open = new Map<Socket, Progress>();
  server.on("connection", (socket: Socket) => {
    open.set(socket, { flushedBytes: 0, sinceMs: performance.now() });
    socket.once("close", () => open.delete(socket));
  });
  const look = () => {
    const nowMs = performance.now();
    for (const [socket, progress] of open) {
      const flushedBytes = socket.bytesWritten - socket.writableLength;
      if (socket.writableLength === 0 || flushedBytes !== progress.flushedBytes) {
        progress.flushedBytes = flushedBytes;
        progress.sinceMs = nowMs;
      } else if (nowMs - progress.sinceMs >= timeoutMs) {
        onStall(socket);
        socket.destroy();
      }
    }
  };
  const timer = setInterval(look, Math.min(timeoutMs / LOOKS, MAX_LOOK_MS)).unref();
  return () => clearInterval(timer);
}
