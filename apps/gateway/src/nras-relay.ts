import { WireError } from "@bauta/protocol";
import { type Dispatcher, Pool } from "undici";
import { connectOptions } from "./enclave-channel.ts";

/** Eight GPUs and their switches take a tenth of it. */
export const MAX_NRAS_REQUEST_BYTES = 2 * 1024 * 1024;
/** For eight GPUs NRAS answers with 17,000 bytes; its key set has 81,000. */
const MAX_ANSWER_BYTES = 1024 * 1024;
/** Requests to NRAS at once; more wait, as long as their time allows. */
const CONNECTIONS = 32;
/** Where NRAS names no time, and the longest time that it is believed. */
const RETRY_AFTER_SECONDS = 1;
const MAX_RETRY_AFTER_SECONDS = 3600;
/** What NRAS answers to evidence that it cannot read. */
const EVIDENCE_STATUSES: ReadonlySet<number> = new Set([400, 413, 422]);

/** The two calls that are relayed, with their paths at NRAS and below the gateway's own. */
export const NRAS_CALLS = {
  attest: { method: "POST", path: "/v4/attest/gpu" },
  keys: { method: "GET", path: "/.well-known/jwks.json" },
} as const;
export type NrasCall = keyof typeof NRAS_CALLS;

/** Why NRAS brought no answer that could be handed on, for a log; never a word of its body. */
export type NrasFailure = "late" | "unreachable" | "redirect" | "too_large" | "malformed" | `status_${number}`;

/** Nothing is relayed here. The catalogue's `not_found`, in words that say what to do. */
export class NotRelayedError extends WireError {
  constructor() {
    super("not_found");
  }

  override toBody(): ReturnType<WireError["toBody"]> {
    const { error } = super.toBody();
    const message = "This gateway does not relay NVIDIA's attestation service: its operator has to set attestation.nras_url";
    return { error: { ...error, message } };
  }
}

/**
 * Hands GPU evidence to NVIDIA's Remote Attestation Service, and its tokens back: browsers cannot, since it answers no
 * preflight. Clients verify the tokens, so that nobody has to trust this relay. Nothing of a caller's request but its
 * body goes out, and to no address but the configured one.
 * @see spec/protocol.md, "Public API"
 */
export class NrasRelay {
  readonly #pool: Pool;
  readonly #base: string;
  readonly #timeoutMs: number;
  readonly #onFailure: (call: NrasCall, failure: NrasFailure) => void;

  /**
   * @param url NRAS's address, checked before
   * @param timeoutMs one call, from sending it to the end of its answer
   */
  constructor(url: string, timeoutMs: number, onFailure: (call: NrasCall, failure: NrasFailure) => void) {
    const { origin, pathname } = new URL(url);
    this.#pool = new Pool(origin, { connections: CONNECTIONS, pipelining: 1, connect: connectOptions() });
    this.#base = pathname.replace(/\/+$/, "");
    this.#timeoutMs = timeoutMs;
    this.#onFailure = onFailure;
  }

  /**
   * Makes one of the two calls.
   * @param body the caller's, as received; for `attest` only
   * @param gone aborted when the caller is
   * @returns NRAS's answer, JSON
   * @throws WireError `invalid_field` where NRAS cannot read the evidence, `rate_limited` or `unavailable` otherwise; the
   * signal's reason
   */
  async call(call: NrasCall, body: Buffer | undefined, gone: AbortSignal): Promise<Buffer> {
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    let answer: Dispatcher.ResponseData | undefined;
    try {
      const { method, path } = NRAS_CALLS[call];
      answer = await this.#pool.request({
        method,
        path: this.#base + path,
        headers: { accept: "application/json", ...(body && { "content-type": "application/json" }) },
        body: body ?? null,
        signal: AbortSignal.any([gone, timeout]),
      });
      if (answer.statusCode !== 200) throw this.#refusal(call, answer);
      return await this.#readJson(call, answer);
    } catch (error) {
      if (error instanceof WireError) throw error;
      if (gone.aborted) throw gone.reason;
      throw this.#failure(call, timeout.aborted ? "late" : "unreachable", error);
    } finally {
      // Lets go of what has not been read.
      answer?.body.on("error", () => {}).destroy();
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #readJson(call: NrasCall, { body }: Dispatcher.ResponseData): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > MAX_ANSWER_BYTES) throw this.#failure(call, "too_large");
      chunks.push(chunk);
    }
    const bytes = Buffer.concat(chunks, length);
    try {
      JSON.parse(bytes.toString("utf8"));
    } catch {
      throw this.#failure(call, "malformed");
    }
    return bytes;
  }

  #refusal(call: NrasCall, { statusCode, headers }: Dispatcher.ResponseData): WireError {
    if (call === "attest" && EVIDENCE_STATUSES.has(statusCode)) return new WireError("invalid_field", { param: "evidence_list" });
    const error = this.#failure(call, statusCode >= 300 && statusCode < 400 ? "redirect" : `status_${statusCode}`);
    const retryAfterSeconds = parseRetryAfter(headers["retry-after"]);
    if (statusCode === 429) return new WireError("rate_limited", { retryAfterSeconds });
    return statusCode === 503 ? new WireError("unavailable", { retryAfterSeconds }) : error;
  }

  /** The configuration's or NVIDIA's fault, never the caller's. */
  #failure(call: NrasCall, failure: NrasFailure, cause?: unknown): WireError {
    this.#onFailure(call, failure);
    return new WireError("unavailable", { retryAfterSeconds: RETRY_AFTER_SECONDS, cause });
  }
}

function parseRetryAfter(value: string | string[] | undefined): number {
  const seconds = typeof value === "string" && /^\d{1,9}$/.test(value) ? Number(value) : RETRY_AFTER_SECONDS;
  return Math.min(Math.max(seconds, RETRY_AFTER_SECONDS), MAX_RETRY_AFTER_SECONDS);
}
