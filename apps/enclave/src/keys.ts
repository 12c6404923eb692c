import {
  canonicalJson,
  type CryptoBackend,
  type KeysStatement,
  parseKeysStatement,
  type SignedKeysStatement,
  toHex,
} from "@bauta/protocol";
import { signKeysStatement } from "@bauta/protocol/enclave";
import type { EnclaveModel } from "./model.ts";
import { EnclaveSetupError } from "./setup-error.ts";

/** How long a statement holds. Clients attest again sooner; this bounds those that do not. */
const VALID_SECONDS = 24 * 60 * 60;

/**
 * Signs what this enclave's key says about itself for one attestation request.
 * @param nonce the 32 bytes that REPORTDATA binds
 * @see spec/protocol.md, "The keys statement"
 */
export function signKeys(
  backend: CryptoBackend,
  secretKey: Uint8Array,
  model: EnclaveModel,
  nonce: Uint8Array,
  nowMs: number,
): SignedKeysStatement {
  return signKeysStatement(backend, secretKey, describeKeys(model, nonce, nowMs));
}

/** @throws {EnclaveSetupError} when a model's weights or engine could not stand in a statement that clients take */
export function assertDescribable(model: EnclaveModel): void {
  const parsed = parseKeysStatement(canonicalJson(describeKeys(model, new Uint8Array(32), 0)));
  if (parsed.ok) return;
  throw new EnclaveSetupError(
    "invalid-option",
    `the model "${model.id}" cannot be described to clients: its keys statement ${parsed.reason}`,
  );
}

function describeKeys(model: EnclaveModel, nonce: Uint8Array, nowMs: number): KeysStatement {
  return {
    nonce: toHex(nonce),
    model: model.id,
    versions: ["1"],
    key_origin: "boot",
    hpke_key_config: null,
    gpu_evidence_sha256: null,
    weights: model.weights ?? null,
    engine: { name: model.engine.name, image_digest: model.engineImageDigest ?? null },
    not_after: Math.floor(nowMs / 1000) + VALID_SECONDS,
  };
}
