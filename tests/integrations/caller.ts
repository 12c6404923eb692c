import type { Endpoint } from "./stack.ts";

// oxlint-disable-next-line typescript/no-explicit-any -- OpenAI's JSON, which each client has its own types for
export type Json = Record<string, any>;

/** A call of OpenAI's API, as its documentation writes it. */
export interface Ask {
  /** `abort` takes the first piece of a stream and goes; `tool` runs what is called, and hands back what it says. */
  readonly kind: "whole" | "stream" | "abort" | "tool" | "embeddings";
  readonly body: Json;
}

/** What a program has in its hands then, however its client calls it. */
export interface Seen {
  readonly text?: string;
  readonly reasoning?: string;
  readonly finish?: string;
  readonly tokens?: number;
  /** Arguments of the tools that were called. */
  readonly called?: Readonly<Record<string, unknown>>;
  readonly vectors?: readonly (readonly number[])[];
  readonly error?: { readonly status: number | undefined; readonly code: unknown; readonly param: unknown };
}

/** One client of OpenAI's API, unmodified, called as its documentation says. */
export interface Caller {
  ask(endpoint: Endpoint, ask: Ask): Promise<Seen>;
  close?(): Promise<unknown>;
}

/** What the tools of these tests say. */
export function runTool(args: Readonly<Record<string, unknown>>): string {
  return `sunny in ${String(args["city"])}`;
}

/** What is seen in a `chat.completion`. */
export function seeCompletion({ choices, usage }: Json): Seen {
  const [{ message, finish_reason: finish }] = choices as [Json];
  return { text: message["content"], reasoning: message["reasoning_content"], finish, tokens: usage["total_tokens"] };
}

/** What is seen in the chunks of a stream. */
export function seeChunks(chunks: readonly Json[]): Seen {
  const deltas = chunks.flatMap(({ choices }) => (choices as Json[]).map(({ delta }) => delta as Json));
  const join = (name: string) => deltas.map((delta) => (delta[name] as string | null | undefined) ?? "").join("");
  return {
    text: join("content"),
    reasoning: join("reasoning_content"),
    finish: chunks.findLast(({ choices }) => choices[0]?.finish_reason)?.["choices"][0].finish_reason,
    tokens: chunks.at(-1)?.["usage"]?.total_tokens,
  };
}

/** What is seen in an embeddings list. */
export function seeVectors({ data }: Json): Seen {
  return { vectors: (data as Json[]).map(({ embedding }) => embedding as number[]) };
}

/** Asks, runs the tool that is called, and asks again with what it said; `complete` makes one call and gives its JSON. */
export async function askWithTool(body: Json, complete: (body: Json) => Promise<Json>): Promise<Seen> {
  const [{ message }] = (await complete(body))["choices"] as [Json];
  const [call] = message["tool_calls"] as [Json];
  const called = JSON.parse(call["function"].arguments as string) as Record<string, unknown>;
  const answer = { role: "tool", tool_call_id: call["id"], content: runTool(called) };
  return { ...seeCompletion(await complete({ ...body, messages: [...body["messages"], message, answer] })), called };
}
