export {
  hasSealedHeaders,
  type OpenedRequest,
  openRequest,
  type OpenRequestOptions,
  parsePlainRequest,
  type RequestHeaders,
} from "./open-request.ts";
export { createPlainWriter, createSealedWriter, type Delta, type ResponseHead, type ResponseWriter } from "./seal-response.ts";
export { signReceipt } from "./receipt.ts";
export { signKeysStatement } from "./keys-statement.ts";
