import { concatBytes, parseBase64 } from "@bauta/protocol";
import { MAX_CERTIFICATE_BYTES } from "../x509/x509.ts";
import { isObject, TokenError } from "./json-web-token.ts";

/** NRAS lists 32 keys, of two days. */
const MAX_KEYS = 256;
const MAX_CHAIN = 4;
const COORDINATE_BYTES = 48;
/** Plain base64, as certificates have it here, not base64url. @see RFC 7517 §4.7 */
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** A key that a token names. */
export interface NrasKey {
  /** `04 ‖ x ‖ y`, 97 bytes. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  /** DER, the key's own first; none where the key set has none. */
  readonly chain: readonly Uint8Array<ArrayBuffer>[];
}

/**
 * Finds the key of this id in a JSON web key set. Only that one is read.
 * @param keySet its JSON, parsed
 * @throws TokenError when it is not there, there twice, or not a P-384 key for signatures
 * @see RFC 7517 §4, §5; RFC 7518 §6.2.1
 */
export function findNrasKey(keySet: unknown, keyId: string): NrasKey {
  const keys: unknown = isObject(keySet) ? keySet["keys"] : undefined;
  if (!Array.isArray(keys) || keys.length > MAX_KEYS) throw new TokenError(`NRAS key set: no list of up to ${MAX_KEYS} keys`);
  const [key, ...more] = keys.filter(isObject).filter(({ kid }) => kid === keyId);
  if (!key) throw new TokenError("NRAS key set: the key that the token names is not in it; fetch the key set anew");
  if (more.length > 0) throw new TokenError("NRAS key set: two keys with the id that the token names");
  const { kty, crv, use = "sig", alg = "ES384", x5c = [] } = key;
  const [x, y] = [readCoordinate(key["x"]), readCoordinate(key["y"])];
  if (kty !== "EC" || crv !== "P-384" || use !== "sig" || alg !== "ES384" || !x || !y) {
    throw new TokenError("NRAS key set: the key that the token names is not a P-384 key for signatures");
  }
  return { publicKey: concatBytes(Uint8Array.of(0x04), x, y), chain: readChain(x5c) };
}

function readCoordinate(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  const bytes = typeof value === "string" ? parseBase64(value, COORDINATE_BYTES) : undefined;
  return bytes?.length === COORDINATE_BYTES ? bytes : undefined;
}

function readChain(x5c: unknown): readonly Uint8Array<ArrayBuffer>[] {
  if (!Array.isArray(x5c) || x5c.length > MAX_CHAIN) throw new TokenError(`NRAS key set: x5c is not a list of up to ${MAX_CHAIN}`);
  return x5c.map((text: unknown) => {
    const der = typeof text === "string" && BASE64.test(text) ? parseBase64(text, MAX_CERTIFICATE_BYTES) : undefined;
    if (!der) throw new TokenError("NRAS key set: a certificate in x5c that is not base64");
    return der;
  });
}
