import { bautaOf, type ResponseMarks } from "@bauta/client";
import type { AttestedModels } from "./attested-models.ts";
import { type Answered, answered, type CallFacts } from "./call.ts";
import { passedHeaders, readErrorCode, readModel } from "./passed.ts";
import type { Upstream } from "./upstream.ts";
import { watchBody } from "./watched-body.ts";

export interface RelayedCall {
  readonly path: "chat/completions" | "embeddings";
  /** The request's JSON, as it came. */
  readonly text: string;
  readonly signal: AbortSignal;
}

/**
 * Makes a call through the attesting client, and hands its answer on as it comes.
 * @throws what the client's `fetch` throws: the signal's reason, or that no answer came
 */
export async function relay(
  { fetch, baseURL }: Upstream,
  attested: AttestedModels,
  { path, text, signal }: RelayedCall,
): Promise<Answered> {
  // Nothing of the caller's headers: its key is this proxy's or none, and the rest could tell who it is.
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${baseURL}/${path}`, { method: "POST", headers, body: text, signal });
  const marks = bautaOf(answer);
  if (marks) {
    attested.note(marks.attestation);
    attested.use(marks.attestation.model, marks.protection);
  }
  const facts = marks ? markFacts(marks) : modelFacts(text);
  const init = { status: answer.status, headers: passedHeaders(answer.headers) };
  if (!answer.ok || !answer.body) {
    const whole = await answer.text();
    return answered(new Response(whole, init), { ...facts, ...readErrorCode(whole), ...(await outcomeFacts(marks)) });
  }
  const { body, ended } = watchBody(answer.body);
  return { response: new Response(body, init), facts: ended.then(async () => ({ ...facts, ...(await outcomeFacts(marks)) })) };
}

/** Of a request that has no answer of an enclave: the model that it named. */
export function modelFacts(text: string): CallFacts {
  const model = readModel(text);
  return model === undefined ? {} : { model };
}

function markFacts({ protection, attestation: { model, result } }: ResponseMarks): CallFacts {
  return { model, protection, ...(result.simulated && { simulated: true as const }) };
}

async function outcomeFacts(marks: ResponseMarks | undefined): Promise<CallFacts> {
  if (!marks) return {};
  const { status, usage } = await marks.outcome;
  return { outcome: status, ...(usage && { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens }) };
}
