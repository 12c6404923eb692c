import { ClientError } from "../errors.ts";

/** A call of `fetch`, read as far as it concerns this client. */
export interface Call {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  /** @throws what the body's own stream throws */
  readBody(): Promise<CallBody>;
  readonly signal: AbortSignal | undefined;
}

export interface CallBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** As the caller names it, or as the body itself implies it: forms do. */
  readonly contentType: string | undefined;
}

/**
 * Reads what `fetch` was called with.
 * @throws {TypeError} as `fetch` does for an address that is none
 * @see WHATWG Fetch §5.4
 */
export function parseCall(input: string | URL | Request, init: RequestInit = {}): Call {
  const request = typeof input === "string" || input instanceof URL ? undefined : input;
  const url = new URL(request ? request.url : (input as string | URL));
  const headers = new Headers(init.headers ?? request?.headers);
  return {
    method: (init.method ?? request?.method ?? "GET").toUpperCase(),
    url,
    headers,
    signal: (init.signal === undefined ? request?.signal : init.signal) ?? undefined,
    async readBody() {
      // A response reads whatever a request may carry: text, bytes, forms, streams.
      const source = init.body === undefined || init.body === null ? request : new Response(init.body);
      const bytes = new Uint8Array((await source?.arrayBuffer()) ?? new ArrayBuffer(0));
      return { bytes, contentType: headers.get("content-type") ?? source?.headers.get("content-type") ?? undefined };
    },
  };
}

/**
 * A call's path below the base URL, without slashes around it.
 * @throws {ClientError} `path_not_private` for an address elsewhere: this client has nothing to do with it
 */
export function pathBelow(baseURL: string, url: URL): string {
  const base = new URL(baseURL);
  const root = base.pathname.replace(/\/$/, "");
  // Programs that join a base URL and a path often write two slashes between.
  const pathname = url.pathname.replace(/\/{2,}/g, "/");
  if (url.origin === base.origin && pathname.startsWith(`${root}/`)) {
    const path = pathname.slice(root.length + 1).replace(/\/$/, "");
    if (path !== "") return path;
  }
  throw new ClientError("path_not_private", `this address is not below ${baseURL}, which is all that this fetch is for`, { field: "url" });
}
