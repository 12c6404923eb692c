import { WireError } from "@bauta/protocol";
import { EngineError } from "./engine/engine.ts";

/** Whatever went wrong, as an entry of the catalogue. Texts of engines, parsers and Node stay behind. */
export function toWireError(error: unknown): WireError {
  if (error instanceof WireError) return error;
  if (error instanceof EngineError) return fromEngine(error);
  switch (errorCode(error)) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new WireError("too_large");
    case "FST_ERR_CTP_INVALID_CONTENT_LENGTH":
      return new WireError("malformed_request");
    case "FST_ERR_BAD_URL":
      return new WireError("not_found");
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return new WireError("unsupported_media_type");
    default:
      return new WireError("internal");
  }
}

function fromEngine(error: EngineError): WireError {
  switch (error.code) {
    case "overloaded":
      return new WireError("overloaded", { retryAfterSeconds: error.retryAfterSeconds ?? 2 });
    case "context-length":
      return new WireError("context_length", { param: "messages" });
    case "conversation":
      return new WireError("invalid_field", { param: "messages" });
    default:
      return new WireError("engine_failed");
  }
}

/** What may be logged of an error: never a message that we did not write, since parsers quote their input. */
export function describeError(error: unknown): Readonly<Record<string, unknown>> {
  if (!(error instanceof Error)) return { name: typeof error };
  const own = error instanceof WireError || error instanceof EngineError;
  return {
    name: error.name,
    code: errorCode(error),
    ...(own ? { message: error.message } : {}),
    ...(error instanceof WireError ? { param: error.param } : {}),
    stack: error.stack?.split("\n").filter((line) => /^\s+at /.test(line)),
  };
}

function errorCode(error: unknown): string | undefined {
  const code: unknown = typeof error === "object" && error !== null ? (error as { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : undefined;
}
