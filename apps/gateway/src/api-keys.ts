import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { type Awaitable, WireError } from "@bauta/protocol";

/** Longest bearer key that is looked at; the HTTP parser bounds the header before that. */
const MAX_KEY_CHARACTERS = 512;
const BEARER = /^Bearer +([\x21-\x7e]+) *$/i;

/** An API key as kept: its hash, and a name that logs may show. */
export interface ApiKeyRecord {
  /** Who holds the key; unique, and the owner of receipts. */
  readonly name: string;
  /** SHA-256 of the key, 64 hex digits. */
  readonly sha256: string;
}

/** Where keys are looked up. A store that cannot answer throws, which is a 503 to the caller and never a 401. */
export interface ApiKeyStore {
  /** @param sha256 the hash of the presented key, 32 bytes */
  find(sha256: Uint8Array): Awaitable<ApiKeyRecord | undefined>;
}

/** A key store over a fixed list. Each look-up compares with every entry, in constant time each. */
export function createApiKeyList(records: readonly ApiKeyRecord[]): ApiKeyStore {
  const entries = records.map((record) => ({ record, hash: Buffer.from(record.sha256, "hex") }));
  return {
    find(sha256) {
      let found: ApiKeyRecord | undefined;
      for (const { record, hash } of entries) if (timingSafeEqual(hash, sha256)) found = record;
      return found;
    },
  };
}

/**
 * Finds who sent a request.
 * @param authorization the `Authorization` header as received
 * @throws WireError `unauthorized` when there is no key or nobody holds it; `unavailable` when the store cannot answer
 */
export async function authenticate(authorization: string | undefined, store: ApiKeyStore): Promise<ApiKeyRecord> {
  const key = BEARER.exec(authorization ?? "")?.[1];
  if (key === undefined || key.length > MAX_KEY_CHARACTERS) throw new WireError("unauthorized");
  let record: ApiKeyRecord | undefined;
  try {
    record = await store.find(hashOf(key));
  } catch (cause) {
    throw new WireError("unavailable", { retryAfterSeconds: 1, cause });
  }
  if (!record) throw new WireError("unauthorized");
  return record;
}

/**
 * Makes a new API key of 256 random bits. The key is shown to its holder once; only the hash is kept.
 * @returns `key` to hand over, `sha256` for the configuration
 */
export function createApiKey(key = `bauta_${randomBytes(32).toString("base64url")}`): { readonly key: string; readonly sha256: string } {
  return { key, sha256: hashOf(key).toString("hex") };
}

function hashOf(key: string): Buffer {
  return createHash("sha256").update(key, "latin1").digest();
}
