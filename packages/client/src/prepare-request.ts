import { type CryptoBackend, HEADERS, sha256Hex, toHex, utf8 } from "@bauta/protocol";
import { createPlainReader, createSealedReader, RefusalError, type ResponseReader, sealRequest } from "@bauta/protocol/client";
import { ClientError } from "./errors.ts";
import { isJsonObject, type JsonObject } from "./exchange/chunk.ts";
import type { WireRequest } from "./exchange/send-attested.ts";

/** A chat request as it will be sent, with what is needed to read and to judge its answer. */
export interface PreparedRequest extends WireRequest {
  readonly requestSha256: string;
  /** `Bauta-Nonce`, which the receipt repeats. */
  readonly clientNonce: string;
  createReader(): ResponseReader;
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
  params: JsonObject,
  allowInClear: readonly string[],
): Promise<PreparedRequest> {
  assertSealingOn(params);
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
export function preparePlain(backend: CryptoBackend, params: JsonObject): PreparedRequest {
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

const SEALING_SWITCH = "venice_parameters.enable_e2ee";

/**
 * Some servers have a switch that turns sealing off, and then answer in clear.
 * @throws {ClientError} `invalid_request` for a request that turns it off
 */
function assertSealingOn({ venice_parameters: venice }: JsonObject): void {
  const setting = isJsonObject(venice) ? venice["enable_e2ee"] : undefined;
  if (setting !== false && setting !== "off") return;
  throw new ClientError("invalid_request", `${SEALING_SWITCH}: ${setting} would turn off the encryption of a sealed request`, {
    field: SEALING_SWITCH,
  });
}

export function freshNonce(backend: CryptoBackend): string {
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
