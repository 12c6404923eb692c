import type { IncomingHttpHeaders } from "node:http";
import { HEADERS, WireError } from "@bauta/protocol";

/**
 * Refuses bodies that are not plain JSON, before they are read. What is sealed as a whole has whatever type its client
 * gave it.
 * @throws {WireError} `unsupported_media_type`, `content_encoding`
 */
export function assertBodyHeaders(headers: IncomingHttpHeaders): void {
  if (
    headers[HEADERS.encapsulatedKey] === undefined &&
    !/^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?$/i.test(headers["content-type"] ?? "")
  ) {
    throw new WireError("unsupported_media_type", { param: "content-type" });
  }
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity")
    throw new WireError("content_encoding", { param: "content-encoding" });
}

/** The body as received; no bytes for none. */
export function bodyBytes(body: unknown): Uint8Array {
  return body instanceof Uint8Array ? body : new Uint8Array();
}

/**
 * Reads a body as a JSON object.
 * @throws {WireError} `invalid_json`
 */
export function parseBody(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new WireError("invalid_json");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new WireError("invalid_json");
  return value as Readonly<Record<string, unknown>>;
}
