import type { CryptoBackend } from "./backend.ts";
import { parseBase64, toBase64Url, utf8 } from "./bytes.ts";
import type { FinishReason, Usage } from "./chat-request.ts";
import { canonicalJson, signText, statementText, verifyTextSignature } from "./signed-text.ts";
import { hasExactly, isEngine, isName, isSha256, isWeights, type MemberTest, orNull } from "./statement-members.ts";

/**
 * What the enclave says about one finished answer. Every member is present; null means "none" or "not known".
 * @see spec/protocol.md, "Receipts"
 */
export interface Receipt {
  readonly request_id: string;
  readonly model: string;
  /** The request's `Bauta-Nonce`. */
  readonly client_nonce: string | null;
  /** SHA-256 of the request's HTTP content. */
  readonly request_sha256: string;
  /** SHA-256 of the answer's HTTP content; a stream's to the end of its first `[DONE]` event. */
  readonly response_sha256: string;
  /** SHA-256 over the envelopes of a sealed answer. */
  readonly envelopes_sha256: string | null;
  readonly finish_reason: FinishReason;
  readonly usage: Usage;
  /** Weight files by name and SHA-256, where the enclave read them in a way that proves it. */
  readonly weights: readonly { readonly name: string; readonly sha256: string }[] | null;
  readonly engine: { readonly name: string; readonly image_digest: string | null };
  /** Seconds since 1970. */
  readonly created: number;
}

/** A receipt with its signatures, as `/tee/signature` serves it and the gateway keeps it. */
export interface SignedReceipt {
  /** The documented text: `sha256hex(request):sha256hex(response)`. */
  readonly text: string;
  readonly signature: string;
  readonly receipt: Receipt;
  readonly receiptSignature: string;
}

/** Signs both forms of a receipt with the enclave's key. */
export function signReceipt(backend: CryptoBackend, secretKey: Uint8Array, receipt: Receipt): SignedReceipt {
  const text = `${receipt.request_sha256}:${receipt.response_sha256}`;
  return {
    text,
    signature: signText(backend, secretKey, text),
    receipt,
    receiptSignature: signText(backend, secretKey, statementText("bauta/receipt/1", receipt)),
  };
}

/** What the client knows itself and a receipt must repeat. */
export interface ReceiptExpectation {
  readonly requestSha256: string;
  readonly responseSha256: string;
  /** Undefined for an answer that was not sealed. */
  readonly envelopesSha256: string | undefined;
  readonly clientNonce: string | undefined;
  readonly requestId: string | undefined;
  readonly model: string;
}

export type ReceiptVerdict = { readonly ok: true; readonly receipt: Receipt } | { readonly ok: false; readonly reason: string };

/**
 * Checks a receipt against what was sent and received: shape, signature by the attested key, then each member.
 * @param address 20 bytes of the attested key
 */
export function verifyReceipt(
  backend: CryptoBackend,
  address: Uint8Array,
  receipt: unknown,
  signature: string,
  expected: ReceiptExpectation,
): ReceiptVerdict {
  const parsed = parseReceipt(receipt);
  if (!parsed) return { ok: false, reason: "the receipt does not have the members of bauta/receipt/1" };
  if (!verifyTextSignature(backend, address, statementText("bauta/receipt/1", parsed), signature)) {
    return { ok: false, reason: "the receipt is not signed by the attested key" };
  }
  const differs = (
    [
      ["request_id", parsed.request_id, expected.requestId ?? parsed.request_id],
      ["model", parsed.model, expected.model],
      ["client_nonce", parsed.client_nonce, expected.clientNonce ?? null],
      ["request_sha256", parsed.request_sha256, expected.requestSha256],
      ["response_sha256", parsed.response_sha256, expected.responseSha256],
      ["envelopes_sha256", parsed.envelopes_sha256, expected.envelopesSha256 ?? null],
    ] as const
  ).find(([, signed, own]) => signed !== own);
  if (differs) return { ok: false, reason: `the receipt is about something else: ${differs[0]} differs from what this client saw` };
  return { ok: true, receipt: parsed };
}

/**
 * Checks the documented two-hash signature, for servers that offer nothing more.
 * @returns a reason when it does not hold
 */
export function verifyDocumentedReceipt(
  backend: CryptoBackend,
  address: Uint8Array,
  text: string,
  signature: string,
  expected: Pick<ReceiptExpectation, "requestSha256" | "responseSha256">,
): { readonly ok: true } | { readonly ok: false; readonly reason: string } {
  if (!/^[0-9a-f]{64}:[0-9a-f]{64}$/.test(text)) return { ok: false, reason: "the signed text is not two SHA-256 digests" };
  if (!verifyTextSignature(backend, address, text, signature))
    return { ok: false, reason: "the signed text is not signed by the attested key" };
  if (text !== `${expected.requestSha256}:${expected.responseSha256}`) {
    return { ok: false, reason: "the signed digests are of another request or answer than this client saw" };
  }
  return { ok: true };
}

const COMMENT_TAG = "bauta-receipt";
/** Room for 256 weight files. */
const MAX_RECEIPT_BYTES = 64 * 1024;

/** The text of the comment that follows `[DONE]`: `bauta-receipt <base64url of the JSON> <signature>`. */
export function receiptComment(signed: SignedReceipt): string {
  return `${COMMENT_TAG} ${toBase64Url(utf8(canonicalJson(signed.receipt)))} ${signed.receiptSignature}`;
}

/** Reads such a comment; undefined when it is another comment or does not parse. Nothing is verified yet. */
export function parseReceiptComment(comment: string): { readonly receipt: unknown; readonly signature: string } | undefined {
  const [tag, body, signature, more] = comment.split(" ", 4);
  if (tag !== COMMENT_TAG || body === undefined || signature === undefined || more !== undefined) return undefined;
  const bytes = parseBase64(body, MAX_RECEIPT_BYTES);
  if (!bytes) return undefined;
  try {
    return { receipt: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown, signature };
  } catch {
    return undefined;
  }
}

const isCount: MemberTest = (value) => Number.isSafeInteger(value) && (value as number) >= 0;

const MEMBERS: Record<keyof Receipt, MemberTest> = {
  request_id: isName,
  model: isName,
  client_nonce: orNull(isSha256),
  request_sha256: isSha256,
  response_sha256: isSha256,
  envelopes_sha256: orNull(isSha256),
  finish_reason: (value) => value === "stop" || value === "length" || value === "content_filter" || value === "tool_calls",
  usage: (value) => hasExactly(value, { prompt_tokens: isCount, completion_tokens: isCount, total_tokens: isCount }),
  weights: orNull(isWeights),
  engine: isEngine,
  created: isCount,
};

function parseReceipt(value: unknown): Receipt | undefined {
  return hasExactly(value, MEMBERS) ? (value as Receipt) : undefined;
}
