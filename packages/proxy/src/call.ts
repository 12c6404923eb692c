import type { RequestLine } from "./request-line.ts";

/** What the log says of a call once its answer has ended, beside what any request has. */
export type CallFacts = Pick<RequestLine, "model" | "protection" | "simulated" | "outcome" | "promptTokens" | "completionTokens" | "code">;

/** An answer to hand out, and what will be known of it. */
export interface Answered {
  readonly response: Response;
  /** Resolves when the answer's body has ended, however it ended; never rejects. */
  readonly facts: Promise<CallFacts>;
}

/** An answer about which everything is known. */
export function answered(response: Response, facts: CallFacts = {}): Answered {
  return { response, facts: Promise.resolve(facts) };
}
