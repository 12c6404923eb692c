export { createPlainReader, createSealedReader, type ResponseDelta, type ResponseEnd, type ResponseReader } from "./read-response.ts";
export { REFUSALS, type RefusalCode, RefusalError } from "./refusals.ts";
export { type SealedRequest, sealRequest, type SealRequestOptions } from "./seal-request.ts";
