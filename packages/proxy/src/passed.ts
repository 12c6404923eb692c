import type { CallFacts } from "./call.ts";

const PASSED: ReadonlySet<string> = new Set(["content-type", "retry-after", "x-should-retry", "x-request-id"]);

/** What the client says about an answer, and nothing that a server could put beside it. */
export function passedHeaders(headers: Headers): Headers {
  return new Headers([...headers].filter(([name]) => name.startsWith("bauta-") || PASSED.has(name)));
}

/** The code in an error answer of OpenAI's shape, for the log; nothing else of it. */
export function readErrorCode(text: string): CallFacts {
  const error = readMember(text, "error");
  const code = typeof error === "object" && error !== null ? (error as { code?: unknown }).code : undefined;
  return typeof code === "string" && /^[\w.-]{1,64}$/.test(code) ? { code } : {};
}

const MAX_PEEKED_CHARACTERS = 1024 * 1024;

/** The model that a request names, for the log. */
export function readModel(text: string): string | undefined {
  if (text.length > MAX_PEEKED_CHARACTERS) return undefined;
  const model = readMember(text, "model");
  return isModelName(model) ? model : undefined;
}

export function isModelName(model: unknown): model is string {
  return typeof model === "string" && /^[\x21-\x7e]{1,256}$/.test(model);
}

function readMember(text: string, name: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  } catch {
    return undefined;
  }
}
