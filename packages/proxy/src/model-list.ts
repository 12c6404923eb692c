import type { ModelProtection } from "@bauta/client";
import { type Answered, answered } from "./call.ts";
import { refuse } from "./errors.ts";
import { passedHeaders, readErrorCode } from "./passed.ts";
import type { Upstream } from "./upstream.ts";

/**
 * `GET /v1/models`, or one of them: those that can be used through this proxy, so that a program that offers all that
 * are listed offers none that is refused.
 */
export async function answerModels(
  upstream: Upstream,
  { id, protections }: { readonly id: string | undefined; readonly protections: readonly ModelProtection[] },
  signal: AbortSignal,
): Promise<Answered> {
  const response = await upstream.fetch(`${upstream.baseURL}/models`, { signal });
  const text = await response.text();
  if (!response.ok)
    return answered(new Response(text, { status: response.status, headers: passedHeaders(response.headers) }), readErrorCode(text));
  const list = JSON.parse(text) as { readonly data: readonly ListedModel[] };
  const usable = list.data.filter(({ bauta }) => bauta !== undefined && protections.includes(bauta.protection));
  if (id === undefined) return answered(Response.json({ ...list, object: "list", data: usable }));
  const one = usable.find((model) => model.id === id);
  if (one) return answered(Response.json(one), { model: id });
  const { response: refusal, code } = refuse("model_not_found");
  return answered(refusal, { code });
}

/** An entry as the client's `fetch` gives it: the server's, with what protects requests to it. */
interface ListedModel {
  readonly id?: unknown;
  readonly bauta?: { readonly protection: ModelProtection };
}
