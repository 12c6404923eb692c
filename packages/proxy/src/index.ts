export { type AttestedModel, type AttestedModels, createAttestedModels } from "./attested-models.ts";
export { keepAttested } from "./keep-attested.ts";
export { createProxy, type ProxyClient, type ProxyOptions } from "./proxy.ts";
export type { RequestLine } from "./request-line.ts";
