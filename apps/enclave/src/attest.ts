import {
  addressOf,
  bindNonce,
  type CryptoBackend,
  createReportData,
  type KeyPair,
  SIGNING_ALGORITHM,
  toHex,
  WireError,
} from "@bauta/protocol";
import { signKeys } from "./keys.ts";
import { type EnclaveModel, isSealed } from "./model.ts";
import type { Platform } from "./platform.ts";

/** Who attests: a machine that quotes, and a key that it quotes for. */
export interface Attester {
  readonly platform: Platform;
  readonly backend: CryptoBackend;
  readonly modelKey: KeyPair;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

/**
 * Answers an attestation request: a fresh quote that binds this enclave's key and the caller's nonce, and what that key
 * says about itself.
 * @param nonce as in the query, percent-decoded
 * @throws {WireError} `invalid_nonce` when this model does not take such a nonce
 * @see spec/protocol.md, "Attestation"
 */
export async function attest(
  { platform, backend, modelKey, nowMs }: Attester,
  model: EnclaveModel,
  nonce: string,
): Promise<Readonly<Record<string, unknown>>> {
  const { publicKey, secretKey } = modelKey;
  const bound = bindNonce(nonce, isSealed(model));
  if (!bound) throw new WireError("invalid_nonce", { param: "nonce" });
  const address = addressOf(publicKey);
  // Before anything is awaited: an enclave that closes meanwhile erases its key.
  const { keys, signature } = signKeys(backend, secretKey, model, bound.bytes, nowMs());
  const [quote, { eventLog, info }, endorsements] = await Promise.all([
    platform.quote(createReportData(address, bound.bytes)),
    platform.describe(),
    platform.endorsements?.(),
  ]);
  return {
    nonce,
    nonce_source: "client",
    request_nonce: nonce,
    model: model.id,
    tee_provider: platform.teeProvider,
    tee_hardware: platform.teeHardware,
    intel_quote: toHex(quote),
    signing_key: toHex(publicKey),
    signing_public_key: toHex(publicKey),
    signing_address: `0x${toHex(address)}`,
    signing_algo: SIGNING_ALGORITHM,
    event_log: eventLog,
    info,
    keys,
    keys_signature: signature,
    ...(endorsements === undefined ? {} : { endorsements }),
  };
}
