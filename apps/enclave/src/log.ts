import { type DestinationStream, destination, type Logger, pino } from "pino";
import { describeError } from "./wire-errors.ts";

export interface LogOptions {
  /** A pino level; `info` by default. No level logs bodies, headers or queries. */
  readonly level?: string;
  /** Where lines go; standard error by default. */
  readonly stream?: DestinationStream;
}

/** A logger whose serializers keep requests down to method and route, and errors down to our own texts. */
export function createLog({ level = "info", stream = destination(2) }: LogOptions): Logger {
  return pino(
    {
      level,
      base: null,
      serializers: {
        req: (request: { method?: string; routeOptions?: { url?: string } }) => ({
          method: request.method,
          route: request.routeOptions?.url,
        }),
        res: (reply: { statusCode?: number }) => ({ status: reply.statusCode }),
        err: describeError,
        error: describeError,
      },
    },
    stream,
  );
}
