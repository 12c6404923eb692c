import type { CryptoBackend, KeyPair } from "./backend.ts";
import { equalBytes } from "./bytes.ts";
import {
  assertSupported,
  findUnsealable,
  isJsonObject,
  type JsonObject,
  parseMessages,
  parseModel,
  parseSampling,
  parseStream,
  type RawMessage,
  veniceParameters,
  wantsUsage,
} from "./chat-fields.ts";
import type { ChatMessage, ChatRequest, ChatRole } from "./chat-request.ts";
import { createEnvelopeOpener, type EnvelopeOpener, MIN_ENVELOPE_HEX, parseEnvelope } from "./envelope.ts";
import { WireError } from "./errors.ts";
import { HEADERS, SIGNING_ALGORITHM } from "./headers.ts";
import { LIMITS } from "./limits.ts";
import { parseClientKey, parseModelKey } from "./public-key.ts";

/** Request headers with lower-case names, as Node's `IncomingMessage.headers` has them. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface OpenedRequest {
  readonly request: ChatRequest;
  /** The key to seal the answer to: 65 bytes, on the curve. */
  readonly clientKey: Uint8Array;
}

export interface OpenRequestOptions {
  readonly backend: CryptoBackend;
  /** The enclave's own pair. */
  readonly modelKey: KeyPair;
  /**
   * Refuse what the published format allows and our client never sends: plaintext in any role, and envelopes whose
   * sender is not the client-key header. With the second rule whoever swaps that header, or copies an envelope into a
   * request of his own, gets nothing: only the holder of the header's key could have sealed the messages.
   */
  readonly strict?: boolean;
}

/** Roles whose content must always be sealed. */
const SEALED_ROLES: ReadonlySet<ChatRole> = new Set(["system", "developer", "user"]);

/**
 * Opens a sealed chat request and builds what the engine gets.
 * @param body the request body after JSON.parse
 * @throws {WireError} from the catalogue, naming header or field
 * @see spec/protocol.md, "Sealed requests"
 */
export async function openRequest(body: unknown, headers: RequestHeaders, options: OpenRequestOptions): Promise<OpenedRequest> {
  const { backend, modelKey, strict = false } = options;

  // 1. Headers: all three, for this enclave, with a usable client key.
  const clientKey = readSealedHeaders(headers, backend, modelKey.publicKey);

  // 2. What cannot be sealed is refused by name.
  const fields = asObject(body);
  if (!parseStream(fields)) throw new WireError("streaming_required", { param: "stream" });
  const unsealable = findUnsealable(fields);
  if (unsealable !== undefined) throw new WireError("not_sealable", { param: unsealable });
  assertSupported(fields);

  // 3. The rest is built, member by member.
  const model = parseModel(fields);
  const sampling = parseSampling(fields);
  const includeUsage = wantsUsage(fields);
  const opener = createEnvelopeOpener(backend, modelKey.secretKey);
  const messages: ChatMessage[] = [];
  for (const message of parseMessages(fields)) {
    const content = await openContent(message, backend, opener, strict ? clientKey : undefined);
    messages.push({ role: message.role, content, ...(message.name !== undefined && { name: message.name }) });
  }
  return { request: { model, messages, sampling, stream: true, includeUsage, omitReasoning: omitReasoning(fields) }, clientKey };
}

/**
 * Reads a chat request that is not sealed (`tee-*` models) and builds what the engine gets.
 * @throws {WireError} from the catalogue, naming the field
 */
export function parsePlainRequest(body: unknown): ChatRequest {
  const fields = asObject(body);
  assertSupported(fields);
  const unsupported = findUnsealable(fields);
  if (unsupported !== undefined) throw new WireError("unsupported_field", { param: unsupported });
  return {
    model: parseModel(fields),
    messages: parseMessages(fields).map((message) => ({
      role: message.role,
      content: plainContent(message),
      ...(message.name !== undefined && { name: message.name }),
    })),
    sampling: parseSampling(fields),
    stream: parseStream(fields),
    includeUsage: wantsUsage(fields),
    omitReasoning: omitReasoning(fields),
  };
}

/** True when a request carries any of the three headers of a sealed request. */
export function hasSealedHeaders(headers: RequestHeaders): boolean {
  return sealedHeaders(headers).some((value) => value !== undefined);
}

function sealedHeaders(headers: RequestHeaders) {
  return [headers[HEADERS.clientPublicKey], headers[HEADERS.modelPublicKey], headers[HEADERS.signingAlgorithm]] as const;
}

function readSealedHeaders(headers: RequestHeaders, backend: CryptoBackend, ownKey: Uint8Array): Uint8Array {
  const [client, model, algorithm] = sealedHeaders(headers);
  if (client === undefined && model === undefined && algorithm === undefined) throw new WireError("headers_required");
  if (client === undefined || model === undefined || algorithm === undefined) throw new WireError("headers_incomplete");
  if (algorithm !== SIGNING_ALGORITHM) throw new WireError("signing_algorithm", { param: HEADERS.signingAlgorithm });
  const clientKey = typeof client === "string" ? parseClientKey(client) : undefined;
  if (!clientKey || !backend.isPublicKey(clientKey)) throw new WireError("invalid_public_key", { param: HEADERS.clientPublicKey });
  const modelKey = typeof model === "string" ? parseModelKey(model) : undefined;
  if (!modelKey) throw new WireError("invalid_public_key", { param: HEADERS.modelPublicKey });
  if (!equalBytes(modelKey, ownKey)) throw new WireError("unknown_model_key", { param: HEADERS.modelPublicKey });
  return clientKey;
}

function asObject(body: unknown): JsonObject {
  if (!isJsonObject(body)) throw new WireError("invalid_json");
  return body;
}

function omitReasoning(fields: JsonObject): boolean {
  return veniceParameters(fields)["strip_thinking_response"] === true;
}

async function openContent(
  { role, content, param }: RawMessage,
  backend: CryptoBackend,
  opener: EnvelopeOpener,
  soleSender: Uint8Array | undefined,
): Promise<string> {
  const mustBeSealed = soleSender !== undefined || SEALED_ROLES.has(role);
  if (Array.isArray(content)) throw new WireError("content_parts", { param });
  if (!mustBeSealed) {
    if (content === undefined || content === null) return "";
    if (typeof content === "string" && !looksSealed(content)) return content;
  }
  const envelope = typeof content === "string" ? parseEnvelope(backend, content, LIMITS.envelopePlaintextBytes) : undefined;
  if (!envelope) throw new WireError("field_not_hex", { param });
  const foreign = soleSender !== undefined && !equalBytes(envelope.senderKey, soleSender);
  const plaintext = foreign ? undefined : await opener.open(envelope);
  const text = plaintext && decodeUtf8(plaintext);
  if (text === undefined) throw new WireError("field_not_opened", { param });
  return text;
}

function looksSealed(content: string): boolean {
  return content.length >= MIN_ENVELOPE_HEX && content.length % 2 === 0 && /^[0-9a-fA-F]+$/.test(content);
}

function plainContent({ role, content, param }: RawMessage): string {
  if (typeof content === "string") return content;
  if ((content === undefined || content === null) && role === "assistant") return "";
  if (!Array.isArray(content)) throw new WireError(content === undefined ? "missing_field" : "invalid_field", { param });
  return content
    .map((part: unknown, i) => {
      if (!isJsonObject(part)) throw new WireError("invalid_field", { param: `${param}[${i}]` });
      if (part["type"] !== "text" || typeof part["text"] !== "string") throw new WireError("content_parts", { param: `${param}[${i}]` });
      return part["text"];
    })
    .join("\n");
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
