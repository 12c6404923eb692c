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
import type { OfferedBodyKey } from "./sealed-body/body-keys.ts";
import { EnclaveSetupError } from "./setup-error.ts";

/** How long a statement holds. Clients attest again sooner; this bounds those that do not. */
const VALID_SECONDS = 24 * 60 * 60;

/** What a statement says of one attestation request, beside what the model says of itself. */
export interface StatementFacts {
  /** The 32 bytes that REPORTDATA binds. */
  readonly nonce: Uint8Array;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** SHA-256, hex, of the GPU evidence in the same answer; null without GPUs. */
  readonly gpuEvidenceSha256: string | null;
  /** The key for sealed bodies; null where the enclave takes none. */
  readonly bodyKey: OfferedBodyKey | null;
}

/**
 * Signs what this enclave's key says about itself for one attestation request.
 * @see spec/protocol.md, "The keys statement"
 */
export function signKeys(backend: CryptoBackend, secretKey: Uint8Array, model: EnclaveModel, facts: StatementFacts): SignedKeysStatement {
  return signKeysStatement(backend, secretKey, describeKeys(model, facts));
}

/** @throws {EnclaveSetupError} when a model's weights or engine could not stand in a statement that clients take */
export function assertDescribable(model: EnclaveModel): void {
  const parsed = parseKeysStatement(canonicalJson(describeKeys(model, NO_REQUEST)));
  if (parsed.ok) return;
  throw new EnclaveSetupError(
    "invalid-option",
    `the model "${model.id}" cannot be described to clients: its keys statement ${parsed.reason}`,
  );
}

const NO_REQUEST: StatementFacts = { nonce: new Uint8Array(32), nowMs: 0, gpuEvidenceSha256: null, bodyKey: null };

function describeKeys(model: EnclaveModel, { nonce, nowMs, gpuEvidenceSha256, bodyKey }: StatementFacts): KeysStatement {
  const latest = Math.floor(nowMs / 1000) + VALID_SECONDS;
  return {
    nonce: toHex(nonce),
    model: model.id,
    versions: bodyKey ? ["1", "2"] : ["1"],
    key_origin: "boot",
    hpke_key_config: bodyKey?.keyConfig ?? null,
    gpu_evidence_sha256: gpuEvidenceSha256,
    weights: model.weights ?? null,
    engine: { name: model.engine.name, image_digest: model.engineImageDigest ?? null },
    not_after: Math.min(latest, bodyKey?.notAfter ?? latest),
  };
}
