import type { CryptoBackend, KeyPair } from "./backend.ts";
import { utf8 } from "./bytes.ts";
import { CLEAR_MEMBERS, findTextInClear, isAbsent, isJsonObject } from "./chat-fields.ts";
import { CHAT_ROLES, type ChatMessage, type ChatRole } from "./chat-request.ts";
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
   * are and the gateway reads them. A member within another is named with a dot (`venice_parameters.character_slug`), and
   * the names in messages together (`messages.name`).
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
  const nameInClear = allowInClear.includes("messages.name");
  const messages = (request["messages"] as unknown[]).map((message, i) => parseMessage(message, i, nameInClear));

  // 2. One key pair, one key agreement, for this request alone.
  const clientKey = backend.createKeyPair();
  const aead = await deriveEnvelopeKey(backend, clientKey.secretKey, modelKey);
  if (!aead) {
    clientKey.secretKey.fill(0);
    throw new RefusalError("invalid_model_key");
  }
  const sealer = createEnvelopeSealer(backend, aead, clientKey.publicKey);
  const sealed: ChatMessage[] = [];
  for (const message of messages) sealed.push({ ...message, content: (await sealer.seal(message.content)).hex });

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

/** What a message travels as: its content sealed, its name in clear where the caller allows that. */
function parseMessage(message: unknown, i: number, nameInClear: boolean): ChatMessage {
  if (!isJsonObject(message)) throw new RefusalError("invalid_request", `messages[${i}]`);
  const role = CHAT_ROLES.find((known) => known === message["role"]);
  if (!role) throw new RefusalError("invalid_request", `messages[${i}].role`);
  const { name, content, refusal } = message;
  const isHandled = (member: string) =>
    MESSAGE_MEMBERS.has(member) || (role === "assistant" && OWN_WORDS.has(member)) || (member === "name" && nameInClear);
  const other = Object.keys(message).find((member) => !isHandled(member) && !isAbsent(message[member]));
  if (other !== undefined) throw new RefusalError("field_in_clear", `messages[${i}].${other}`);
  const refused = role === "assistant" && isAbsent(content) ? refusal : undefined;
  const text = textOf(refused ?? content ?? "", role);
  if (text === undefined) throw new RefusalError("content_not_text", `messages[${i}].content`);
  return { role, content: text, ...(typeof name === "string" && name !== "" && { name }) };
}

const MESSAGE_MEMBERS: ReadonlySet<string> = new Set(["role", "content"]);
/**
 * What clients send back of an assistant's answer beside its content. Its reasoning is left out: version 1 has no place that
 * is sealed for it, and chat templates drop it from earlier turns. A refusal is sealed as the content that it stands for.
 */
const OWN_WORDS: ReadonlySet<string> = new Set(["reasoning_content", "reasoning", "refusal"]);

/** Text in parts is joined as version 2 joins it; undefined for anything else than text. */
function textOf(content: unknown, role: ChatRole): string | undefined {
  if (typeof content === "string") return content;
  if (!Array.isArray(content) || (content.length === 0 && role !== "assistant")) return undefined;
  const texts = content.map((part: unknown) => {
    if (!isJsonObject(part)) return undefined;
    if (part["type"] === "refusal" && role === "assistant") return part["refusal"];
    return part["type"] === "text" ? part["text"] : undefined;
  });
  return texts.every((text) => typeof text === "string") ? texts.join("\n") : undefined;
}
