import type { IncomingHttpHeaders } from "node:http";
import { WireError } from "@bauta/protocol";

/**
 * Refuses bodies that are not plain JSON, before they are read.
 * @throws {WireError} `unsupported_media_type`, `content_encoding`
 */
export function assertBodyHeaders(headers: IncomingHttpHeaders): void {
  if (!/^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?$/i.test(headers["content-type"] ?? "")) {
    throw new WireError("unsupported_media_type", { param: "content-type" });
  }
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity")
    throw new WireError("content_encoding", { param: "content-encoding" });
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
