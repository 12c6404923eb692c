import { type CryptoBackend, HEADERS, sha256Hex, toHex, utf8 } from "@bauta/protocol";
import { createPlainReader, createSealedReader, RefusalError, type ResponseReader, sealRequest } from "@bauta/protocol/client";
import type { ChatParams } from "./chat-params.ts";
import { ClientError } from "./errors.ts";

/** A chat request as it will be sent, with what is needed to read and to judge its answer. */
export interface PreparedRequest {
  /** Sent exactly so: the receipt hashes these bytes. */
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
  readonly requestSha256: string;
  /** `Bauta-Nonce`, which the receipt repeats. */
  readonly clientNonce: string;
  createReader(): ResponseReader;
  /** Zeroes this request's key (best effort: JavaScript gives no promise that no copy was made). */
  dispose(): void;
}

/**
 * Seals a request to an attested key, under a key pair made for this request alone.
 * @param modelKey 65 bytes
 * @throws {RefusalError} naming the member that would travel in clear
 * @see spec/protocol.md, "Sealed requests"
 */
export async function prepareSealed(
  backend: CryptoBackend,
  modelKey: Uint8Array,
  params: ChatParams,
  allowInClear: readonly string[],
): Promise<PreparedRequest> {
  const { body, headers, clientKey, requestSha256 } = await sealed(sealRequest(params, { backend, modelKey, allowInClear }));
  const clientNonce = freshNonce(backend);
  return {
    body,
    headers: { ...headers, "content-type": "application/json", [HEADERS.nonce]: clientNonce },
    requestSha256,
    clientNonce,
    createReader: () => createSealedReader(backend, clientKey, modelKey),
    dispose: () => void clientKey.secretKey.fill(0),
  };
}

/** A request that the gateway reads. @throws {ClientError} `invalid_request` when it has no JSON */
export function preparePlain(backend: CryptoBackend, params: ChatParams): PreparedRequest {
  let text: string;
  try {
    text = JSON.stringify({ ...params, stream: true });
  } catch {
    throw notJson();
  }
  const body = utf8(text);
  const clientNonce = freshNonce(backend);
  return {
    body,
    headers: { "content-type": "application/json", [HEADERS.nonce]: clientNonce },
    requestSha256: sha256Hex(backend, body),
    clientNonce,
    createReader: () => createPlainReader(backend),
    dispose: () => undefined,
  };
}

function freshNonce(backend: CryptoBackend): string {
  return toHex(backend.randomBytes(32));
}

async function sealed<T>(request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    throw error instanceof RefusalError ? error : notJson();
  }
}

/** A runtime's own text can quote the value that it stumbled over. */
function notJson(): ClientError {
  return new ClientError("invalid_request", "the request holds something that JSON has no form for, such as a cycle or a bigint");
}
