import type { ApiKeyRecord } from "./api-keys.ts";

/** What a request's handlers leave for its log line. Names and numbers of ours only, never the request's own text. */
export interface RequestNotes {
  /** The pattern of the route, not the path that was asked for. */
  route: string;
  readonly startedMs: number;
  key?: ApiKeyRecord;
  /** A configured model; an unknown name is not logged, since it may be anything. */
  model?: string;
  /** Code of the error that was answered. */
  error?: string;
  /** Origin of the enclave that served. */
  enclave?: string;
}

declare module "fastify" {
  interface FastifyRequest {
    gatewayNotes: RequestNotes;
  }
}
