import { ClientError } from "./errors.ts";

/** This machine by a name that resolvers may not ask the network for, which those below `localhost` are not everywhere. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * Checks and normalises the server's address, such as `https://api.example.com/api/v1`.
 * @returns the address without a slash at its end or two in a row
 * @throws {ClientError} `invalid_option`; plain http is for loopback hosts, unless it is allowed by name
 */
export function parseBaseUrl(text: string, allowInsecureHttp: boolean): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw invalid("is not a URL; give the server's address, such as https://api.example.com/api/v1");
  }
  if (url.username !== "" || url.password !== "") throw invalid("holds a user name or password; give the key as apiKey");
  if (url.search !== "" || url.hash !== "") throw invalid("has a query or fragment; leave it out");
  if (url.protocol !== "https:" && url.protocol !== "http:") throw invalid("is neither https nor http");
  if (url.protocol === "http:" && !allowInsecureHttp && !LOOPBACK.test(url.hostname)) {
    throw invalid("is plain http to another machine, which would show the API key to the network; use https, or set allowInsecureHttp");
  }
  return `${url.origin}${url.pathname.replace(/\/{2,}/g, "/").replace(/\/$/, "")}`;
}

/** The rejected text is not repeated: it may hold a password. */
function invalid(problem: string): ClientError {
  return new ClientError("invalid_option", `baseURL ${problem}`, { field: "baseURL" });
}
