import { HEADERS, parseHex, toHex, utf8 } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { type SealedBody, sealBody, writeBinding } from "@bauta/protocol/client";
import { E2EE_MODEL, type Stack } from "./private-stack.ts";

/** How a request is sealed otherwise than our client would. */
export interface SealWholeOptions {
  readonly model?: string;
  readonly path?: string;
  readonly nowMs?: number;
  /** A key that is not the enclave's. @see RFC 9458 §3 */
  readonly keyConfig?: Uint8Array;
  /** Replaces what is sealed, once it is bound to its call. */
  readonly edit?: (bound: Readonly<Record<string, unknown>>) => unknown;
}

export interface SealedWhole extends Pick<SealedBody, "openResponse"> {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** Seals a request whole (version 2) to the enclave of a stack, as our client does, for a test to spoil. */
export async function sealWhole(
  { fetch: call, enclave }: Pick<Stack, "fetch" | "enclave">,
  request: object,
  { model = E2EE_MODEL, path = "/chat/completions", nowMs = Date.now(), keyConfig, edit = (bound) => bound }: SealWholeOptions = {},
): Promise<SealedWhole> {
  const bound = edit(writeBinding({ model, ...request }, { method: "POST", path, model, nowMs }));
  const plaintext = utf8(typeof bound === "string" ? bound : JSON.stringify(bound));
  const sealed = await sealBody({ backend, keyConfig: keyConfig ?? (await fetchKeyConfig(call, model)), plaintext });
  return {
    path,
    headers: {
      "content-type": "application/octet-stream",
      [HEADERS.encapsulatedKey]: sealed.encapsulatedKey,
      [HEADERS.model]: model,
      [HEADERS.modelPublicKey]: toHex(enclave.publicKey),
      [HEADERS.nonce]: toHex(backend.randomBytes(32)),
    },
    body: sealed.body,
    openResponse: (nonceHex) => sealed.openResponse(nonceHex),
  };
}

/** The key that the enclave's statement names. */
async function fetchKeyConfig(call: Stack["fetch"], model: string): Promise<Uint8Array> {
  const answer = await call(`/tee/attestation?${new URLSearchParams({ model, nonce: toHex(backend.randomBytes(32)) }).toString()}`);
  const { keys } = (await answer.json()) as { readonly keys: string };
  const { hpke_key_config: config } = JSON.parse(keys) as { readonly hpke_key_config: string };
  return parseHex(config, 256) ?? new Uint8Array();
}
