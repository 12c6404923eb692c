import type { ModelProtection } from "@bauta/protocol";
import type { Attestation } from "../attestation.ts";
import type { Outcome } from "../outcome.ts";
import { printableLine } from "../printable.ts";

/** What is known of an answer beside its content. */
export interface ResponseMarks {
  readonly protection: ModelProtection;
  /** What the request was sealed to. */
  readonly attestation: Attestation;
  /** Resolves when the answer has been read to its end; never rejects. */
  readonly outcome: Promise<Outcome>;
}

const marked = new WeakMap<Response, ResponseMarks>();

/**
 * What this client knows of an answer that its `fetch` gave, also of one that it withholds; undefined where no enclave
 * answered, and for what passed through.
 * @param response as `fetch` gave it: OpenAI's client hands it on by `.withResponse()` and `.asResponse()`
 */
export function bautaOf(response: Response): ResponseMarks | undefined {
  return marked.get(response);
}

/** Puts the marks on an answer, also as its property `bauta`. */
export function markResponse(response: Response, marks: ResponseMarks): Response {
  marked.set(response, marks);
  Object.defineProperty(response, "bauta", { value: marks, enumerable: true });
  return response;
}

/** Headers that say what protects an answer. */
export function protectionHeaders(protection: ModelProtection, attestation?: Attestation): Record<string, string> {
  return { "bauta-protection": protection, ...(attestation?.result.simulated === true && { "bauta-simulated": "true" }) };
}

/** Headers that say what an answer that has ended is worth. */
export function outcomeHeaders({ status, reason, requestId }: Outcome): Record<string, string> {
  return {
    "bauta-outcome": status,
    ...(reason !== undefined && { "bauta-reason": headerText(reason) }),
    ...(requestId !== undefined && { "x-request-id": requestId }),
  };
}

/** The text of the comment that says it within a stream, before `[DONE]`. */
export function outcomeComment({ status, reason }: Outcome): string {
  return `bauta-outcome ${status}${reason === undefined ? "" : ` ${printableLine(reason)}`}`;
}

/** Headers hold ASCII and one line. */
function headerText(text: string): string {
  return printableLine(text).replaceAll(/[^\x20-\x7e]/g, "?");
}

/** An answer that is one JSON value. */
export function jsonAnswer(value: unknown): Response {
  return new Response(JSON.stringify(value), { headers: { "content-type": "application/json" } });
}
