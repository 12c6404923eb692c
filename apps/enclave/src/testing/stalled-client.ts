import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import type { EngineEvent } from "../engine/engine.ts";
import { scriptedEngine, USAGE } from "./running-enclave.ts";

/** Sends requests over one connection of its own, and reads nothing until told to. */
export async function openStalled(url: string, ...requests: readonly string[]): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => {}).pause();
  await once(socket, "connect");
  socket.write(requests.join(""));
  return socket;
}

/** A request to `tee-demo`, as it stands on the wire. */
export function chatRequest(stream: boolean): string {
  const body = JSON.stringify({ model: "tee-demo", messages: [{ role: "user", content: "hi" }], stream });
  return `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

/** More than the buffers between two sockets hold. */
export const LARGE_BYTES = 24 * 1024 * 1024;

/** Says all that at once. */
export const sayMuch = () =>
  scriptedEngine(async function* () {
    yield await Promise.resolve({ type: "delta", content: "y".repeat(LARGE_BYTES) } satisfies EngineEvent);
    yield { type: "finish", reason: "stop", usage: USAGE };
  });
