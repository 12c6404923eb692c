/**
 * What a model's name promises, which is also what this client does about it:
 * `sealed` (`e2ee-*`): messages are sealed to the enclave; `gateway-visible` (`tee-*`): attested, but the gateway reads
 * everything; `none`: nothing is known to protect it.
 * @see spec/api.md, "Models"
 */
export type ModelProtection = "sealed" | "gateway-visible" | "none";

/** Judges by the name alone: a server's own word about a model must not decide how a prompt travels. */
export function protectionOf(model: string): ModelProtection {
  if (model.startsWith("e2ee-")) return "sealed";
  return model.startsWith("tee-") ? "gateway-visible" : "none";
}
