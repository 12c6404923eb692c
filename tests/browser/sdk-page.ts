import { bautaOf, createClient } from "@bauta/client";

/** One call through `client.fetch`, as the test asks for it in the page. */
export interface SdkCall {
  readonly baseURL: string;
  readonly apiKey: string;
  readonly policy: object;
  /** DER, byte by byte. */
  readonly trustRoots: readonly (readonly number[])[];
  readonly body: { readonly model: string; readonly stream: boolean; readonly messages: readonly object[] };
}

export interface SdkAnswer {
  readonly status: number;
  readonly text: string;
  readonly outcome: string | undefined;
  readonly simulated: boolean | undefined;
}

declare global {
  var callModel: (call: SdkCall) => Promise<SdkAnswer>;
}

globalThis.callModel = async ({ baseURL, apiKey, policy, trustRoots, body }) => {
  const client = createClient({ baseURL, apiKey, policy, trustRoots: trustRoots.map((der) => Uint8Array.from(der)) });
  const response = await client.fetch(`${baseURL}/chat/completions`, { method: "POST", body: JSON.stringify(body) });
  const text = await response.text();
  const outcome = await bautaOf(response)?.outcome;
  return { status: response.status, text, outcome: outcome?.status, simulated: outcome?.simulated };
};
