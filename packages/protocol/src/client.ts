export { createPlainReader, createSealedReader, type ResponseDelta, type ResponseEnd, type ResponseReader } from "./read-response.ts";
export { REFUSALS, type RefusalCode, RefusalError } from "./refusals.ts";
export { type SealedRequest, sealRequest, type SealRequestOptions } from "./seal-request.ts";
export type { BodyOpener } from "./sealed-body/body-opener.ts";
export { type KeyConfig, parseKeyConfig } from "./sealed-body/key-config.ts";
export { sealBody, type SealBodyOptions, type SealedBody } from "./sealed-body/seal-body.ts";
export { type Binding, type RequestLine, writeBinding } from "./sealed-body/binding.ts";
export { parseStreamEvent } from "./stream-event.ts";
