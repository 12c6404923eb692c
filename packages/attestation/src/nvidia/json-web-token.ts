import { parseBase64, toBase64Url, utf8 } from "@bauta/protocol";

/** NRAS's tokens have 1,200 to 3,000 characters. */
export const MAX_TOKEN_CHARACTERS = 16 * 1024;
const SIGNATURE_BYTES = 96;
/** A `kid` of NRAS's has 79 characters. */
const KEY_ID = /^[\x21-\x7e]{1,200}$/;
/** The one algorithm: ECDSA on P-384 with SHA-384. @see RFC 7518 §3.4 */
const ALGORITHM = "ES384";

/** A token that is malformed, or outside the profile that is read: compact, ES384, with a key id. */
export class TokenError extends Error {
  override readonly name = "TokenError";
  readonly code = "token_malformed";
  readonly action = "stop";
}

export type Claims = Readonly<Record<string, unknown>>;

/** A parsed token; nothing in it has been verified. */
export interface JsonWebToken {
  readonly keyId: string;
  readonly claims: Claims;
  /** What the signature covers. */
  readonly signed: Uint8Array<ArrayBuffer>;
  /** r ‖ s, 96 bytes. */
  readonly signature: Uint8Array<ArrayBuffer>;
}

/**
 * Reads one token. The algorithm is fixed, whatever the header says; keys and addresses of keys in the header are not looked at.
 * @param what names it in errors
 * @throws TokenError, which holds nothing of the token
 * @see RFC 7515 §3.1, §5.2; RFC 7519 §7.2
 */
export function parseToken(text: string, what: string): JsonWebToken {
  const fail = (problem: string): never => {
    throw new TokenError(`${what}: ${problem}`);
  };
  if (text.length > MAX_TOKEN_CHARACTERS) fail(`more than ${MAX_TOKEN_CHARACTERS} characters`);
  const [header = "", payload = "", signature = "", ...more] = text.split(".", 4);
  if (more.length > 0 || signature === "") fail("not three parts with points between them");
  const { alg, kid, crit } = readObject(header) ?? fail("its header is not a JSON object in base64url");
  if (alg !== ALGORITHM) fail(`its algorithm is not ${ALGORITHM}`);
  if (crit !== undefined) fail("its header has critical members, none of which is known here");
  const bytes = readBase64Url(signature) ?? fail("its signature is not base64url");
  if (bytes.length !== SIGNATURE_BYTES) fail(`its signature has ${bytes.length} bytes, not ${SIGNATURE_BYTES}`);
  return {
    keyId: typeof kid === "string" && KEY_ID.test(kid) ? kid : fail("its header names no key"),
    claims: readObject(payload) ?? fail("its claims are not a JSON object in base64url"),
    signed: utf8(`${header}.${payload}`),
    signature: bytes,
  };
}

/** Each byte string has one text: padding, other alphabets and stray bits at the end are refused. */
function readBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = parseBase64(text, MAX_TOKEN_CHARACTERS);
  return bytes && toBase64Url(bytes) === text ? bytes : undefined;
}

function readObject(text: string): Claims | undefined {
  const bytes = readBase64Url(text);
  if (!bytes) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a JSON value is an object, and neither a list nor null. */
export function isObject(value: unknown): value is Claims {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
