import {
  addressOf,
  type CryptoBackend,
  LIMITS,
  type Receipt,
  type ReceiptExpectation,
  verifyDocumentedReceipt,
  verifyReceipt,
} from "@bauta/protocol";
import type { ResponseEnd } from "@bauta/protocol/client";
import { ClientError } from "./errors.ts";
import type { Transport } from "./http.ts";

/**
 * What a finished answer is proven by.
 * - `bauta`: `bauta/receipt/1`, which names this request's nonce, the model, usage, weights and engine.
 * - `documented`: the published signature over the hashes of request and answer, which names nothing else.
 */
export type ReceiptKind = "bauta" | "documented";

/** What a finished answer is judged by. */
export interface ReceiptCheck {
  readonly backend: CryptoBackend;
  readonly transport: Transport;
  /** 65 bytes of the attested key. */
  readonly modelKey: Uint8Array;
  /** Messages by themselves, or the whole body; undefined for what the gateway reads. */
  readonly sealed: "messages" | "body" | undefined;
  /** The least that is taken. */
  readonly receipts: ReceiptKind;
  readonly model: string;
  readonly clientNonce: string;
  readonly requestSha256: string;
  readonly timeoutMs: number;
}

export type ReceiptFinding =
  | { readonly ok: true; readonly kind: "bauta"; readonly receipt: Receipt }
  | { readonly ok: true; readonly kind: "documented"; readonly receipt: undefined }
  | { readonly ok: false; readonly reason: string };

/**
 * Verifies the receipt of a complete answer: the one behind `[DONE]`, else the server's. A receipt that does not hold is
 * not replaced by another one, and one that is missing by a lesser one only if the caller has asked for no more.
 * @param requestId of the answer's chunks, else of its head
 * @throws the caller's own reason when its signal aborts
 * @see spec/protocol.md, "Receipts"
 */
export async function checkReceipt(
  check: ReceiptCheck,
  end: ResponseEnd,
  requestId: string | undefined,
  signal: AbortSignal | undefined,
): Promise<ReceiptFinding> {
  if (!end.hashes) return { ok: false, reason: "the answer has no end to sign" };
  const expected: ReceiptExpectation = {
    requestSha256: check.requestSha256,
    responseSha256: end.hashes.responseSha256,
    envelopesSha256: check.sealed === "messages" ? end.hashes.envelopesSha256 : undefined,
    clientNonce: check.clientNonce,
    requestId,
    model: check.model,
  };
  const address = addressOf(check.modelKey);
  if (end.receipt) return verifyBauta(check, address, end.receipt.receipt, end.receipt.signature, expected);
  if (requestId === undefined) return { ok: false, reason: "no receipt came with the answer, and no request id to ask for it by" };

  let answer: unknown;
  try {
    answer = await check.transport.getJson(
      { path: "tee/signature", query: { model: check.model, request_id: requestId } },
      { maxBytes: LIMITS.jsonAnswerBytes, timeoutMs: check.timeoutMs, signal, freeText: check.sealed !== undefined },
    );
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    return { ok: false, reason: `no receipt came with the answer, and none could be fetched: ${error.message}` };
  }
  return verifyServed(check, address, answer, expected);
}

/** Every signature that is served must hold, so that none can be passed off by leaving a better one beside it. */
function verifyServed(check: ReceiptCheck, address: Uint8Array, answer: unknown, expected: ReceiptExpectation): ReceiptFinding {
  const { text, signature, receipt, receipt_signature } = (answer ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof text !== "string" || typeof signature !== "string")
    return { ok: false, reason: "the server's receipt has no text with its signature" };
  const documented = verifyDocumentedReceipt(check.backend, address, text, signature, expected);
  if (!documented.ok) {
    const rewritten =
      typeof receipt_signature === "string" ? findRewritten(check, address, receipt, receipt_signature, expected) : undefined;
    return { ok: false, reason: rewritten ?? documented.reason };
  }
  if (isPresent(receipt) || isPresent(receipt_signature)) {
    if (isPresent(receipt) && typeof receipt_signature === "string")
      return verifyBauta(check, address, receipt, receipt_signature, expected);
    return { ok: false, reason: "the server gives one of receipt and receipt_signature without the other" };
  }
  // A sealed request is never the same twice; a plain one is, and so could be its receipt.
  if (!check.sealed)
    return {
      ok: false,
      reason: "the server's receipt does not repeat this request's nonce: it could be that of an earlier, equal request",
    };
  // Whoever relays an answer can take a receipt away, so that only the caller can say that there is none to miss.
  if (check.receipts !== "documented")
    return {
      ok: false,
      reason:
        "the server gives no bauta/receipt/1, only the documented signature over two hashes; " +
        'if it never offers more, create the client with receipts: "documented"',
    };
  return { ok: true, kind: "documented", receipt: undefined };
}

function verifyBauta(
  check: ReceiptCheck,
  address: Uint8Array,
  receipt: unknown,
  signature: string,
  expected: ReceiptExpectation,
): ReceiptFinding {
  const verdict = verifyReceipt(check.backend, address, receipt, signature, expected);
  if (verdict.ok) return { ...verdict, kind: "bauta" };
  return { ok: false, reason: findRewritten(check, address, receipt, signature, expected) ?? verdict.reason };
}

/**
 * What is left of a receipt behind a relay that writes bodies anew: the enclave signed other bytes than came here, yet the
 * same envelopes in the same order, for this request's nonce. That proves the text, and nothing that stood around it, so
 * that such an answer stays unverified: this only says why.
 * @returns undefined when the receipt does not hold in anything else either
 */
function findRewritten(
  { backend, sealed }: ReceiptCheck,
  address: Uint8Array,
  receipt: unknown,
  signature: string,
  expected: ReceiptExpectation,
): string | undefined {
  if (sealed !== "messages" || typeof receipt !== "object" || receipt === null) return undefined;
  const { request_sha256: request, response_sha256: response } = receipt as Readonly<Record<string, unknown>>;
  if (typeof request !== "string" || typeof response !== "string") return undefined;
  const verdict = verifyReceipt(backend, address, receipt, signature, { ...expected, requestSha256: request, responseSha256: response });
  if (!verdict.ok) return undefined;
  const isSame = { request: request === expected.requestSha256, response: response === expected.responseSha256 };
  if (isSame.request && isSame.response) return undefined;
  const what = isSame.request ? "the answer" : isSame.response ? "the request" : "the request and the answer";
  const differs = [...(isSame.request ? [] : ["request_sha256"]), ...(isSame.response ? [] : ["response_sha256"])].join(" and ");
  return (
    `a relay between this client and the enclave wrote ${what} anew (${differs} differs): the attested key signed the sealed text ` +
    `that came, in its order (envelopes_sha256 holds)${isSame.request ? "" : ", but to a request whose parameters could be others than were sent"}`
  );
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}
