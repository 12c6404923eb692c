import { isJsonObject, type JsonObject } from "../chat-fields.ts";
import { WireError } from "../errors.ts";
import { RefusalError } from "../refusals.ts";

/** What sealing leaves in clear, and the client therefore repeats inside the seal. */
export interface RequestLine {
  /** Upper-case, such as `POST`. */
  readonly method: string;
  /** Below the API's base, such as `/chat/completions`: what stands before it differs from hop to hop. */
  readonly path: string;
  /** The value of `Bauta-Model`. */
  readonly model: string;
}

/** The member `bauta` of a sealed request. */
export interface Binding extends RequestLine {
  /** When it was sealed: seconds since 1970. */
  readonly t: number;
}

const MEMBERS: ReadonlySet<string> = new Set(["method", "path", "model", "t"]);

/**
 * Adds the member `bauta` to a request that is about to be sealed.
 * @throws {RefusalError} `invalid_request` for a request that is no object or has such a member already
 */
export function writeBinding(
  request: unknown,
  { method, path, model, nowMs }: RequestLine & { readonly nowMs: number },
): JsonObject & { bauta: Binding } {
  if (!isJsonObject(request)) throw new RefusalError("invalid_request");
  if (Object.hasOwn(request, "bauta")) throw new RefusalError("invalid_request", "bauta");
  return { ...request, bauta: { method, path, model, t: Math.floor(nowMs / 1000) } };
}

/**
 * Compares what was sealed with what came in clear beside it.
 * @param body the opened request after JSON.parse
 * @param required whether a body without the member is refused; clients of EHBP alone do not write it
 * @returns the request without the member, and when it was sealed (for the replay window)
 * @throws {WireError} `binding_mismatch` naming the member that differs, `missing_field`, `invalid_field`, `invalid_json`
 */
export function assertBinding(
  body: unknown,
  { required, ...expected }: RequestLine & { readonly required: boolean },
): { readonly request: JsonObject; readonly t: number | undefined } {
  if (!isJsonObject(body)) throw new WireError("invalid_json");
  const { bauta, ...request } = body;
  // The gateway routes and bills by the header, the engine answers as the body says.
  if (request["model"] !== expected.model) throw new WireError("binding_mismatch", { param: "model" });
  if (bauta === undefined) {
    if (required) throw new WireError("missing_field", { param: "bauta" });
    return { request, t: undefined };
  }
  if (!isJsonObject(bauta) || !Object.keys(bauta).every((member) => MEMBERS.has(member)))
    throw new WireError("invalid_field", { param: "bauta" });
  for (const member of ["method", "path", "model"] as const) {
    if (bauta[member] !== expected[member]) throw new WireError("binding_mismatch", { param: `bauta.${member}` });
  }
  const t = bauta["t"];
  if (typeof t !== "number" || !Number.isSafeInteger(t) || t < 0) throw new WireError("invalid_field", { param: "bauta.t" });
  return { request, t };
}
