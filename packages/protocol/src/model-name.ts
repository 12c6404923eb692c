/** Who can read what is asked of a model: only the enclave, the gateway too, or nobody knows. */
export type ModelProtection = "sealed" | "gateway-visible" | "none";

/**
 * What a model's name promises: `e2ee-…` is attested and sealed, `tee-…` attested and read by the gateway.
 * @see spec/protocol.md, "Parties"
 */
export function protectionOf(model: string): ModelProtection {
  if (model.startsWith("e2ee-")) return "sealed";
  return model.startsWith("tee-") ? "gateway-visible" : "none";
}
