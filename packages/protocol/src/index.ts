export { andThen, type Awaitable } from "./awaitable.ts";
export { concatBytes, equalBytes, parseBase64, toBase64, toBase64Url, u32be, utf8 } from "./bytes.ts";
export { type ErrorAction, KEY_CONFIG_PROBLEM, WIRE_ERRORS, WireError, type WireErrorBody, type WireErrorCode } from "./errors.ts";
export { HEADERS, SIGNING_ALGORITHM } from "./headers.ts";
export { parseHex, toHex } from "./hex.ts";
export { LIMITS } from "./limits.ts";
export { type ModelProtection, protectionOf } from "./model-name.ts";
export { addressOf, parseClientKey, parseModelKey, PUBLIC_KEY_BYTES } from "./public-key.ts";
export { bindNonce, type BoundNonce, createReportData } from "./report-data.ts";
export { bindTlsKey } from "./tls-binding.ts";
export {
  CHAT_ROLES,
  type ChatMessage,
  type ChatRequest,
  type ChatRole,
  type FinishReason,
  type Sampling,
  type Usage,
} from "./chat-request.ts";
export type { ContentPart, ResponseFormat, RichChat, RichFeature, RichMessage, Tool, ToolCall, ToolChoice } from "./rich-chat.ts";
export { createSseParser, SSE_DONE, SseError, type SseEvent, type SseParser, writeSseComment, writeSseData } from "./sse.ts";
export { findStreamError, type StreamError } from "./stream-error.ts";
export { findText, isTextless } from "./textless.ts";
export { createToolCallSorter, ToolCallError, type ToolCallPiece, type ToolCallSorter } from "./tool-calls.ts";
export type { Aead, CryptoBackend, KeyPair, RecoverableSignature, Sha256 } from "./backend.ts";
export {
  parseReceiptComment,
  type Receipt,
  receiptComment,
  type ReceiptExpectation,
  type ReceiptVerdict,
  type SignedReceipt,
  verifyDocumentedReceipt,
  verifyReceipt,
} from "./receipt.ts";
export {
  type KeyOrigin,
  type KeysStatement,
  type ParsedKeysStatement,
  parseKeysStatement,
  type SignedKeysStatement,
} from "./keys-statement.ts";
export { canonicalJson, signText, statementText, type StatementTag, verifyTextSignature } from "./signed-text.ts";
export { createTranscript, type ResponseHashes, type SealedField, sha256Hex, type Transcript } from "./transcript.ts";
