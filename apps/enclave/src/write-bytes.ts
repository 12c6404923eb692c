import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { EngineError } from "./engine/engine.ts";

/** Written in slices of this size, so that a slow reader of something large is seen to read. */
const SLICE_BYTES = 16 * 1024;

/**
 * Writes bytes and waits while the client is slower than the engine. What was begun is written whole, also when it
 * ends in an error: an event may follow.
 * @throws {EngineError} `aborted` when the signal aborts
 */
export async function writeBytes(raw: ServerResponse, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  if (signal.aborted) throw new EngineError("aborted");
  for (let at = 0; at < bytes.length;) {
    const end = at + SLICE_BYTES;
    const flowing = raw.write(bytes.subarray(at, end));
    at = end;
    if (flowing) continue;
    try {
      await once(raw, "drain", { signal });
    } catch {
      if (at < bytes.length) raw.write(bytes.subarray(at));
      throw new EngineError("aborted");
    }
  }
}
