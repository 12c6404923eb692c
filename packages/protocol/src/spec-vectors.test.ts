// Every vector of spec/vectors, on each backend. They are made by scripts/make-vectors.mjs, which shares no code with this package.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { backends, bytes } from "../../../tests/support/backends.ts";
import { utf8 } from "./bytes.ts";
import type { FinishReason, Usage } from "./chat-request.ts";
import { createEnvelopeOpener, createEnvelopeSealer, deriveEnvelopeKey, parseEnvelope } from "./envelope.ts";
import { openRequest } from "./open-request.ts";
import { addressOf, parseClientKey, parseModelKey } from "./public-key.ts";
import { createSealedReader } from "./read-response.ts";
import { type Receipt, receiptComment, type ReceiptExpectation, signReceipt, verifyDocumentedReceipt, verifyReceipt } from "./receipt.ts";
import { bindNonce, createReportData } from "./report-data.ts";
import { createSealedWriter } from "./seal-response.ts";
import { canonicalJson, signText, verifyTextSignature } from "./signed-text.ts";
import { writeSseComment } from "./sse.ts";

const url = (path: string) => new URL(`../../../${path}`, import.meta.url);
const load = (name: string): unknown => JSON.parse(readFileSync(url(`spec/vectors/${name}`), "utf8"));

interface Named {
  readonly name: string;
}
const envelopes = load("envelope.json") as {
  seal: (Named &
    Record<
      | "sender_secret_key"
      | "sender_public_key"
      | "recipient_secret_key"
      | "recipient_public_key"
      | "shared_x"
      | "aes_key"
      | "nonce"
      | "plaintext"
      | "envelope",
      string
    >)[];
  sequence: Record<"sender_secret_key" | "recipient_public_key" | "recipient_secret_key" | "nonce_prefix", string> &
    Record<"plaintexts" | "envelopes", string[]>;
  open: (Named & Record<"recipient_secret_key" | "envelope" | "plaintext", string>)[];
  invalid: (Named & Record<"recipient_secret_key" | "envelope", string> & { outcome: "field_not_hex" | "field_not_opened" })[];
};
const keys = load("keys.json") as {
  forms: (Named & { text: string; model_key: string | null; client_key: string | null })[];
  points: (Named & { public_key: string; valid: boolean })[];
  addresses: Record<"secret_key" | "public_key" | "address", string>[];
  invalid_secret_keys: string[];
};
const reportData = load("report-data.json") as {
  nonces: (Named & { query: string; tee: { method: string; bytes: string } | null; e2ee: { method: string; bytes: string } | null })[];
  report_data: Record<"address" | "nonce" | "report_data", string>[];
};
const signed = load("signed-text.json") as {
  valid: (Named & Record<"secret_key" | "address" | "text" | "digest" | "signature", string>)[];
  invalid: (Named & Record<"address" | "text" | "signature", string>)[];
};
interface Expected {
  request_id: string;
  model: string;
  client_nonce: string | null;
  request_sha256: string;
  response_sha256: string;
  envelopes_sha256: string | null;
}
const receipts = load("receipt.json") as {
  secret_key: string;
  address: string;
  valid: (Named &
    Record<"jcs" | "receipt_signature" | "text" | "signature" | "sse_comment", string> & { receipt: Receipt; expected: Expected })[];
  invalid: (Named & { receipt: unknown; receipt_signature: string; expected: Expected; reason: string })[];
};
interface Stream extends Named {
  head?: { id: string; model: string; created: number };
  deltas?: { content?: string; reasoning?: string }[];
  stream: string;
  content: string;
  reasoning: string;
  finish_reason: FinishReason;
  usage: Usage | null;
  hashes: { response_sha256: string; envelopes_sha256: string };
  receipt: Receipt | null;
}
const responses = load("response-stream.json") as {
  keys: Record<
    "client_secret_key" | "client_public_key" | "model_secret_key" | "model_public_key" | "ephemeral_secret_key" | "nonce_prefix",
    string
  >;
  streams: Stream[];
  refused: (Named & { stream: string; refusal: string })[];
};

function expectation(expected: Expected): ReceiptExpectation {
  return {
    requestId: expected.request_id,
    model: expected.model,
    clientNonce: expected.client_nonce ?? undefined,
    requestSha256: expected.request_sha256,
    responseSha256: expected.response_sha256,
    envelopesSha256: expected.envelopes_sha256 ?? undefined,
  };
}

it("the committed vectors are what scripts/make-vectors.mjs writes", async () => {
  await promisify(execFile)(process.execPath, [fileURLToPath(url("scripts/make-vectors.mjs")), "--check"]);
});

describe.each(backends.map((backend) => [backend.name, backend] as const))("%s", (_name, backend) => {
  const pairOf = (secretKey: string) => {
    const pair = backend.keyPairOf(bytes(secretKey));
    if (!pair) throw new Error("a vector's secret key is not valid");
    return pair;
  };

  it.each(envelopes.seal)("envelope.json seals and opens: $name", async (one) => {
    const sender = pairOf(one.sender_secret_key);
    expect(backend.toHex(sender.publicKey)).toBe(one.sender_public_key);
    const x = backend.ecdhX(sender.secretKey, bytes(one.recipient_public_key));
    expect(x && backend.toHex(x)).toBe(one.shared_x);
    expect(backend.toHex(await backend.hkdfSha256(bytes(one.shared_x), new Uint8Array(0), utf8("ecdsa_encryption"), 32))).toBe(one.aes_key);
    const aead = await deriveEnvelopeKey(backend, sender.secretKey, bytes(one.recipient_public_key));
    const sealed = await aead?.seal(sender.publicKey, bytes(one.nonce), utf8(one.plaintext));
    expect(sealed && backend.toHex(sealed)).toBe(one.envelope);
    const envelope = parseEnvelope(backend, one.envelope, 4096);
    const opened = envelope && (await createEnvelopeOpener(backend, bytes(one.recipient_secret_key)).open(envelope));
    expect(opened && backend.toHex(opened)).toBe(backend.toHex(utf8(one.plaintext)));
  });

  it("envelope.json: a sequence under one key agreement", async () => {
    const { sequence } = envelopes;
    const sender = pairOf(sequence.sender_secret_key);
    const aead = await deriveEnvelopeKey(backend, sender.secretKey, bytes(sequence.recipient_public_key));
    if (!aead) throw new Error("the sequence's key is not valid");
    const sealer = createEnvelopeSealer({ ...backend, randomBytes: () => bytes(sequence.nonce_prefix) }, aead, sender.publicKey);
    const opener = createEnvelopeOpener(backend, bytes(sequence.recipient_secret_key));
    for (const [i, text] of sequence.plaintexts.entries()) {
      const { hex } = await sealer.seal(text);
      expect(hex).toBe(sequence.envelopes[i]);
      const envelope = parseEnvelope(backend, hex, 4096);
      expect(new TextDecoder().decode(envelope && (await opener.open(envelope)))).toBe(text);
    }
  });

  it.each(envelopes.open)("envelope.json opens: $name", async (one) => {
    const envelope = parseEnvelope(backend, one.envelope, 4096);
    expect(
      new TextDecoder().decode(envelope && (await createEnvelopeOpener(backend, bytes(one.recipient_secret_key)).open(envelope))),
    ).toBe(one.plaintext);
  });

  it.each(envelopes.invalid)("envelope.json refuses with $outcome: $name", async (one) => {
    const modelKey = pairOf(one.recipient_secret_key);
    const headers = {
      "x-venice-tee-client-pub-key": responses.keys.client_public_key,
      "x-venice-tee-model-pub-key": backend.toHex(modelKey.publicKey),
      "x-venice-tee-signing-algo": "ecdsa",
    };
    const body = { model: "e2ee-example", stream: true, messages: [{ role: "user", content: one.envelope }] };
    await expect(openRequest(body, headers, { backend, modelKey })).rejects.toMatchObject({
      code: one.outcome,
      param: "messages[0].content",
    });
  });

  it.each(keys.points)("keys.json: $name is a point: $valid", ({ public_key, valid }) => {
    expect(backend.isPublicKey(bytes(public_key))).toBe(valid);
    expect(backend.ecdhX(bytes(keys.addresses[2]?.secret_key ?? ""), bytes(public_key)) !== undefined).toBe(valid);
  });

  it("keys.json: addresses, and secret keys that are none", () => {
    for (const { secret_key, public_key, address } of keys.addresses) {
      expect(backend.toHex(pairOf(secret_key).publicKey)).toBe(public_key);
      expect(backend.toHex(addressOf(bytes(public_key)))).toBe(address);
    }
    for (const secret of keys.invalid_secret_keys) expect(backend.keyPairOf(bytes(secret)), secret).toBeUndefined();
  });

  it.each(signed.valid)("signed-text.json signs and verifies: $name", (one) => {
    expect(signText(backend, bytes(one.secret_key), one.text)).toBe(one.signature);
    expect(verifyTextSignature(backend, bytes(one.address), one.text, one.signature)).toBe(true);
    const { signature, recovery } = backend.sign(bytes(one.digest), bytes(one.secret_key));
    expect(`0x${backend.toHex(signature)}${(27 + recovery).toString(16)}`).toBe(one.signature);
  });

  it.each(signed.invalid)("signed-text.json refuses: $name", ({ address, text, signature }) => {
    expect(verifyTextSignature(backend, bytes(address), text, signature)).toBe(false);
  });

  it.each(receipts.valid)("receipt.json signs and verifies: $name", (one) => {
    expect(canonicalJson(one.receipt)).toBe(one.jcs);
    const own = signReceipt(backend, bytes(receipts.secret_key), one.receipt);
    expect(own).toEqual({ text: one.text, signature: one.signature, receipt: one.receipt, receiptSignature: one.receipt_signature });
    expect(writeSseComment(receiptComment(own))).toBe(one.sse_comment);
    const expected = expectation(one.expected);
    expect(verifyReceipt(backend, bytes(receipts.address), one.receipt, one.receipt_signature, expected)).toEqual({
      ok: true,
      receipt: one.receipt,
    });
    expect(verifyDocumentedReceipt(backend, bytes(receipts.address), one.text, one.signature, expected)).toEqual({ ok: true });
  });

  it.each(receipts.invalid)("receipt.json refuses ($reason): $name", (one) => {
    const reasons: Record<string, string> = { shape: "does not have the members", signature: "is not signed by the attested key" };
    const verdict = verifyReceipt(backend, bytes(receipts.address), one.receipt, one.receipt_signature, expectation(one.expected));
    expect(verdict).toEqual({ ok: false, reason: expect.stringContaining(reasons[one.reason] ?? `: ${one.reason} differs`) as string });
  });

  const stepsOf = (length: number) => [1, 7, 64, length];

  async function read(stream: string, step: number) {
    const reader = createSealedReader(backend, pairOf(responses.keys.client_secret_key), bytes(responses.keys.model_public_key));
    const content = utf8(stream);
    let text = "";
    let reasoning = "";
    for (let i = 0; i < content.length; i += step) {
      for (const delta of await reader.push(content.subarray(i, i + step))) {
        text += delta.content;
        reasoning += delta.reasoning;
      }
    }
    return { text, reasoning, end: reader.end() };
  }

  it.each(responses.streams)("response-stream.json reads, whole and split: $name", async (one) => {
    for (const step of stepsOf(utf8(one.stream).length)) {
      const { text, reasoning, end } = await read(one.stream, step);
      expect(text).toBe(one.content);
      expect(reasoning).toBe(one.reasoning);
      expect(end).toMatchObject({ complete: true, finishReason: one.finish_reason, usage: one.usage ?? undefined, error: undefined });
      expect(end.hashes).toEqual({ responseSha256: one.hashes.response_sha256, envelopesSha256: one.hashes.envelopes_sha256 });
      expect(end.receipt?.receipt ?? null).toEqual(one.receipt);
      if (!one.receipt || !end.receipt || !end.hashes) continue;
      const expected = {
        ...end.hashes,
        requestSha256: one.receipt.request_sha256,
        clientNonce: undefined,
        requestId: end.requestId,
        model: "e2ee-example",
      };
      expect(
        verifyReceipt(backend, addressOf(bytes(responses.keys.model_public_key)), end.receipt.receipt, end.receipt.signature, expected),
      ).toMatchObject({ ok: true });
    }
  });

  it("response-stream.json: a writer with the same key and nonces writes the same bytes", async () => {
    const one = responses.streams[0] as Stream & Required<Pick<Stream, "head" | "deltas">>;
    const ephemeral = pairOf(responses.keys.ephemeral_secret_key);
    const fixed = { ...backend, createKeyPair: () => ephemeral, randomBytes: () => bytes(responses.keys.nonce_prefix) };
    const writer = await createSealedWriter(fixed, bytes(responses.keys.client_public_key), one.head);
    const parts = [writer.start()];
    for (const delta of one.deltas) parts.push(await writer.delta(delta));
    const { bytes: last, hashes } = writer.finish(one.finish_reason, one.usage ?? undefined);
    expect(hashes).toEqual({ responseSha256: one.hashes.response_sha256, envelopesSha256: one.hashes.envelopes_sha256 });
    parts.push(last, writer.receipt(signReceipt(backend, bytes(responses.keys.model_secret_key), one.receipt as Receipt)));
    expect(parts.map((part) => new TextDecoder().decode(part)).join("")).toBe(one.stream);
    expect(ephemeral.secretKey.every((byte) => byte === 0)).toBe(true);
  });

  it.each(responses.refused)("response-stream.json refuses with $refusal: $name", async (one) => {
    for (const step of stepsOf(utf8(one.stream).length)) {
      await expect(read(one.stream, step)).rejects.toMatchObject({ name: "RefusalError", code: one.refusal });
    }
  });
});

describe("texts that no backend reads", () => {
  it.each(keys.forms)("keys.json: $name", ({ text, model_key, client_key }) => {
    expect(parseModelKey(text) ?? null).toEqual(model_key === null ? null : bytes(model_key));
    expect(parseClientKey(text) ?? null).toEqual(client_key === null ? null : bytes(client_key));
  });

  it.each(reportData.nonces)("report-data.json: $name", ({ query, tee, e2ee }) => {
    const asVector = (sealed: boolean) => {
      const bound = bindNonce(query, sealed);
      return bound ? { method: bound.method, bytes: bound.bytes } : null;
    };
    expect(asVector(false)).toEqual(tee && { method: tee.method, bytes: bytes(tee.bytes) });
    expect(asVector(true)).toEqual(e2ee && { method: e2ee.method, bytes: bytes(e2ee.bytes) });
  });

  it.each(reportData.report_data)("report-data.json: REPORTDATA of $address", ({ address, nonce, report_data }) => {
    expect(createReportData(bytes(address), bytes(nonce))).toEqual(bytes(report_data));
  });
});
