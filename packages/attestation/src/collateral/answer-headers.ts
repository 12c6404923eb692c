import { CollateralError } from "./collateral-error.ts";

const MAX_HEADERS_CHARACTERS = 256 * 1024;

/** Headers of a recorded answer by lower-case name. */
export type RecordedHeaders = ReadonlyMap<string, string>;

/** Reads a recorder's JSON, `{"url":…,"headers":{"Name":["value"]}}`; a value may also be a plain text. */
export function parseHeadersJson(headers: unknown, what: string): RecordedHeaders {
  if (typeof headers !== "object" || headers === null || Array.isArray(headers)) {
    throw new CollateralError("collateral_malformed", what, '"headers" must be a JSON object');
  }
  const read = Object.entries(headers).map(([name, value]: [string, unknown]) => {
    const first: unknown = Array.isArray(value) ? value[0] : value;
    return [name.toLowerCase(), typeof first === "string" ? first : ""] as const;
  });
  return new Map(read);
}

/**
 * Reads the head of an HTTP answer as `curl --dump-header` writes it, or as `curl --include` with the body behind.
 * @param latin1 the file, one character a byte
 * @returns undefined when it is no such file; with where the body begins
 */
export function parseHeaderDump(latin1: string): { readonly headers: RecordedHeaders; readonly bodyAt: number } | undefined {
  if (!/^HTTP\/[\d.]{1,3} \d{3}[ \r\n]/.test(latin1)) return undefined;
  const text = latin1.slice(0, MAX_HEADERS_CHARACTERS);
  const end = /\r?\n\r?\n/.exec(text);
  const lines = text.slice(0, end?.index ?? text.length).split(/\r?\n/);
  const headers = new Map<string, string>();
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return { headers, bodyAt: end ? end.index + end[0].length : latin1.length };
}
