import { addressOf, bindNonce, createReportData, SIGNING_ALGORITHM, toHex, WireError } from "@bauta/protocol";
import { type EnclaveModel, isSealed } from "./model.ts";
import type { Platform } from "./platform.ts";

/**
 * Answers an attestation request: a fresh quote that binds this enclave's key and the caller's nonce.
 * @param nonce as in the query, percent-decoded
 * @throws {WireError} `invalid_nonce` when this model does not take such a nonce
 * @see spec/protocol.md, "Attestation"
 */
export async function attest(
  platform: Platform,
  publicKey: Uint8Array,
  model: EnclaveModel,
  nonce: string,
): Promise<Readonly<Record<string, unknown>>> {
  const bound = bindNonce(nonce, isSealed(model));
  if (!bound) throw new WireError("invalid_nonce", { param: "nonce" });
  const address = addressOf(publicKey);
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
    ...(endorsements === undefined ? {} : { endorsements }),
  };
}
