import {
  bindNonce,
  type CryptoBackend,
  type KeysStatement,
  parseHex,
  parseKeysStatement,
  statementText,
  toHex,
  verifyTextSignature,
} from "@bauta/protocol";
import type { Evidence } from "../evidence/evidence.ts";
import { failed, type Finding, notChecked, passed } from "../result.ts";
import { type KeysClaims, readKeysClaims } from "./keys-claims.ts";
import type { RequestNonce } from "./report-data-binding.ts";
import type { SigningKey } from "./signing-key.ts";

const ID = "keys.signed";
/** The version of the protocol that seals whole requests. */
const SEALED_BODIES = "2";
const MAX_KEY_CONFIG_BYTES = 4096;
/** Weight files that a finding shows; claims have them all. */
const MAX_SHOWN_FILES = 16;
const MAX_SHOWN_CHARACTERS = 128;

/** What a keys statement is judged by, beside itself. */
export interface KeysStatementInput {
  readonly evidence: Pick<Evidence, "keys" | "keysSignature">;
  readonly signing: SigningKey;
  /** `key.bound-to-report-data`: until it has passed, the key that signed is nobody's. */
  readonly keyBinding: Finding;
  readonly nonce: RequestNonce;
  /** The model that the caller asked for; undefined where it asked for none, as when it looks at recorded evidence. */
  readonly model?: string | undefined;
  readonly nowMs: number;
  /** The policy's: under 2 a statement has to name a key to seal whole requests to. */
  readonly protocol?: 1 | 2 | undefined;
  /** Finds the key behind a signature; without one a statement cannot be verified. */
  readonly backend?: CryptoBackend | undefined;
}

/** What came of it: `keys.signed`, `key.exclusive` and `weights.named`. */
export interface KeysAppraisal {
  readonly findings: readonly Finding[];
  /** Empty unless `keys.signed` passed. */
  readonly claims: KeysClaims;
  /** Only if `keys.signed` passed. */
  readonly statement?: KeysStatement;
  /** RFC 9458 §3; only if `keys.signed` passed, and the statement lists version 2. */
  readonly hpkeKeyConfig?: Uint8Array<ArrayBuffer>;
}

/**
 * Verifies what the attested key says about itself: that the key said it, in this kind of statement and no other, for
 * this request, and that it still holds. A statement that is missing is not checked; one that does not hold fails.
 * @see spec/protocol.md, "The keys statement"
 */
export function verifyKeysStatement(input: KeysStatementInput): KeysAppraisal {
  const { finding, statement } = verifySigned(input);
  if (!statement) return { findings: [finding, ...describeNothing(finding)], claims: {} };
  const hpkeKeyConfig = readKeyConfig(statement);
  return {
    findings: [finding, describeOrigin(statement), describeWeights(statement)],
    claims: readKeysClaims(statement),
    statement,
    ...(hpkeKeyConfig && { hpkeKeyConfig }),
  };
}

interface Signed {
  readonly finding: Finding;
  readonly statement?: KeysStatement;
}

function verifySigned({ evidence, signing, keyBinding, nonce, model, nowMs, protocol, backend }: KeysStatementInput): Signed {
  const { keys, keysSignature } = evidence;
  // 1. Both are there, or neither: whoever relays an answer can take either away.
  if (keys === undefined && keysSignature === undefined) return unchecked("the answer has no keys statement");
  if (keys === undefined) return fault("the answer has a keys_signature, and no keys that it could be over");
  if (keysSignature === undefined) return fault("the answer has keys, and no keys_signature over them");
  // 2. What can be judged at all.
  if (keyBinding.status !== "pass" || !signing.address) {
    const doubt = signing.address ? "key.bound-to-report-data" : "key.address-derived";
    return unchecked(`not checked: nothing shows that the key that signed is the enclave's, since ${doubt} did not pass`);
  }
  const bound = bindNonce(nonce.query, nonce.sealed);
  if (!bound) return unchecked("not checked: the request's own nonce is not one that a model takes (nonce.bound)");
  if (!backend) return unchecked("not checked: the caller gave no backend to verify a secp256k1 signature with");
  // 3. The members, all of them and no others, in the one form that was signed.
  const parsed = parseKeysStatement(keys);
  if (!parsed.ok) return fault(`keys is not a bauta/keys/1 statement: it ${parsed.reason}`);
  const { statement } = parsed;
  // 4. The attested key, under this tag: a signature of another kind is none.
  if (!verifyTextSignature(backend, signing.address, statementText("bauta/keys/1", statement), keysSignature)) {
    return fault("keys_signature is not the attested key's signature over a bauta/keys/1 statement with these members");
  }
  // 5. Said for this request, and still true.
  const own = toHex(bound.bytes);
  if (statement.nonce !== own) {
    return fault("the keys statement was made for another request: it holds another nonce", { expected: own, actual: statement.nonce });
  }
  if (model !== undefined && statement.model !== model) {
    return fault("the keys statement is about another model than the one asked for", {
      expected: shown(model),
      actual: shown(statement.model),
    });
  }
  const expires = new Date(statement.not_after * 1000).toISOString();
  if (!(nowMs <= statement.not_after * 1000)) return fault(`the keys statement has expired: its keys were good until ${expires}`);
  // 6. What the policy has the client rely on: whoever relays an answer must not be able to have it fall back.
  if (protocol === 2 && !readKeyConfig(statement)) {
    return fault("the policy asks for protocol 2, and the keys statement offers no key to seal whole requests to", {
      expected: "versions with 2, and an hpke_key_config",
      actual: `versions ${statement.versions.join(", ")}`,
    });
  }
  const about = model === undefined ? "this request, its model not compared with any" : "this request and model";
  return { finding: passed(ID, `the attested key signed a keys statement for ${about}, good until ${expires}`), statement };
}

function readKeyConfig({ versions, hpke_key_config }: KeysStatement): Uint8Array<ArrayBuffer> | undefined {
  return hpke_key_config !== null && versions.includes(SEALED_BODIES) ? parseHex(hpke_key_config, MAX_KEY_CONFIG_BYTES) : undefined;
}

function fault(reason: string, detail?: Readonly<Record<string, string>>): Signed {
  return { finding: failed(ID, reason, detail) };
}

function unchecked(reason: string): Signed {
  return { finding: notChecked(ID, reason) };
}

function describeNothing(signed: Finding): readonly Finding[] {
  const why = signed.status === "fail" ? "the keys statement does not hold (keys.signed)" : "no keys statement was verified (keys.signed)";
  return [
    notChecked("key.exclusive", `${why}, so nothing says where the key comes from: another machine may hold it too`),
    notChecked("weights.named", `${why}, so nothing says which weights the model has`),
  ];
}

function describeOrigin({ key_origin }: KeysStatement): Finding {
  const id = "key.exclusive";
  if (key_origin === "boot")
    return passed(id, "the enclave says that it made this key itself when it started; that rests on the word of its measured image");
  return notChecked(
    id,
    "the key is derived by a key service (kms): the quote proves that this enclave holds it, not that nobody else does; " +
      "whoever runs the service, or may change what it gives keys to, can have it too",
  );
}

function describeWeights({ weights }: KeysStatement): Finding {
  const id = "weights.named";
  if (weights === null || weights.length === 0) {
    return notChecked(id, "the keys statement names no weight files: the enclave did not read them in a way that proves which they are");
  }
  const detail = Object.fromEntries(
    weights.slice(0, MAX_SHOWN_FILES).map(({ name, sha256 }, index) => [`file ${index + 1}`, `${sha256} ${shown(name)}`]),
  );
  const files = weights.length === 1 ? "one weight file" : `${weights.length} weight files`;
  return passed(
    id,
    `the keys statement names ${files} by SHA-256, on the word of the measured image; no build's are compared with them`,
    detail,
  );
}

/** Cut to a length that fits a line; on whole characters. */
function shown(text: string): string {
  return Array.from(text.slice(0, MAX_SHOWN_CHARACTERS * 2))
    .slice(0, MAX_SHOWN_CHARACTERS)
    .join("");
}
