/** Sizes that every parser in the project respects. Bytes unless the name says otherwise. */
export const LIMITS = {
  /** A whole request body, as received. */
  requestBodyBytes: 4 * 1024 * 1024,
  /** One frame of a sealed answer: ciphertext and tag. */
  sealedFrameBytes: 4 * 1024 * 1024,
  /** Messages in one request. */
  messages: 2048,
  /** One envelope's plaintext. */
  envelopePlaintextBytes: 2 * 1024 * 1024,
  /** One server-sent event, comments included. */
  sseEventBytes: 1024 * 1024,
  /** A JSON answer that is read whole (models, errors, a signature). */
  jsonAnswerBytes: 4 * 1024 * 1024,
  /** An attestation answer: a quote, up to eight GPUs' evidence, an event log and collateral. */
  attestationAnswerBytes: 8 * 1024 * 1024,
  /** A TDX quote; Google's are padded to 8,000 bytes. */
  quoteBytes: 64 * 1024,
  /** A nonce in a `tee-*` attestation request, as query text. */
  nonceCharacters: 256,
  /** `max_tokens` and its newer name. */
  maxTokens: 1_000_000,
  /** `stop` sequences, and the characters of each. */
  stopSequences: 16,
  stopCharacters: 256,
} as const;
