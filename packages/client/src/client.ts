import { createAppraiser } from "@bauta/attestation";
import { backend as platformBackend } from "@bauta/protocol/backend";
import { attestModel } from "./attest.ts";
import type { Attestation } from "./attestation.ts";
import { type Chat, startChat } from "./chat.ts";
import { type ChatOptions, type ChatParams, parseModelName } from "./chat-params.ts";
import { type ClientOptions, checkOptions } from "./client-options.ts";
import { createTransport } from "./http.ts";
import { listModels, type Model } from "./models.ts";
import { createSessions } from "./session.ts";

export interface Client {
  /** The base URL in use, without a slash at its end. */
  readonly baseURL: string;
  /** Lists the models that the key can use, each with what its name promises. @throws {ClientError} */
  models(options?: { readonly signal?: AbortSignal }): Promise<Model[]>;
  /**
   * Attests a model's enclave with a fresh nonce. Evidence that is not acceptable is no error: `result.ok` says so.
   * An accepted key is used by `chat` until it expires.
   * @throws {ClientError} when there was no evidence to appraise
   */
  attest(model: string, options?: { readonly signal?: AbortSignal }): Promise<Attestation>;
  /**
   * Attests if need be, seals, sends, and returns the answer once it begins.
   * @throws {ClientError | RefusalError} see {@link startChat}; nothing is sent unless the enclave was accepted
   */
  chat(params: ChatParams, options?: ChatOptions): Promise<Chat>;
}

/**
 * A client of one server under one policy. It holds attested keys, nothing of any conversation.
 * @throws {ClientError} `invalid_option`; PolicyError naming the policy's field
 */
export function createClient(options: ClientOptions): Client {
  const { baseURL, apiKey, policy, trustRoots, receipts, timeouts, sessionMs } = checkOptions(options);
  // Looked up at each call: pages and tests may replace the platform's fetch.
  const { fetch = (url, init) => globalThis.fetch(url, init), backend = platformBackend } = options;
  // oxlint-disable-next-line no-restricted-properties -- the package's one clock, for callers who hand in none
  const { nowMs = () => Date.now() } = options;
  const transport = createTransport({ baseURL, apiKey, fetch });
  const { collateral, memory } = options;
  const appraiser = createAppraiser({ trustRoots, nowMs, collateral, memory, backend });
  const attestOptions = { transport, backend, policy, appraiser, nowMs, timeoutMs: timeouts.answerMs };
  const sessions = createSessions({ attest: (model, signal) => attestModel(model, attestOptions, signal), nowMs, lifetimeMs: sessionMs });
  const { headMs, idleMs, receiptMs } = timeouts;
  const context = { transport, backend, sessions, headMs, idleMs, receiptMs, receipts };

  return {
    baseURL,
    models: ({ signal } = {}) => listModels(transport, { timeoutMs: timeouts.answerMs, signal }),
    attest: async (model, { signal } = {}) => sessions.attest(parseModelName(model), signal),
    chat: (params, chatOptions = {}) => startChat(context, params, chatOptions),
  };
}
