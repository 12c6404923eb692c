import { refuse, type Refused } from "./errors.ts";

export interface CallerRules {
  /** Names and addresses beside this machine's own that the proxy answers to, without ports, as URLs write them. */
  readonly hosts: ReadonlySet<string>;
  /** Origins of web pages that may call, such as `http://localhost:3000`. */
  readonly origins: ReadonlySet<string>;
}

/** This machine by a name or address that no name server of a stranger can hand out. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * Refuses what a web page could make a browser send: pages whose name was made to resolve to this machine (they carry
 * their own `Host`), and pages of other origins, whose `Origin` or `Sec-Fetch-Site` browsers put in by themselves.
 * @returns the refusal, or undefined for a caller that may go on
 * @see https://www.w3.org/TR/fetch-metadata/
 */
export function refuseForeign(request: Request, url: URL, { hosts, origins }: CallerRules): Refused | undefined {
  if (!LOOPBACK.test(url.hostname) && !hosts.has(url.hostname)) return refuse("foreign_host");
  const origin = request.headers.get("origin");
  if (origin !== null) return isOwn(origin, url) || origins.has(origin) ? undefined : refuse("foreign_origin");
  // An image or a form names no origin; browsers still say where it came from.
  const site = request.headers.get("sec-fetch-site");
  return site === null || site === "same-origin" || site === "none" ? undefined : refuse("foreign_origin");
}

/** The scheme is not compared: whoever ends TLS in front of this proxy changes it. */
function isOwn(origin: string, url: URL): boolean {
  return URL.canParse(origin) && new URL(origin).host === url.host && /^https?:/.test(origin);
}

const PREFLIGHT_SECONDS = 600;

/** Answers a browser's question whether an allowed page may call; for no other origin there is an answer. */
export function answerPreflight(request: Request): Response {
  const names = request.headers.get("access-control-request-headers") ?? "";
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-methods": "GET, POST",
      ...(/^[A-Za-z0-9-, ]{1,2048}$/.test(names) && { "access-control-allow-headers": names }),
      ...(request.headers.get("access-control-request-private-network") === "true" && { "access-control-allow-private-network": "true" }),
      "access-control-max-age": String(PREFLIGHT_SECONDS),
    },
  });
}

/** Lets an allowed page read an answer. */
export function shareWith(origin: string | null, { origins }: CallerRules, headers: Headers): void {
  if (origins.size > 0) headers.append("vary", "origin");
  if (origin === null || !origins.has(origin)) return;
  headers.set("access-control-allow-origin", origin);
  headers.set("access-control-expose-headers", "bauta-protection, bauta-simulated, bauta-outcome, bauta-reason, retry-after");
}
