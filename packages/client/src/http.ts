import { type Body, createBody, readWhole } from "./body.ts";
import { createDeadline, type Deadline } from "./deadline.ts";
import { ClientError } from "./errors.ts";
import { quoteServerText, readServerError, serverError } from "./server-error.ts";

/** `fetch` as far as this client uses it. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface HttpRequest {
  readonly method: string;
  /** Below the base URL, without a slash in front. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>> | URLSearchParams;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface Transport {
  /**
   * Sends a request and waits for the head of its answer, whatever the status.
   * @param deadline covers the answer's body too; let go when the body is cancelled or released, or this throws
   * @throws {ClientError} `network_failed`, `timeout`; the caller's own reason when its signal aborted
   */
  send(request: HttpRequest, deadline: Deadline): Promise<HttpAnswer>;
  /**
   * Gets a JSON document whole.
   * @throws {ClientError} as `send`, and `server_error`, `answer_too_large`, `answer_malformed`
   */
  getJson(request: Omit<HttpRequest, "method" | "body">, limits: JsonLimits): Promise<unknown>;
  /**
   * Reads an answer with an error status to its end.
   * @param freeText false where the server knows the prompt: its wording is repeated only if it is the catalogue's
   */
  readError(answer: HttpAnswer, freeText: boolean): Promise<ClientError>;
  /** What may be repeated of an error that a server put into its stream. */
  quote(said: { readonly code: unknown; readonly message: unknown }, freeText: boolean): string;
}

export interface JsonLimits {
  readonly maxBytes: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** As in {@link Transport.readError}; true unless given. */
  readonly freeText?: boolean;
}

export interface TransportOptions {
  readonly baseURL: string;
  readonly apiKey: string;
  readonly fetch: Fetch;
}

/**
 * Everything that leaves this client goes through here: to the base URL alone, with the API key, without redirects
 * (which would carry both elsewhere), cookies or caches.
 */
export function createTransport({ baseURL, apiKey, fetch }: TransportOptions): Transport {
  async function send(request: HttpRequest, deadline: Deadline): Promise<HttpAnswer> {
    const text = request.query ? new URLSearchParams(request.query).toString() : "";
    const query = text === "" ? "" : `?${text}`;
    const init: RequestInit = {
      method: request.method,
      headers: { accept: "application/json, text/event-stream", ...request.headers, authorization: `Bearer ${apiKey}` },
      ...(request.body && { body: request.body }),
      // Refused below, all the same. Before fetch shows a 421 it sends the same bytes again over a new connection, as the
      // standard says: to the server that has just refused them. With "error", Node's fetch has no body left for that and
      // fails (undici issue 2898).
      redirect: "manual",
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "no-referrer",
      signal: deadline.signal,
    };
    let response: Response;
    try {
      deadline.signal.throwIfAborted();
      response = await deadline.race(fetch(`${baseURL}/${request.path}${query}`, init));
    } catch (cause) {
      const code = networkCode(cause);
      deadline.dispose();
      deadline.throwIfStopped(request.path);
      throw networkError(`${baseURL}/${request.path}`, code);
    }
    const body = createBody(response.body, deadline);
    if (response.redirected || response.type === "opaqueredirect" || (response.status >= 300 && response.status < 400)) {
      body.cancel();
      throw new ClientError(
        "network_failed",
        `${request.path}: the server redirects, and redirects are not followed; give the final address as baseURL`,
        {},
        "stop",
      );
    }
    return { status: response.status, headers: response.headers, body };
  }

  async function readError({ status, headers, body }: HttpAnswer, freeText: boolean): Promise<ClientError> {
    return serverError(await readServerError(status, headers, body, { apiKey, freeText }));
  }

  return {
    send,
    readError,

    quote(said, freeText) {
      const { code, message } = quoteServerText(said, { apiKey, freeText });
      return message ?? code ?? "without a text that can be repeated";
    },

    async getJson(request, { maxBytes, timeoutMs, signal, freeText = true }) {
      const { path } = request;
      const deadline = createDeadline(signal, timeoutMs);
      try {
        const answer = await send({ ...request, method: "GET" }, deadline);
        if (answer.status < 200 || answer.status > 299) {
          const error = await readError(answer, freeText);
          signal?.throwIfAborted();
          throw error;
        }
        const whole = await readWhole(answer.body, maxBytes);
        if (!whole) throw new ClientError("answer_too_large", `${path}: the answer is longer than ${maxBytes} bytes`);
        deadline.throwIfStopped(path);
        if (whole.end === "broken") throw new ClientError("network_failed", `${path}: the connection broke within the answer`);
        return parseJson(path, whole.bytes);
      } finally {
        deadline.dispose();
      }
    },
  };
}

/** @throws {ClientError} `answer_malformed`; the text is not repeated */
function parseJson(path: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new ClientError("answer_malformed", `${path}: the answer is not JSON`);
  }
}

function networkError(url: string, code: string | undefined): ClientError {
  const message = `${url}: the request failed before an answer came${code === undefined ? "" : ` (${code})`}`;
  return new ClientError("network_failed", message, code === undefined ? {} : { networkCode: code });
}

/** A runtime's own error may hold the request with its key, so only its code is kept. */
function networkCode(cause: unknown): string | undefined {
  return codeOf(cause) ?? codeOf((cause as { cause?: unknown } | null | undefined)?.cause);
}

function codeOf(error: unknown): string | undefined {
  const code = typeof error === "object" && error !== null ? (error as { code?: unknown }).code : undefined;
  return typeof code === "string" && /^[A-Z][A-Z0-9_]{1,63}$/.test(code) ? code : undefined;
}
