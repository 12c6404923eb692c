import type { Dispatcher } from "undici";
import { createGuardedLookup } from "./enclave-address.ts";

/** How long a TCP or TLS connection to an enclave may take to open. */
const CONNECT_TIMEOUT_MS = 5_000;
/** What a connection ends with when its other side went away, and not because one of the two was done with it. */
const LOSSES: ReadonlySet<unknown> = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE", "ETIMEDOUT"]);

/** What short questions can be put to: an enclave's address, or one connection to it. */
export interface Askable {
  readonly origin: string;
  /**
   * Asks for something short.
   * @param path path and query below the origin
   * @throws EnclaveLinkError when there is no answer in `timeoutMs`, or one of more than `maxBytes`
   */
  get(path: string, timeoutMs: number, maxBytes: number): Promise<EnclaveAnswer>;
}

/** A short answer, read whole. */
export interface EnclaveAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/** The calls that are relayed, below the API's base. */
export type RelayedPath = "/chat/completions" | "/embeddings";

/** What a relayed request can be sent over. Its answer goes to `handler` as it arrives. */
export interface RelayChannel {
  dispatch(path: RelayedPath, body: Buffer, headers: string[], handler: Dispatcher.DispatchHandler): void;
}

/** A call to an enclave that brought no usable answer. Says nothing about what was asked. */
export class EnclaveLinkError extends Error {
  override readonly name = "EnclaveLinkError";
  readonly code: "unreachable" | "too_large" | "malformed";

  constructor(code: "unreachable" | "too_large" | "malformed", origin: string, cause?: unknown) {
    const problem = { unreachable: "cannot be reached", too_large: "answered with too many bytes", malformed: "did not answer with JSON" }[
      code
    ];
    super(`the enclave at ${origin} ${problem}`, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** What every connection to an enclave is made with. */
export const CHANNEL_OPTIONS = {
  pipelining: 1,
  // An answer may think for half an hour before its first byte, and between two.
  headersTimeout: 0,
  bodyTimeout: 0,
} as const;

/** How connections open: never to an address where no enclave can be. */
export function connectOptions() {
  return { timeout: CONNECT_TIMEOUT_MS, lookup: createGuardedLookup() };
}

/** A request on its way to an engine. Nobody may send it twice. */
export function relayedRequest(path: RelayedPath, body: Buffer, headers: string[]): Dispatcher.DispatchOptions {
  return { method: "POST", path: `/v1${path}`, headers, body, idempotent: false };
}

/**
 * Asks for something short and reads the answer whole.
 * @throws EnclaveLinkError when the signal comes first, nobody answers, or more than `maxBytes` come
 */
export async function askShort(
  dispatcher: Dispatcher,
  origin: string,
  path: string,
  signal: AbortSignal,
  maxBytes: number,
): Promise<EnclaveAnswer> {
  try {
    const answer = await dispatcher.request({ origin, method: "GET", path, headers: { accept: "application/json" }, signal });
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      length += chunk.length;
      // Leaving the loop destroys the body, and with it the connection.
      if (length > maxBytes) throw new EnclaveLinkError("too_large", origin);
      chunks.push(chunk);
    }
    return { status: answer.statusCode, body: Buffer.concat(chunks, length) };
  } catch (error) {
    throw error instanceof EnclaveLinkError ? error : new EnclaveLinkError("unreachable", origin, error);
  }
}

/** True for what ends a connection that neither side was done with. */
export function isLoss(error: unknown): boolean {
  return error instanceof Error && LOSSES.has((error as NodeJS.ErrnoException).code);
}
