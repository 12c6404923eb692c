import { createGpuEndorsementSource, type GpuEndorsementSource } from "@bauta/attestation";
import { type Client, ClientError, type ClientOptions, createClient, RefusalError } from "@bauta/client";
import type { AdapterResult, Status, Target } from "@bauta/conformance";

/** What stops a request between evidence and sealing. */
const REFUSALS: ReadonlySet<string> = new Set(["attestation_refused", "evidence_malformed", "invalid_key_config"]);

/** Our client, and what it sent. */
export interface ClientUnderTest {
  readonly client: Client;
  /**
   * What became of a conversation that ended by an error of this code: `refused` when no request had gone out, or none
   * under the evidence that the client was given last.
   */
  failure(code: string | undefined): Extract<Status, "refused" | "aborted">;
}

/** A fresh client for one case. */
export function openClient(target: Target, options: Partial<ClientOptions> = {}): ClientUnderTest {
  const { baseUrl, apiKey, trustRoot, gpuRoots, nvidiaUrl, policy } = target;
  let hasAsked = false;
  const client = createClient({
    baseURL: baseUrl,
    apiKey,
    policy,
    trustRoots: [trustRoot, ...gpuRoots],
    ...(nvidiaUrl !== undefined && { gpuEndorsements: nvidiaServices(nvidiaUrl) }),
    fetch(url, init) {
      hasAsked ||= init.method === "POST";
      return fetch(url, init);
    },
    ...options,
  });
  return { client, failure: (code = "") => (!hasAsked || REFUSALS.has(code) ? "refused" : "aborted") };
}

/** A result in the suite's form. */
export function result(status: Status, shown: string, reason: string | undefined): AdapterResult {
  return { status, shown, ...(reason !== undefined && { reason }) };
}

/** The code of one of our own errors. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof ClientError || error instanceof RefusalError ? error.code : undefined;
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function nvidiaServices(url: string): GpuEndorsementSource {
  return createGpuEndorsementSource({ rimUrl: url, ocspUrl: url, nrasUrl: url, fetch, nowMs: Date.now, wait: async () => {} });
}
