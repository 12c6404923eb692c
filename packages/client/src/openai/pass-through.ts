import type { Body } from "../body.ts";
import { createDeadline, type Deadline } from "../deadline.ts";
import type { ExchangeContext } from "../exchange/send-attested.ts";
import type { Decision } from "./decide.ts";
import { protectionHeaders } from "./marks.ts";
import type { Call } from "./parse-call.ts";

/** What a caller may need of an answer's head. Cookies and the like are not for API clients. */
const ANSWER_HEADERS = ["content-type", "content-disposition", "retry-after", "x-request-id"] as const;

/**
 * Sends a call as it is, and gives its answer as it comes: nothing protects either. Of its headers only the content's type
 * is sent, beside this client's own key.
 * @throws {ClientError} `network_failed`, `timeout`
 */
export async function passThrough(
  { transport, headMs, idleMs }: ExchangeContext,
  { method, signal }: Call,
  { path, query, body }: Extract<Decision, { do: "pass" }>,
): Promise<Response> {
  const deadline = createDeadline(signal, headMs);
  const headers = body?.contentType === undefined ? {} : { "content-type": body.contentType };
  const answer = await transport.send({ method, path, query, headers, ...(body && { body: body.bytes }) }, deadline);
  const kept = ANSWER_HEADERS.flatMap((name) => {
    const value = answer.headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  const isEmpty = method === "HEAD" || answer.status === 204 || answer.status === 205;
  if (isEmpty) answer.body.release();
  return new Response(isEmpty ? null : streamOf(answer.body, deadline, idleMs, signal), {
    status: answer.status,
    headers: { ...Object.fromEntries(kept), ...protectionHeaders("none") },
  });
}

function streamOf(body: Body, deadline: Deadline, idleMs: number, signal: AbortSignal | undefined): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        deadline.restart(idleMs);
        const part = await body.read();
        deadline.restart(Infinity);
        if ("bytes" in part) return controller.enqueue(part.bytes);
        body.cancel();
        if (part.end === "closed") return controller.close();
        controller.error(signal?.aborted ? signal.reason : new TypeError("terminated"));
      },
      cancel: () => body.cancel(),
    },
    { highWaterMark: 0 },
  );
}
