import { LIMITS, type ModelProtection, protectionOf } from "@bauta/protocol";
import { ClientError } from "../errors.ts";
import { isJsonObject, type JsonObject } from "../exchange/chunk.ts";
import type { JsonLimits, Transport } from "../http.ts";
import { jsonAnswer } from "./marks.ts";

/**
 * The server's list of models as it is, each with what protects requests to it: `"bauta": {"protection": "sealed"}`.
 * @param id for one model alone, as OpenAI's API gives it
 * @throws {ClientError} of the transport, `answer_malformed`, `invalid_request` for a model that is not listed
 */
export async function answerModels(
  transport: Transport,
  { id, query, sealsWhole }: { readonly id: string | undefined; readonly query: URLSearchParams; readonly sealsWhole: boolean },
  limits: Pick<JsonLimits, "timeoutMs" | "signal">,
): Promise<Response> {
  const list = await transport.getJson({ path: "models", query }, { ...limits, maxBytes: LIMITS.jsonAnswerBytes });
  const data = isJsonObject(list) ? list["data"] : undefined;
  if (!isJsonObject(list) || !Array.isArray(data)) throw new ClientError("answer_malformed", "models: data is not a list");
  const models = (data as unknown[]).map((entry) => withProtection(entry, sealsWhole));
  if (id === undefined) return jsonAnswer({ ...list, data: models });
  const found = models.find((model) => isJsonObject(model) && model["id"] === id);
  if (found !== undefined) return jsonAnswer(found);
  throw new ClientError("invalid_request", "no such model is listed: GET /models lists the models that this key can use", {
    field: "model",
  });
}

function withProtection(entry: unknown, sealsWhole: boolean): unknown {
  if (!isJsonObject(entry) || typeof entry["id"] !== "string") return entry;
  const promised = protectionOf(entry["id"]);
  const protection: ModelProtection = sealsWhole && promised !== "none" ? "sealed" : promised;
  return { ...entry, bauta: { protection } } satisfies JsonObject;
}
