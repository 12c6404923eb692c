import type { CryptoBackend } from "./backend.ts";
import type { Receipt } from "./receipt.ts";
import { canonicalJson, signText, statementText } from "./signed-text.ts";
import { faultyMember, isEngine, isName, isSha256, isWeights, type MemberTest, orNull } from "./statement-members.ts";

/** Where a model key comes from: made by the enclave when it started, or derived by a key service that can derive it again. */
export type KeyOrigin = "boot" | "kms";

/**
 * What the attested key says about itself, for one attestation request. Every member is present; null means "none".
 * @see spec/protocol.md, "The keys statement"
 */
export interface KeysStatement {
  /** The 32 bytes that REPORTDATA binds, as lower-case hex. */
  readonly nonce: string;
  readonly model: string;
  /** Versions of the protocol that the enclave speaks. */
  readonly versions: readonly string[];
  readonly key_origin: KeyOrigin;
  /** The HPKE key configuration for sealed bodies, as lower-case hex. @see RFC 9458 §3 */
  readonly hpke_key_config: string | null;
  /** SHA-256 of the GPU evidence that is served beside the statement. */
  readonly gpu_evidence_sha256: string | null;
  /** As in receipts. */
  readonly weights: Receipt["weights"];
  /** As in receipts. */
  readonly engine: Receipt["engine"];
  /** Seconds since 1970 up to which the keys may be used without attesting again. */
  readonly not_after: number;
}

/** A statement as it is served: `keys` and `keys_signature` of the attestation answer. */
export interface SignedKeysStatement {
  /** RFC 8785 JSON. */
  readonly keys: string;
  readonly signature: string;
}

export type ParsedKeysStatement =
  | { readonly ok: true; readonly statement: KeysStatement }
  /** `reason` ends a sentence that begins with "the statement". */
  | { readonly ok: false; readonly reason: string };

/** Room for 256 weight files with names of ordinary length. */
const MAX_STATEMENT_CHARACTERS = 64 * 1024;
const MAX_VERSIONS = 16;
/** Room for a few dozen key configurations. */
const MAX_KEY_CONFIG_BYTES = 4096;
/** The farthest moment that a Date can hold. */
const MAX_SECONDS = 8.64e12;

const isVersions: MemberTest = (value) =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.length <= MAX_VERSIONS &&
  new Set(value).size === value.length &&
  value.every((version) => typeof version === "string" && /^[1-9][0-9]{0,3}$/.test(version));

const isKeyConfig: MemberTest = (value) =>
  typeof value === "string" && value.length <= MAX_KEY_CONFIG_BYTES * 2 && /^(?:[0-9a-f]{2})+$/.test(value);

const MEMBERS: Record<keyof KeysStatement, MemberTest> = {
  nonce: isSha256,
  model: isName,
  versions: isVersions,
  key_origin: (value) => value === "boot" || value === "kms",
  hpke_key_config: orNull(isKeyConfig),
  gpu_evidence_sha256: orNull(isSha256),
  weights: orNull(isWeights),
  engine: isEngine,
  not_after: (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_SECONDS,
};

/**
 * Signs a statement with the enclave's key.
 * @throws {TypeError} for members that no verifier would take
 */
export function signKeysStatement(backend: CryptoBackend, secretKey: Uint8Array, statement: KeysStatement): SignedKeysStatement {
  const keys = canonicalJson(statement);
  const parsed = parseKeysStatement(keys);
  if (!parsed.ok) throw new TypeError(`bauta/keys/1: the statement ${parsed.reason}`);
  return { keys, signature: signText(backend, secretKey, statementText("bauta/keys/1", statement)) };
}

/**
 * Reads the text of a statement: the members of `bauta/keys/1`, all of them and no others, in RFC 8785's one form.
 * What signed it, for whom and until when is not judged here.
 */
export function parseKeysStatement(text: string): ParsedKeysStatement {
  if (text.length > MAX_STATEMENT_CHARACTERS) {
    return { ok: false, reason: `has ${text.length} characters, more than ${MAX_STATEMENT_CHARACTERS}` };
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, reason: "is not JSON" };
  }
  // Before the form is judged: what has these members is shallow, and can be written again without running out of stack.
  const fault = faultyMember(value, MEMBERS);
  if (fault !== undefined) return { ok: false, reason: fault };
  const statement = value as KeysStatement;
  if (canonicalJson(statement) !== text) return { ok: false, reason: "is not written as RFC 8785 has it" };
  return { ok: true, statement };
}
