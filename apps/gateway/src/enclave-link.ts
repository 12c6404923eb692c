import { type Dispatcher, Pool } from "undici";
import { createGuardedLookup } from "./enclave-address.ts";

/** How long a TCP or TLS connection to an enclave may take to open. */
const CONNECT_TIMEOUT_MS = 5_000;

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

/** A short answer, read whole. */
export interface EnclaveAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/** One enclave process: its connections, and how many requests are on them. */
export class EnclaveLink {
  readonly origin: string;
  /** Chat requests that are being relayed. */
  inFlight = 0;
  readonly #pool: Pool;

  /** @param connections most sockets that are open at once */
  constructor(origin: string, connections: number) {
    this.origin = origin;
    this.#pool = new Pool(origin, {
      connections,
      pipelining: 1,
      // An answer may think for half an hour before its first byte, and between two.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: CONNECT_TIMEOUT_MS, lookup: createGuardedLookup() },
    });
  }

  /** Sends a chat request; its answer goes to `handler` as it arrives. */
  dispatchChat(body: Buffer, headers: string[], handler: Dispatcher.DispatchHandler): void {
    this.#pool.dispatch({ method: "POST", path: "/v1/chat/completions", headers, body, idempotent: false }, handler);
  }

  /**
   * Asks for something short.
   * @param path path and query below the origin
   * @throws EnclaveLinkError when there is no answer in `timeoutMs`, or one of more than `maxBytes`
   */
  async get(path: string, timeoutMs: number, maxBytes: number): Promise<EnclaveAnswer> {
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const answer = await this.#pool.request({ method: "GET", path, headers: { accept: "application/json" }, signal });
      const chunks: Buffer[] = [];
      let length = 0;
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        length += chunk.length;
        // Leaving the loop destroys the body, and with it the connection.
        if (length > maxBytes) throw new EnclaveLinkError("too_large", this.origin);
        chunks.push(chunk);
      }
      return { status: answer.statusCode, body: Buffer.concat(chunks, length) };
    } catch (error) {
      throw error instanceof EnclaveLinkError ? error : new EnclaveLinkError("unreachable", this.origin, error);
    }
  }

  /** Cuts every connection. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
