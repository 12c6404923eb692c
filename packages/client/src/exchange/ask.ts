import { chooseSealing } from "@bauta/attestation/on-demand";
import { askByBody, askWholeByBody } from "./ask-by-body.ts";
import { askByMessages } from "./ask-by-messages.ts";
import type { Exchange, ExchangeRequest } from "./exchange.ts";
import type { ExchangeContext } from "./send-attested.ts";

/** True where the policy knows the model's enclave to open requests that are sealed whole. Nothing falls back from it. */
export function sealsWhole({ policy }: Pick<ExchangeContext, "policy">): boolean {
  return chooseSealing(policy, "none") === "body";
}

/**
 * Asks an attested enclave, by the version of the protocol that the policy names.
 * @throws as `sendAttested`, and {@link RefusalError} for a request that would leak or an answer that is not what it should be
 */
export async function ask(context: ExchangeContext, request: ExchangeRequest): Promise<Exchange> {
  if (!sealsWhole(context)) return askByMessages(context, request);
  return request.stream ? askByBody(context, request) : askWholeByBody(context, request);
}
