/** Header names, lower-case as Node shows them. The `x-venice-tee-*` names are the published protocol's. */
export const HEADERS = {
  clientPublicKey: "x-venice-tee-client-pub-key",
  modelPublicKey: "x-venice-tee-model-pub-key",
  signingAlgorithm: "x-venice-tee-signing-algo",
  /** 64 hex digits that the receipt repeats, so that an old answer cannot be passed off as new. */
  nonce: "bauta-nonce",
  /** The enclave names the answer here, so that the gateway can keep its receipt without reading the body. */
  requestId: "bauta-request-id",
  /** With a sealed body: the model's name in clear, by which the gateway routes and bills. */
  model: "bauta-model",
  /** With a sealed body: HPKE's encapsulated key, 64 lower-case hex digits. The two `ehbp-*` names are EHBP's. */
  encapsulatedKey: "ehbp-encapsulated-key",
  /** With a sealed answer: the nonce that its keys are derived with, 64 lower-case hex digits. */
  responseNonce: "ehbp-response-nonce",
} as const;

/** The one value of `X-Venice-TEE-Signing-Algo`. */
export const SIGNING_ALGORITHM = "ecdsa";
