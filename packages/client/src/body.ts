import type { Deadline } from "./deadline.ts";

/** The next bytes of an answer, or how it ended. `broken`: the connection failed; `stopped`: the deadline says why. */
export type BodyPart = { readonly bytes: Uint8Array } | { readonly end: "closed" | "broken" | "stopped" };

/** An answer's HTTP content, read piece by piece. */
export interface Body {
  /** Waits for bytes at most until the deadline, which the reader restarts as it sees fit. */
  read(): Promise<BodyPart>;
  /** Gives the answer up: the connection is closed, a pending read ends. */
  cancel(): void;
  /**
   * For an answer of which all that counts has been read: what little follows is thrown away in the background, so that
   * the connection can be used again.
   */
  release(): void;
}

/** What may follow a finished answer before its connection is not worth keeping. */
const RELEASE_BYTES = 16 * 1024;
const RELEASE_MS = 1_000;

/** @param stream null or undefined for an answer without content */
export function createBody(stream: ReadableStream<Uint8Array> | null | undefined, deadline: Deadline): Body {
  const reader = stream?.getReader();
  // Ends a pending read even where a stream does not know the signal. One that has failed rejects here once more.
  const stopReading = () => void reader?.cancel().catch(() => undefined);
  if (deadline.signal.aborted) stopReading();
  else deadline.signal.addEventListener("abort", stopReading, { once: true });

  async function read(): Promise<BodyPart> {
    if (deadline.signal.aborted) return { end: "stopped" };
    if (!reader) return { end: "closed" };
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (deadline.signal.aborted) return { end: "stopped" };
        if (done) return { end: "closed" };
        if (value.length > 0) return { bytes: value };
      }
    } catch {
      return { end: deadline.signal.aborted ? "stopped" : "broken" };
    }
  }

  function cancel(): void {
    deadline.stop();
    deadline.dispose();
  }

  async function drain(): Promise<void> {
    deadline.restart(RELEASE_MS);
    let bytes = 0;
    for (;;) {
      const part = await read();
      if ("end" in part) break;
      bytes += part.bytes.length;
      if (bytes > RELEASE_BYTES) break;
    }
    cancel();
  }

  return { read, cancel, release: () => void drain() };
}

/**
 * Reads the rest of an answer whole.
 * @returns undefined when it is longer than `maxBytes`; the connection is closed then
 */
export async function readWhole(
  body: Body,
  maxBytes: number,
): Promise<{ readonly bytes: Uint8Array; readonly end: "closed" | "broken" | "stopped" } | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const part = await body.read();
    if ("end" in part) {
      const bytes = new Uint8Array(length);
      let offset = 0;
      for (const piece of parts) {
        bytes.set(piece, offset);
        offset += piece.length;
      }
      return { bytes, end: part.end };
    }
    length += part.bytes.length;
    if (length > maxBytes) {
      body.cancel();
      return undefined;
    }
    parts.push(part.bytes);
  }
}
