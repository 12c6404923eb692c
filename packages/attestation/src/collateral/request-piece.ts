import { CollateralError } from "./collateral-error.ts";

const MAX_ATTEMPTS = 3;
/** Before the second attempt where the service names no time; twice as long before the third. */
const BACKOFF_MS = 500;
/** A server that asks for more is taken to ask for this. */
const MAX_RETRY_AFTER_MS = 24 * 60 * 60_000;

/** The one form in which this package calls `fetch`. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** What a request may use and how long it may take. */
export interface RequestLimits {
  readonly fetch: Fetch;
  readonly nowMs: () => number;
  /** Resolves after so many milliseconds, or rejects with the signal's reason. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** One request, from sending it to the end of its body. */
  readonly timeoutMs: number;
  /** The longest wait between two attempts. */
  readonly maxWaitMs: number;
}

/** What sets a request apart from a plain GET. */
export interface RequestContent {
  /** Posted. */
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
  /** What a status of 404 may mean, in place of what it means of Intel's collateral. */
  readonly notFound?: string;
}

/** A successful answer, read whole. */
export interface Answer {
  readonly body: Uint8Array;
  readonly headers: Headers;
}

type Outcome =
  | { readonly answer: Answer }
  | { readonly failure: CollateralError; readonly retryable: boolean; readonly retryAfterMs?: number | undefined };

/**
 * Requests one piece. Redirects are not followed. Where the service is busy it is asked again after the time that it
 * names, at most twice and as long as that is not too long.
 * @param what the member of the collateral, for errors
 * @throws CollateralError; the signal's reason when it is aborted
 */
export async function requestPiece(
  what: string,
  url: string,
  maxBytes: number,
  limits: RequestLimits,
  signal: AbortSignal,
  content: RequestContent = {},
): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await attemptOnce(what, url, maxBytes, limits, signal, content);
    if ("answer" in outcome) return outcome.answer;
    const { failure, retryable, retryAfterMs } = outcome;
    const waitMs = retryAfterMs ?? BACKOFF_MS * 2 ** (attempt - 1);
    if (!retryable || attempt === MAX_ATTEMPTS || waitMs > limits.maxWaitMs) throw failure;
    await limits.wait(waitMs, signal);
  }
}

async function attemptOnce(
  what: string,
  url: string,
  maxBytes: number,
  limits: RequestLimits,
  signal: AbortSignal,
  content: RequestContent,
): Promise<Outcome> {
  const { host } = new URL(url);
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal.reason);
  if (signal.aborted) throw signal.reason;
  signal.addEventListener("abort", onAbort, { once: true });
  const late = new CollateralError("collateral_unreachable", what, `${host} did not answer within ${limits.timeoutMs} ms`);
  const timer = setTimeout(() => stop.abort(late), limits.timeoutMs);
  try {
    // Browsers' own fetch refuses to be called as a method of anything.
    const { fetch } = limits;
    const response = await orAborted(fetch(url, requestOf(stop.signal, content)), stop.signal);
    if (response.status !== 200) return refusal(what, host, response, limits.nowMs(), content.notFound);
    return { answer: { body: await readBody(response, what, host, maxBytes, stop.signal), headers: response.headers } };
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    if (cause instanceof CollateralError) return { failure: cause, retryable: false };
    // A network error's own words stay in the cause.
    return {
      failure: new CollateralError("collateral_unreachable", what, `${host} could not be reached, or broke off its answer`, { cause }),
      retryable: true,
    };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    // Lets go of what has not been read.
    stop.abort();
  }
}

function requestOf(signal: AbortSignal, { body, headers }: RequestContent): RequestInit {
  return {
    signal,
    redirect: "manual",
    credentials: "omit",
    referrerPolicy: "no-referrer",
    cache: "no-store",
    ...(body && { method: "POST", body }),
    ...(headers && { headers }),
  };
}

function refusal(
  what: string,
  host: string,
  response: Response,
  nowMs: number,
  notFound = "the FMSPC may be unknown there, or its cache not filled",
): Outcome {
  const { status } = response;
  if (response.type === "opaqueredirect" || (status >= 300 && status < 400)) {
    const problem = `${host} redirects, which is not followed: configure the address that it redirects to`;
    return { failure: new CollateralError("collateral_refused", what, problem), retryable: false };
  }
  if (status === 429 || status === 503) {
    const retryAfterMs = parseRetryAfter(response.headers.get("retry-after"), nowMs);
    const when = retryAfterMs === undefined ? "" : `, and asks to come back in ${Math.ceil(retryAfterMs / 1000)} s`;
    const code = status === 429 || retryAfterMs !== undefined ? "collateral_rate_limited" : "collateral_unreachable";
    const failure = new CollateralError(code, what, `${host} is busy (status ${status})${when}`, { retryAfterMs });
    return { failure, retryable: true, retryAfterMs };
  }
  if (status >= 500) {
    return { failure: new CollateralError("collateral_unreachable", what, `${host} failed (status ${status})`), retryable: true };
  }
  const problem = status === 404 ? `${host} has none for this request (status 404): ${notFound}` : `${host} answered with status ${status}`;
  return { failure: new CollateralError("collateral_refused", what, problem), retryable: false };
}

/**
 * Reads Retry-After, a number of seconds or a date.
 * @returns undefined when it is neither
 * @see RFC 9110 §10.2.3
 */
function parseRetryAfter(value: string | null, nowMs: number): number | undefined {
  const text = value?.trim() ?? "";
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : /^[A-Za-z]{3,9}, /.test(text) ? Date.parse(text) - nowMs : Number.NaN;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}

/** Counts what comes out of the decoder, so that a compressed body cannot grow past the limit either. */
async function readBody(response: Response, what: string, host: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  if (!reader) return new Uint8Array();
  let length = 0;
  for (;;) {
    const { done, value } = await orAborted(reader.read(), signal);
    if (done) break;
    length += value.length;
    if (length > maxBytes) {
      throw new CollateralError("collateral_malformed", what, `${host} answered with more than ${maxBytes} bytes`);
    }
    chunks.push(value);
  }
  const body = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.length;
  }
  return body;
}

/** Settles with the operation, or rejects as soon as the signal is aborted, also where the operation does not listen. */
export async function orAborted<T>(operation: Promise<T>, signal: AbortSignal): Promise<T> {
  let stopListening = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    stopListening = listen(signal, onAbort);
  });
  try {
    return await Promise.race([operation, aborted]);
  } finally {
    stopListening();
  }
}

const listeners = new WeakMap<AbortSignal, Set<() => void>>();

/** Eight GPUs need dozens of pieces under one signal, and platforms take many listeners to one for a leak: it gets one. */
function listen(signal: AbortSignal, onAbort: () => void): () => void {
  const known = listeners.get(signal);
  const callbacks = known ?? new Set();
  if (!known) {
    listeners.set(signal, callbacks);
    signal.addEventListener("abort", () => callbacks.forEach((callback) => callback()), { once: true });
  }
  callbacks.add(onAbort);
  return () => void callbacks.delete(onAbort);
}

/** {@link RequestLimits.wait} by the platform's timer. */
export async function waitByTimer(ms: number, signal: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await orAborted(new Promise<void>((resolve) => (timer = setTimeout(resolve, ms))), signal);
  } finally {
    clearTimeout(timer);
  }
}
