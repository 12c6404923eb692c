import { equalBytes, utf8 } from "@bauta/protocol";

/** Says whether a request carries the proxy's own key. */
export type LocalKey = (request: Request, options: { readonly basic: boolean }) => Promise<boolean>;

const MAX_HEADER_CHARACTERS = 8192;

/**
 * The key that callers of the proxy must send. Hashes of equal length are compared, without stopping at a difference.
 * @param key printable characters without spaces
 */
export function createLocalKey(key: string): LocalKey {
  const expected = sha256(key);
  return async (request, { basic }) => {
    const header = request.headers.get("authorization") ?? "";
    if (header.length > MAX_HEADER_CHARACTERS) return false;
    const given = /^Bearer +(\S+) *$/i.exec(header)?.[1] ?? (basic ? readBasic(header) : undefined);
    return given !== undefined && equalBytes(await sha256(given), await expected);
  };
}

/** Browsers can send no other: the password of `Basic`, with any user name. */
function readBasic(header: string): string | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  try {
    const pair = atob(encoded);
    const colon = pair.indexOf(":");
    return colon < 0 ? undefined : pair.slice(colon + 1);
  } catch {
    return undefined;
  }
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(text)));
}
