import type { AttestationResult } from "@bauta/attestation";
import type { Attestation, Outcome } from "@bauta/client";
import { markResponse } from "../../../client/src/openai/marks.ts";
import type { ProxyClient } from "../proxy.ts";

export const BASE_URL = "https://api.example.com/api/v1";

/** What a fake client is told to answer. */
export type FakeFetch = (url: string, init: RequestInit) => Promise<Response>;

export interface FakeClient extends ProxyClient {
  readonly calls: { readonly url: string; readonly init: RequestInit }[];
  readonly attestedModels: string[];
}

/** A client that attests and asks nobody: for tests of what stands in front of it. */
export function createFakeClient(
  fetch: FakeFetch,
  attest: (model: string) => Attestation = (model) => fakeAttestation({ model }),
): FakeClient {
  const calls: FakeClient["calls"] = [];
  const attestedModels: string[] = [];
  return {
    baseURL: BASE_URL,
    calls,
    attestedModels,
    fetch: (input, init = {}) => {
      const url = input instanceof Request ? input.url : input.toString();
      calls.push({ url, init });
      return fetch(url, init);
    },
    attest: (model) => {
      attestedModels.push(model);
      return Promise.resolve(attest(model));
    },
  };
}

export interface FakeAttestation {
  readonly model?: string;
  readonly result?: Partial<AttestationResult>;
  readonly attestedAtMs?: number;
  readonly expiresMs?: number;
}

export function fakeAttestation({
  model = "e2ee-test",
  result,
  attestedAtMs = 1_000,
  expiresMs = 1_000_000,
}: FakeAttestation = {}): Attestation {
  return {
    model,
    modelKey: undefined,
    evidence: { quote: new Uint8Array(), signingKey: "" },
    nonce: "ab".repeat(32),
    attestedAtMs,
    expiresMs,
    result: {
      ok: true,
      scope: "enclave",
      simulated: false,
      debug: false,
      pinned: true,
      checks: [{ id: "nonce.bound", status: "pass", required: true, reason: "REPORTDATA holds the nonce" }],
      claims: { build: "2026-10", tcb_status: "UpToDate" },
      stated: {},
      sealing: "body",
      readers: [],
      couldRead: [],
      signingKey: Uint8Array.of(4, 255),
      ...result,
    },
  };
}

/** An answer as the client's `fetch` gives it. */
export function fakeAnswer(
  body: BodyInit | null,
  marks: { readonly status?: Outcome["status"]; readonly attestation?: Attestation } = {},
): Response {
  const { status = "verified", attestation = fakeAttestation() } = marks;
  const outcome = Promise.resolve<Outcome>({
    status,
    reason: undefined,
    finishReason: "stop",
    usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
    requestId: undefined,
    receiptKind: undefined,
    receipt: undefined,
    simulated: attestation.result.simulated,
    attestation,
  });
  const response = new Response(body, {
    headers: {
      "content-type": "application/json",
      "bauta-protection": "sealed",
      "bauta-outcome": status,
      "set-cookie": "a=b",
      "x-other": "1",
    },
  });
  return markResponse(response, { protection: "sealed", attestation, outcome });
}
