import { toHex } from "@bauta/protocol";
import { backend } from "@bauta/protocol/backend";
import { createSealedWriter, signReceipt } from "@bauta/protocol/enclave";
import { type Exchange, FORGED } from "./case.ts";
import { type JsonObject, parseChunk, splitBlocks } from "./relayed-answer.ts";

/** An answer by somebody who knows nothing but the client's public key, which travels in a header. */
export interface StrangersAnswer {
  readonly blocks: readonly string[];
  /** What its `/tee/signature` would say, signed by the operator's own key. */
  readonly signature: JsonObject;
}

/** Seals forged text to the client as an enclave would, and signs it with the operator's key. */
export async function answerAsStranger(
  { clientKey, operator }: Exchange,
  head: { readonly id: string; readonly model: string; readonly created: number },
): Promise<StrangersAnswer> {
  const writer = await createSealedWriter(backend, clientKey, head);
  const parts = [writer.start(), await writer.delta({ reasoning: FORGED }), await writer.delta({ content: FORGED })];
  const { bytes, hashes } = writer.finish("stop", undefined);
  const signed = signReceipt(backend, operator.secretKey, {
    request_id: head.id,
    model: head.model,
    client_nonce: null,
    request_sha256: "00".repeat(32),
    response_sha256: hashes.responseSha256,
    envelopes_sha256: hashes.envelopesSha256,
    finish_reason: "stop",
    usage: { prompt_tokens: 9, completion_tokens: 6, total_tokens: 15 },
    weights: null,
    engine: { name: "scripted", image_digest: null },
    created: head.created,
  });
  const { text, signature, receipt, receiptSignature } = signed;
  const decoder = new TextDecoder();
  return {
    blocks: [...parts, bytes, writer.receipt(signed)].flatMap((part) => splitBlocks(decoder.decode(part))),
    signature: {
      text,
      signature,
      receipt,
      receipt_signature: receiptSignature,
      signing_algo: "ecdsa",
      model: head.model,
      request_id: head.id,
    },
  };
}

/** One forged envelope for the client, hex. */
export async function sealAsStranger(exchange: Exchange): Promise<string> {
  const { blocks } = await answerAsStranger(exchange, { id: "", model: "", created: 0 });
  const content = blocks.map((block) => parseChunk(block)?.choices?.[0]?.delta["content"]).find((value) => typeof value === "string");
  if (content === undefined) throw new Error("a stranger's answer has no content");
  return content;
}

/** The other point with the same x: it agrees on the same key. */
export function negate(publicKey: Uint8Array): Uint8Array {
  const prime = 2n ** 256n - 2n ** 32n - 977n;
  const y = prime - BigInt(`0x${toHex(publicKey.subarray(33))}`);
  return new Uint8Array(Buffer.concat([publicKey.subarray(0, 33), Buffer.from(y.toString(16).padStart(64, "0"), "hex")]));
}
