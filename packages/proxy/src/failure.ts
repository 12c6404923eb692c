import { ClientError, RefusalError } from "@bauta/client";
import { refuse, type Refused } from "./errors.ts";

/**
 * What a caller is told when a call ended without an answer. The client's errors hold names, numbers and fixed texts;
 * of others nothing is repeated.
 */
export function describeFailure(error: unknown, signal: AbortSignal): Refused {
  if (signal.aborted) return refuse("client_gone");
  const known = [error, (error as { cause?: unknown } | null | undefined)?.cause].find(
    (one): one is ClientError | RefusalError => one instanceof ClientError || one instanceof RefusalError,
  );
  if (!known) return refuse("upstream_failed");
  const { code, message } = known;
  return refuse(code === "timeout" ? "upstream_timeout" : "upstream_failed", { code, message });
}
