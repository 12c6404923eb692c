import type { KeyOrigin, KeysStatement } from "@bauta/protocol";

/** What a keys statement says of the enclave, on the word of its measured image. Only if `keys.signed` passed. */
export interface KeysClaims {
  /** Weight files by name and SHA-256; absent where the enclave names none. */
  readonly weights?: NonNullable<KeysStatement["weights"]>;
  readonly engine?: KeysStatement["engine"];
  /** Versions of the protocol that the enclave speaks. */
  readonly versions?: readonly string[];
  readonly key_origin?: KeyOrigin;
  /** The HPKE key configuration for sealed bodies, hex; absent where the enclave has none. */
  readonly hpke_key_config?: string;
  /** Up to when the keys may be used without attesting again, RFC 3339. */
  readonly keys_expire?: string;
}

/** Puts together what a signed statement says; null members are left out. */
export function readKeysClaims(statement: KeysStatement): KeysClaims {
  const { weights, engine, versions, key_origin, hpke_key_config, not_after } = statement;
  return {
    ...(weights !== null && { weights }),
    engine,
    versions,
    key_origin,
    ...(hpke_key_config !== null && { hpke_key_config }),
    keys_expire: new Date(not_after * 1000).toISOString(),
  };
}
