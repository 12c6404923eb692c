import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { HEADERS, WireError } from "@bauta/protocol";
import type { Dispatcher } from "undici";
import type { RelayChannel, RelayedPath } from "./enclave-channel.ts";
import type { EnclaveConnection } from "./enclave-connection.ts";
import type { Replica } from "./replica.ts";
import { hasSealedBody } from "./sealed-body.ts";
import { writeWireError } from "./wire-replies.ts";

/** What of a request's headers goes to an enclave; the caller's key and whatever tells who calls stay here. */
const REQUEST_HEADERS = ["content-type", "accept", HEADERS.nonce, HEADERS.modelPublicKey];
/** The same for one of version 1, where the messages may be sealed, and for one that is sealed as a whole. */
const MESSAGE_HEADERS = [...REQUEST_HEADERS, HEADERS.clientPublicKey, HEADERS.signingAlgorithm];
const SEALED_BODY_HEADERS = [...REQUEST_HEADERS, HEADERS.encapsulatedKey, HEADERS.model];
/** What of an enclave's headers goes to the caller. */
const RESPONSE_HEADERS = ["content-type", "content-length", "cache-control", "retry-after", HEADERS.requestId, HEADERS.responseNonce];
/** Line ends are part of it: inside an answer's JSON they would be escaped, so no text of a model can look like this. */
const DONE = "data: [DONE]\n\n";
/** How long an answer may go on by itself after a client that hung up at `[DONE]`, for its receipt's sake. */
const AFTER_DONE_MS = 2_000;
/** Proven connections that may turn out to be over, before their replica counts as unreachable. */
const MAX_STALE_CONNECTIONS = 3;

/** One request on its way. */
export interface RelayJob {
  readonly path: RelayedPath;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The body as received; the same bytes go out. */
  readonly body: Buffer;
  /** True where no key protects the body: it then goes only over a connection whose enclave has proven itself. */
  readonly plain: boolean;
  /** Chooses the next replica. @throws WireError when there is none (left) */
  readonly choose: (tried: ReadonlySet<Replica>) => Promise<Replica>;
  /** Told once, when an answer begins. */
  readonly onBegin: (replica: Replica, status: number, headers: IncomingHttpHeaders) => void;
}

/** How a relayed request came out. `broken`: the enclave's connection ended before its answer did. */
export type RelayOutcome = "ended" | "broken" | "client-gone";

/**
 * Hands a request to an enclave and its answer to the caller, byte for byte both ways.
 * Another replica is tried only while nothing was sent. Writes its own error answers.
 * @throws WireError when no replica can be chosen; nothing was written then
 */
export async function relay(job: RelayJob): Promise<RelayOutcome> {
  const headers = forwardedHeaders(job.request.headers);
  const tried = new Set<Replica>();
  for (;;) {
    const replica = await job.choose(tried);
    if (job.response.destroyed) return "client-gone";
    // A request that waits for a connection counts, so that others go where fewer wait.
    replica.link.inFlight++;
    let outcome: RelayOutcome | "not-sent";
    try {
      outcome = await (job.plain ? sendProven(job, replica, headers) : sendSealed(job, replica, headers));
    } finally {
      replica.link.inFlight--;
    }
    if (outcome === "broken") void replica.recheck();
    if (outcome !== "not-sent") return outcome;
    tried.add(replica);
  }
}

/** What came of one attempt; `whole` says that the connection is as good as before. */
interface Attempt {
  readonly outcome: RelayOutcome | "not-sent";
  readonly whole: boolean;
}

async function sendSealed(job: RelayJob, replica: Replica, headers: string[]): Promise<RelayOutcome | "not-sent"> {
  const { outcome } = await attempt(job, replica, replica.link, headers);
  if (outcome === "not-sent") replica.suspect();
  return outcome;
}

async function sendProven(job: RelayJob, replica: Replica, headers: string[]): Promise<RelayOutcome | "not-sent"> {
  for (let stale = 0; stale < MAX_STALE_CONNECTIONS; stale++) {
    let connection: EnclaveConnection;
    try {
      connection = await replica.attested.take();
    } catch {
      // The replica knows by now what it is.
      return "not-sent";
    }
    if (job.response.destroyed) {
      replica.attested.release(connection, true);
      return "client-gone";
    }
    const { outcome, whole } = await attempt(job, replica, connection, headers);
    replica.attested.release(connection, whole);
    if (outcome !== "not-sent") return outcome;
  }
  replica.suspect();
  return "not-sent";
}

function attempt(job: RelayJob, replica: Replica, channel: RelayChannel, headers: string[]): Promise<Attempt> {
  return new Promise((settle) => new Leg(job, replica, settle).start(channel, headers));
}

/** One attempt with one replica: undici's handler on one side, the raw response on the other. */
class Leg implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;
  readonly #replica: Replica;
  readonly #job: RelayJob;
  readonly #settle: (attempt: Attempt) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #answering = false;
  #clientGone = false;
  #settled = false;
  #lastChunk: Buffer | undefined;
  #afterDone: NodeJS.Timeout | undefined;

  constructor(job: RelayJob, replica: Replica, settle: (attempt: Attempt) => void) {
    this.#job = job;
    this.#response = job.response;
    this.#replica = replica;
    this.#settle = settle;
  }

  start(channel: RelayChannel, headers: string[]): void {
    this.#response.on("drain", this.#onDrain);
    this.#response.on("close", this.#onClose);
    try {
      channel.dispatch(this.#job.path, this.#job.body, headers, this);
    } catch {
      this.#end("not-sent");
    }
  }

  /** A connection is there and the request is about to be written to it: from here on it counts as sent. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#clientGone) controller.abort(new Error("the client is gone"));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200 || this.#clientGone) return;
    if (status >= 300 && status < 400) {
      controller.abort(new Error("an enclave must not redirect"));
      return;
    }
    this.#answering = true;
    this.#job.onBegin(this.#replica, status, headers);
    // The enclave has another key than the one this request was routed by, or is stopping.
    if (status === 421 || status === 503) void this.#replica.recheck();
    this.#response.writeHead(status, answerHeaders(headers));
    this.#response.flushHeaders();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#clientGone) return;
    this.#lastChunk = chunk;
    if (!this.#response.write(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    if (this.#clientGone) return this.#end("client-gone", true);
    this.#response.end();
    this.#end("ended", true);
  }

  onResponseError(): void {
    if (this.#clientGone) return this.#end("client-gone");
    if (!this.#controller) return this.#end("not-sent");
    // Mid-answer this cuts the connection, so that a body which is not whole cannot be taken for one that is.
    if (this.#answering) this.#response.destroy();
    else writeWireError(this.#response, new WireError("enclave_unreachable", { retryAfterSeconds: 1 }));
    this.#end("broken");
  }

  readonly #onDrain = (): void => this.#controller?.resume();

  readonly #onClose = (): void => {
    if (this.#settled || this.#response.writableFinished) return;
    this.#clientGone = true;
    const abort = () => this.#controller?.abort(new Error("the client is gone"));
    if (this.#lastChunk?.includes(DONE)) {
      // Many clients hang up here. That is the end of a whole answer, which the enclave is still about to sign.
      this.#afterDone = setTimeout(abort, AFTER_DONE_MS);
      this.#controller?.resume();
    } else {
      abort();
    }
  };

  #end(outcome: Attempt["outcome"], whole = false): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#afterDone);
    this.#lastChunk = undefined;
    this.#response.off("drain", this.#onDrain);
    this.#response.off("close", this.#onClose);
    this.#settle({ outcome, whole });
  }
}

function forwardedHeaders(headers: IncomingHttpHeaders): string[] {
  const forwarded: string[] = [];
  for (const name of hasSealedBody(headers) ? SEALED_BODY_HEADERS : MESSAGE_HEADERS) {
    const value = headers[name];
    if (typeof value === "string") forwarded.push(name, value);
  }
  return forwarded;
}

function answerHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const answer: Record<string, string> = {};
  for (const name of RESPONSE_HEADERS) {
    const value = headers[name];
    if (typeof value === "string") answer[name] = value;
  }
  return answer;
}
