import { createHash } from "node:crypto";
import {
  addressOf,
  bindNonce,
  type CryptoBackend,
  createReportData,
  type KeyPair,
  type SignedKeysStatement,
  SIGNING_ALGORITHM,
  toBase64,
  toHex,
  WireError,
} from "@bauta/protocol";
import { signKeys } from "./keys.ts";
import { type EnclaveModel, isSealed } from "./model.ts";
import type { Platform } from "./platform.ts";
import type { BodyKeys } from "./sealed-body/body-keys.ts";

/** Who attests: a machine that quotes, and a key that it quotes for. */
export interface Attester {
  readonly platform: Platform;
  readonly backend: CryptoBackend;
  readonly modelKey: KeyPair;
  /** Refreshed. */
  readonly bodyKeys: BodyKeys;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

/**
 * Answers an attestation request: a fresh quote that binds this enclave's key and the caller's nonce, the evidence of
 * its GPUs over the same nonce, and what the key says about itself and about them.
 * @param nonce as in the query, percent-decoded
 * @throws {WireError} `invalid_nonce` when this model does not take such a nonce; `shutting_down` when the enclave closed
 * before its GPUs had answered
 * @see spec/protocol.md, "Attestation"
 */
export async function attest(attester: Attester, model: EnclaveModel, nonce: string): Promise<Readonly<Record<string, unknown>>> {
  const { platform, modelKey } = attester;
  const { publicKey } = modelKey;
  const bound = bindNonce(nonce, isSealed(model));
  if (!bound) throw new WireError("invalid_nonce", { param: "nonce" });
  const address = addressOf(publicKey);
  const [{ payload, keys, signature }, quote, { eventLog, info }, endorsements, gpuEndorsements] = await Promise.all([
    signStatement(attester, model, bound.bytes),
    platform.quote(createReportData(address, bound.bytes)),
    platform.describe(),
    platform.endorsements?.(),
    platform.gpuEvidence && platform.gpuEndorsements?.(),
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
    ...(payload !== undefined && { nvidia_payload: payload }),
    ...(endorsements !== undefined && { endorsements }),
    ...(gpuEndorsements !== undefined && {
      gpu_endorsements: { rims: gpuEndorsements.rims, ocsp: gpuEndorsements.ocsp.map((der) => toBase64(der)) },
    }),
  };
}

/** The keys statement, and the GPU evidence that it names: any genuine GPU signs any nonce, so somebody has to. */
async function signStatement(
  { platform, backend, modelKey, bodyKeys, nowMs }: Attester,
  model: EnclaveModel,
  nonce: Uint8Array,
): Promise<SignedKeysStatement & { readonly payload: string | undefined }> {
  const { secretKey } = modelKey;
  // Nothing is awaited where there are no GPUs.
  const payload = platform.gpuEvidence && (await platform.gpuEvidence(nonce));
  // An enclave that closed meanwhile has erased its key.
  if (secretKey.every((byte) => byte === 0)) throw new WireError("shutting_down");
  const gpuEvidenceSha256 = payload === undefined ? null : createHash("sha256").update(payload, "utf8").digest("hex");
  return { payload, ...signKeys(backend, secretKey, model, { nonce, nowMs: nowMs(), gpuEvidenceSha256, bodyKey: bodyKeys.offer() }) };
}
