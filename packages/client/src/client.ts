import { createAppraiser, type Policy, PolicyError } from "@bauta/attestation/on-demand";
import { backend as platformBackend } from "@bauta/protocol/backend";
import { attestModel } from "./attest.ts";
import type { Attestation } from "./attestation.ts";
import { type Chat, startChat } from "./chat.ts";
import { type ChatOptions, type ChatParams, parseModelName } from "./chat-params.ts";
import { type CheckedOptions, type ClientOptions, checkOptions } from "./client-options.ts";
import { ClientError } from "./errors.ts";
import { sealsWhole } from "./exchange/ask.ts";
import { createTransport } from "./http.ts";
import { type Freshness, keepFresh, type KeepFreshOptions } from "./keep-fresh.ts";
import { listModels, type Model } from "./models.ts";
import { answerError } from "./openai/error-answer.ts";
import { createFetch, type OpenAIFetch } from "./openai/fetch.ts";
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
  /**
   * `fetch` for clients of OpenAI's API, which need not know more: `new OpenAI({ baseURL: bauta.baseURL, apiKey, fetch:
   * bauta.fetch })`. What they call is attested and sealed, or refused by an error in OpenAI's shape; it is sent under this
   * client's own API key. {@link bautaOf} says what an answer is worth, and so do its headers.
   * @throws the caller's own reason when its signal aborts, and a `TypeError` when it could not be sent
   */
  readonly fetch: OpenAIFetch;
  /**
   * Attests anew those models whose sessions end within `aheadMs`, a minute unless given, so that no request waits for it.
   * @throws {ClientError} `invalid_request` for what is no model's name; the signal's own reason when it aborts
   */
  keepFresh(models: readonly string[], options?: KeepFreshOptions): Promise<Freshness[]>;
}

/**
 * A client of one server under one policy. It holds attested keys, nothing of any conversation.
 * @throws {ClientError} `invalid_option`; PolicyError naming the policy's field
 */
export function createClient(options: ClientOptions): Client {
  const checked = checkOptions(options);
  const { policy } = checked;
  if (!(policy instanceof Promise)) return assembleClient(options, checked, policy);
  const client = policy.then((read) => assembleClient(options, checked, read));
  // Told to whoever calls it first; nobody may ever.
  client.catch(() => undefined);
  return {
    baseURL: checked.baseURL,
    models: async (...given) => (await client).models(...given),
    attest: async (...given) => (await client).attest(...given),
    chat: async (...given) => (await client).chat(...given),
    fetch: async (...given) => {
      try {
        return await (await client).fetch(...given);
      } catch (error) {
        // In the form that OpenAI's clients show: they would repeat what throws.
        if (!(error instanceof PolicyError)) throw error;
        return answerError(new ClientError("invalid_option", error.message, { field: "policy" }));
      }
    },
    keepFresh: async (...given) => (await client).keepFresh(...given),
  };
}

function assembleClient(options: ClientOptions, checked: CheckedOptions, policy: Policy): Client {
  const { baseURL, apiKey, trustRoots, receipts, timeouts, sessionMs, allowGatewayVisible, allowInClear } = checked;
  // Looked up at each call: pages and tests may replace the platform's fetch.
  const { fetch = (url, init) => globalThis.fetch(url, init), backend = platformBackend } = options;
  // oxlint-disable-next-line no-restricted-properties -- the package's one clock, for callers who hand in none
  const { nowMs = () => Date.now() } = options;
  const transport = createTransport({ baseURL, apiKey, fetch });
  const { collateral, gpuEndorsements, memory } = options;
  const appraiser = createAppraiser({ trustRoots, nowMs, collateral, gpuEndorsements, memory, backend });
  const { answerMs, headMs, idleMs, receiptMs } = timeouts;
  const attestOptions = { transport, backend, policy, appraiser, nowMs, timeoutMs: answerMs };
  const sessions = createSessions({ attest: (model, signal) => attestModel(model, attestOptions, signal), nowMs, lifetimeMs: sessionMs });
  const context = { transport, backend, sessions, policy, baseURL, nowMs, headMs, idleMs, receiptMs, receipts };

  return {
    baseURL,
    models: ({ signal } = {}) => listModels(transport, { timeoutMs: answerMs, signal }),
    attest: async (model, { signal } = {}) => sessions.attest(parseModelName(model), signal),
    chat: (params, chatOptions = {}) => startChat(context, params, { allowGatewayVisible, allowInClear, ...chatOptions }),
    fetch: createFetch(context, { ...checked, sealsWhole: sealsWhole(context), answerMs }),
    keepFresh: async (models, freshOptions = {}) => keepFresh(sessions, nowMs, models.map(parseModelName), freshOptions),
  };
}
