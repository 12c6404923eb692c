import { ClientError, createClient } from "@bauta/client";
import type { Adapter, AdapterResult } from "@bauta/conformance";

const REFUSALS: ReadonlySet<string> = new Set(["attestation_refused", "evidence_malformed"]);

/** Our own client, as the conformance suite meets it. */
export const bautaAdapter: Adapter = async ({ baseUrl, apiKey, model, trustRoot, policy, prompt }) => {
  const client = createClient({ baseURL: baseUrl, apiKey, policy, trustRoots: [trustRoot] });
  let shown = "";
  const give = (status: AdapterResult["status"], reason: string | undefined): AdapterResult => ({
    status,
    shown,
    ...(reason !== undefined && { reason }),
  });

  // Step by step, so that "refused" means that this client had not yet begun to ask.
  try {
    const { result } = await client.attest(model);
    if (!result.ok) return give("refused", failures(result.checks));
  } catch (error) {
    return give("refused", reasonOf(error));
  }
  try {
    const chat = await client.chat({ model, messages: [{ role: "user", content: prompt }] });
    for await (const { reasoning, content } of chat) shown += reasoning + content;
    const { status, reason } = await chat.outcome;
    return give(status, reason);
  } catch (error) {
    return give(error instanceof ClientError && REFUSALS.has(error.code) ? "refused" : "aborted", reasonOf(error));
  }
};

function failures(
  checks: readonly { readonly id: string; readonly status: string; readonly required: boolean; readonly reason: string }[],
): string {
  return checks
    .filter(({ required, status }) => required && status !== "pass")
    .map(({ id, reason }) => `${id}: ${reason}`)
    .join("; ");
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
