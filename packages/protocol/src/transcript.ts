import type { CryptoBackend } from "./backend.ts";
import { toHex } from "./hex.ts";

/** Which member of a delta an envelope stood in. */
export type SealedField = "content" | "reasoning_content";

const FIELD_CODES: Record<SealedField, number> = { content: 0, reasoning_content: 1 };

export interface ResponseHashes {
  readonly responseSha256: string;
  readonly envelopesSha256: string;
}

/** What a receipt says of an answer, gathered on both sides in the same way while the answer streams. */
export interface Transcript {
  /** Bytes of the HTTP content, in order. */
  addBytes(bytes: Uint8Array): void;
  /** One envelope, in the order sent. It pins the field, which the AEAD does not. */
  addEnvelope(choice: number, field: SealedField, envelope: Uint8Array): void;
  /** Hex digests; the transcript is spent afterwards. */
  digest(): ResponseHashes;
}

/** @see spec/protocol.md, "Receipts" */
export function createTranscript(backend: CryptoBackend): Transcript {
  const response = backend.createSha256();
  const envelopes = backend.createSha256();
  return {
    addBytes: (bytes) => response.update(bytes),
    addEnvelope(choice, field, envelope) {
      const head = new Uint8Array(9);
      const view = new DataView(head.buffer);
      view.setUint32(0, choice);
      view.setUint8(4, FIELD_CODES[field]);
      view.setUint32(5, envelope.length);
      envelopes.update(head);
      envelopes.update(envelope);
    },
    digest: () => ({ responseSha256: toHex(response.digest()), envelopesSha256: toHex(envelopes.digest()) }),
  };
}

/** SHA-256 of some bytes in one go, as hex. */
export function sha256Hex(backend: CryptoBackend, bytes: Uint8Array): string {
  const state = backend.createSha256();
  state.update(bytes);
  return toHex(state.digest());
}
