import type { RichFeature } from "@bauta/protocol";
import { type Askable, EnclaveLinkError } from "./enclave-channel.ts";

/** All that an enclave may name. */
export const FEATURES = ["tools", "images", "schemas", "logprobs", "embeddings"] as const satisfies readonly (RichFeature | "embeddings")[];
/** Some hundred models. */
const MAX_ANSWER_BYTES = 256 * 1024;
const MAX_TIMEOUT_MS = 5_000;

/** What an enclave's engine can do beyond text in and text out, in requests that are sealed as a whole. */
export type Feature = (typeof FEATURES)[number];

/** Features of each model by its id. */
export type EnclaveOffers = ReadonlyMap<string, ReadonlySet<Feature>>;

/**
 * Asks an enclave what its models can do. It says so in clear and unsigned: good for a list of models, and no more,
 * since the enclave itself refuses what its engine cannot do.
 * @throws EnclaveLinkError when it does not say
 */
export async function fetchOffers(link: Askable, timeoutMs: number): Promise<EnclaveOffers> {
  const { status, body } = await link.get("/v1/models", Math.min(timeoutMs, MAX_TIMEOUT_MS), MAX_ANSWER_BYTES);
  const offers = status === 200 ? parseOffers(body) : undefined;
  if (!offers) throw new EnclaveLinkError("malformed", link.origin);
  return offers;
}

function parseOffers(body: Buffer): EnclaveOffers | undefined {
  let answer: unknown;
  try {
    answer = JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
  const data = isObject(answer) ? answer["data"] : undefined;
  if (!Array.isArray(data)) return undefined;
  const offers = new Map<string, ReadonlySet<Feature>>();
  for (const entry of data as readonly unknown[]) {
    if (!isObject(entry) || typeof entry["id"] !== "string") continue;
    const features = entry["features"];
    offers.set(entry["id"], new Set(isObject(features) ? FEATURES.filter((feature) => features[feature] === true) : []));
  }
  return offers;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
