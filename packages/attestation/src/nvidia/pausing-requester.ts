import { CollateralError } from "../collateral/collateral-error.ts";
import { requestPiece, type RequestContent, type RequestLimits } from "../collateral/request-piece.ts";

/** Requests one piece; `what` names it in errors. @throws CollateralError; the signal's reason */
export type Requester = (what: string, url: string, maxBytes: number, signal: AbortSignal, content?: RequestContent) => Promise<Uint8Array>;

/** Makes requests, and none to a host that has asked to be left alone for as long as it said. */
export function createPausingRequester(limits: RequestLimits): Requester {
  const pauses = new Map<string, { readonly untilMs: number; readonly failure: CollateralError }>();
  return async (what, url, maxBytes, signal, content) => {
    const { host } = new URL(url);
    const pause = pauses.get(host);
    const pauseMs = pause ? pause.untilMs - limits.nowMs() : 0;
    // Longer than the service can have asked for: the clock has been set back.
    if (pause && pauseMs > 0 && pauseMs <= (pause.failure.retryAfterMs ?? 0)) {
      throw new CollateralError(pause.failure.code, what, pause.failure.problem, { cause: pause.failure, retryAfterMs: pauseMs });
    }
    try {
      return (await requestPiece(what, url, maxBytes, limits, signal, content)).body;
    } catch (error) {
      if (error instanceof CollateralError && error.retryAfterMs) {
        pauses.set(host, { untilMs: limits.nowMs() + error.retryAfterMs, failure: error });
      }
      throw error;
    }
  };
}
