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
export { parseRichRequest } from "./rich-chat.ts";
export { assertBinding, type RequestLine } from "./sealed-body/binding.ts";
export { type BodyKey, createBodyKey, openBody, type OpenedBody } from "./sealed-body/body-key.ts";
export type { BodySealer } from "./sealed-body/body-sealer.ts";
export { padSseFrame } from "./sealed-body/padding.ts";
export { createReplayWindow, type ReplayWindow, type ReplayWindowOptions } from "./sealed-body/replay-window.ts";
export { assertKnown, EMBEDDING_MEMBERS } from "./request-members.ts";
