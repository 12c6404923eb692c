import { RefusalError } from "@bauta/protocol/client";
import type { JsonObject } from "../exchange/chunk.ts";
import { ask } from "../exchange/ask.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { ExchangeContext } from "../exchange/send-attested.ts";
import { createAssembly } from "./assemble.ts";
import { answerModels } from "./answer-models.ts";
import { decide, type Decision, type FetchRules } from "./decide.ts";
import { answerError } from "./error-answer.ts";
import { outcomeError } from "../outcome.ts";
import { jsonAnswer, markResponse, outcomeHeaders, protectionHeaders } from "./marks.ts";
import { type Call, parseCall } from "./parse-call.ts";
import { passThrough } from "./pass-through.ts";
import { type StreamRules, writeStream } from "./write-stream.ts";

export interface FetchOptions extends FetchRules, Pick<StreamRules, "unverified"> {
  /** For a list of models. */
  readonly answerMs: number;
}

/** `fetch`, for calls of OpenAI's API. */
export type OpenAIFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/**
 * Makes the `fetch` that OpenAI's clients are given: what it is called with is attested and sealed, or refused.
 * @see spec/protocol.md, "Public API"
 */
export function createFetch(context: ExchangeContext, options: FetchOptions): OpenAIFetch {
  return async (input, init) => {
    // 1. The call, and whether it was given up already.
    const call = parseCall(input, init);
    call.signal?.throwIfAborted();
    try {
      // 2. What is done with it, by its path and the model that it names.
      const decision = await decide(call, options);
      // 3. That.
      return await carryOut(context, options, call, decision);
    } catch (error) {
      // 4. An error that OpenAI's clients can show.
      return answerError(error);
    }
  };
}

function carryOut(context: ExchangeContext, options: FetchOptions, call: Call, decision: Decision): Promise<Response> {
  const { sealsWhole, answerMs } = options;
  if (decision.do === "ask") return answerAsked(context, options, decision);
  if (decision.do === "pass") return passThrough(context, call, decision);
  return answerModels(context.transport, { ...decision, sealsWhole }, { timeoutMs: answerMs, signal: call.signal });
}

async function answerAsked(
  context: ExchangeContext,
  { unverified }: FetchOptions,
  { request, includeUsage }: Extract<Decision, { do: "ask" }>,
): Promise<Response> {
  const exchange = await ask(context, request);
  const { protection, attestation, answer } = exchange;
  const marks = { protection, attestation, outcome: answer.outcome };
  const headers = { "cache-control": "no-store", ...protectionHeaders(protection, attestation) };
  if (request.stream && exchange.kind === "chunks") {
    const body = writeStream(exchange.answer, { includeUsage, unverified });
    return markResponse(new Response(body, { headers: { ...headers, "content-type": "text/event-stream; charset=utf-8" } }), marks);
  }

  const value = exchange.kind === "whole" ? await readWhole(exchange) : await assemble(exchange, request.model);
  const outcome = await answer.outcome;
  const isDelivered = value !== undefined && (outcome.status === "verified" || unverified === "mark");
  const response = isDelivered ? jsonAnswer(value) : answerError(outcomeError(outcome));
  for (const [name, text] of Object.entries({ ...headers, ...outcomeHeaders(outcome) })) response.headers.set(name, text);
  return markResponse(response, marks);
}

/** @returns undefined for an answer that broke the protocol's rules: there is no whole of it */
async function assemble({ answer }: Extract<Exchange, { kind: "chunks" }>, model: string): Promise<JsonObject | undefined> {
  const assembly = createAssembly(model);
  try {
    for await (const chunk of answer) assembly.add(chunk);
  } catch (error) {
    if (error instanceof RefusalError) return undefined;
    throw error;
  }
  return assembly.finish(await answer.outcome);
}

async function readWhole({ answer, value }: Extract<Exchange, { kind: "whole" }>): Promise<JsonObject | undefined> {
  try {
    // It has no pieces: to iterate it is to read it.
    for await (const _ of answer);
  } catch (error) {
    if (error instanceof RefusalError) return undefined;
    throw error;
  }
  return value();
}
