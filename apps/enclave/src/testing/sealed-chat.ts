import type { SealedByEhbp } from "./ehbp-client.ts";
import { NOW_MS } from "./running-enclave.ts";

/** What a sealed chat request to `e2ee-demo` repeats of its call. */
export const binding = { method: "POST", path: "/chat/completions", model: "e2ee-demo", t: NOW_MS / 1000 };

export const ask = (more: object = {}) => ({ model: "e2ee-demo", messages: [{ role: "user", content: "hi" }], bauta: binding, ...more });

/** Sends a sealed chat request. */
export function post(
  url: string,
  sealed: Pick<SealedByEhbp, "encapsulatedKey" | "bytes">,
  model: string,
  headers: Record<string, string> = {},
) {
  return fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: {
      "ehbp-encapsulated-key": sealed.encapsulatedKey,
      "bauta-model": model,
      "content-type": "application/octet-stream",
      ...headers,
    },
    body: sealed.bytes,
  });
}

/** The receipt that an enclave keeps of an answer. */
export async function kept(url: string, model: string, requestId: string | null) {
  const response = await fetch(`${url}/v1/tee/signature?model=${model}&request_id=${requestId}`);
  return {
    status: response.status,
    body: (await response.json()) as Record<string, unknown> & { receipt: object; receipt_signature: string },
  };
}
