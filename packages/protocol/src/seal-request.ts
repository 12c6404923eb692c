import type { CryptoBackend, KeyPair } from "./backend.ts";
import { utf8 } from "./bytes.ts";
import { CLEAR_MEMBERS, findTextInClear, isAbsent, isJsonObject } from "./chat-fields.ts";
import { CHAT_ROLES, type ChatMessage } from "./chat-request.ts";
import { createEnvelopeSealer, deriveEnvelopeKey } from "./envelope.ts";
import { HEADERS, SIGNING_ALGORITHM } from "./headers.ts";
import { toHex } from "./hex.ts";
import { RefusalError } from "./refusals.ts";
import { sha256Hex } from "./transcript.ts";

export interface SealedRequest {
  /** The HTTP content to send, exactly these bytes: the receipt hashes them. */
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
  /** This request's own pair: opens the answer, then is to be zeroed. */
  readonly clientKey: KeyPair;
  readonly requestSha256: string;
}

export interface SealRequestOptions {
  readonly backend: CryptoBackend;
  /** 65 bytes of the attested key. */
  readonly modelKey: Uint8Array;
  /**
   * Members that may travel unencrypted although they may carry content (`stop`, `user`, …). They are sent as they
   * are and the gateway reads them. A member within another is named with a dot (`venice_parameters.character_slug`).
   */
  readonly allowInClear?: readonly string[];
}

/**
 * Seals a chat request for an enclave: every message's content, whatever its role, under one key agreement made for
 * this request alone. Everything else that crosses is on an allowlist.
 * @param request an OpenAI chat completion request; `stream` is set to true
 * @throws {RefusalError} before anything could be sent, naming the field that would travel in clear
 * @see spec/protocol.md, "Sealed requests"
 */
export async function sealRequest(request: unknown, options: SealRequestOptions): Promise<SealedRequest> {
  const { backend, modelKey, allowInClear = [] } = options;
  if (!isJsonObject(request) || !Array.isArray(request["messages"])) throw new RefusalError("invalid_request", "messages");

  // 1. What would be sent, judged whole before there is a key.
  const clear: Record<string, unknown> = {};
  for (const [member, value] of Object.entries(request)) {
    if (isAbsent(value) && !CLEAR_MEMBERS.has(member)) continue;
    const revealing = CLEAR_MEMBERS.has(member) ? findTextInClear(member, value) : [member];
    const refused = allowInClear.includes(member) ? undefined : revealing.find((path) => !allowInClear.includes(path));
    if (refused !== undefined) throw new RefusalError("field_in_clear", refused);
    clear[member] = value;
  }
  const messages = (request["messages"] as unknown[]).map(parseMessage);

  // 2. One key pair, one key agreement, for this request alone.
  const clientKey = backend.createKeyPair();
  const aead = await deriveEnvelopeKey(backend, clientKey.secretKey, modelKey);
  if (!aead) {
    clientKey.secretKey.fill(0);
    throw new RefusalError("invalid_model_key");
  }
  const sealer = createEnvelopeSealer(backend, aead, clientKey.publicKey);
  const sealed: { role: string; content: string }[] = [];
  for (const { role, content } of messages) sealed.push({ role, content: (await sealer.seal(content)).hex });

  const body = utf8(JSON.stringify({ ...clear, messages: sealed, stream: true }));
  return {
    body,
    headers: {
      [HEADERS.clientPublicKey]: toHex(clientKey.publicKey),
      [HEADERS.modelPublicKey]: toHex(modelKey),
      [HEADERS.signingAlgorithm]: SIGNING_ALGORITHM,
    },
    clientKey,
    requestSha256: sha256Hex(backend, body),
  };
}

function parseMessage(message: unknown, i: number): ChatMessage {
  if (!isJsonObject(message)) throw new RefusalError("invalid_request", `messages[${i}]`);
  const role = CHAT_ROLES.find((known) => known === message["role"]);
  if (!role) throw new RefusalError("invalid_request", `messages[${i}].role`);
  const other = Object.keys(message).find((member) => member !== "role" && member !== "content" && !isAbsent(message[member]));
  if (other !== undefined) throw new RefusalError("field_in_clear", `messages[${i}].${other}`);
  const content = message["content"] ?? "";
  if (typeof content !== "string") throw new RefusalError("content_not_text", `messages[${i}].content`);
  return { role, content };
}
