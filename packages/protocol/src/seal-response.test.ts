import { describe, expect, it } from "vitest";
import { anyBackend, backends } from "../../../tests/support/backends.ts";
import { concatBytes, utf8 } from "./bytes.ts";
import { createEnvelopeOpener, parseEnvelope } from "./envelope.ts";
import { signReceipt } from "./receipt.ts";
import { createPlainWriter, createSealedWriter, type ResponseWriter } from "./seal-response.ts";
import { createSseParser, SSE_DONE } from "./sse.ts";
import { sha256Hex } from "./transcript.ts";

const head = { id: "chatcmpl-1", model: "e2ee-a", created: 1_700_000_000 };
const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

interface Chunk {
  readonly choices: readonly { readonly index: number; readonly delta: Record<string, string>; readonly finish_reason: string | null }[];
  readonly usage?: unknown;
}

function chunksOf(bytes: Uint8Array): Chunk[] {
  return createSseParser()
    .push(bytes)
    .flatMap(({ data }) => (data === undefined || data === SSE_DONE ? [] : [JSON.parse(data) as Chunk]));
}

async function writeAll(writer: ResponseWriter, withUsage: boolean) {
  const parts = [writer.start()];
  parts.push(await writer.delta({ reasoning: "hm", content: "Grüße" }));
  parts.push(await writer.delta({}), await writer.delta({ content: "", reasoning: "" }));
  parts.push(await writer.delta({ content: " 🎭" }));
  const { bytes, hashes } = writer.finish("stop", withUsage ? usage : undefined);
  parts.push(bytes);
  return { parts, bytes: concatBytes(...parts), hashes };
}

describe.each(backends.map((backend) => [backend.name, backend] as const))("sealed, %s", (_name, backend) => {
  it("has an allowlisted shape in every chunk, and no text outside envelopes", async () => {
    const client = backend.createKeyPair();
    const { bytes } = await writeAll(await createSealedWriter(backend, client.publicKey, head), true);
    expect(textOf(bytes)).not.toMatch(/Grüße|hm|🎭/);
    const chunks = chunksOf(bytes);
    expect(chunks).toHaveLength(6);
    for (const chunk of chunks) {
      expect(chunk).toMatchObject({ ...head, object: "chat.completion.chunk" });
      expect(Object.keys(chunk).filter((member) => !["id", "object", "created", "model", "choices", "usage"].includes(member))).toEqual([]);
      for (const choice of chunk.choices) {
        expect(Object.keys(choice)).toEqual(["index", "delta", "finish_reason"]);
        expect(Object.keys(choice.delta).filter((member) => !["role", "content", "reasoning_content"].includes(member))).toEqual([]);
      }
    }
    expect(chunks[0]?.choices[0]).toEqual({ index: 0, delta: { role: "assistant" }, finish_reason: null });
    expect(chunks.slice(1, 4).map((chunk) => Object.keys(chunk.choices[0]?.delta ?? {}))).toEqual([
      ["reasoning_content"],
      ["content"],
      ["content"],
    ]);
    expect(chunks[4]?.choices[0]).toEqual({ index: 0, delta: {}, finish_reason: "stop" });
    expect(chunks[5]).toEqual({ ...head, object: "chat.completion.chunk", choices: [], usage });
    expect(textOf(bytes).endsWith("data: [DONE]\n\n")).toBe(true);
  });

  it("uses one ephemeral key and counting nonces for the whole answer, reasoning included", async () => {
    const client = backend.createKeyPair();
    const { bytes } = await writeAll(await createSealedWriter(backend, client.publicKey, head), false);
    const sealed = chunksOf(bytes).flatMap((chunk) =>
      Object.entries(chunk.choices[0]?.delta ?? {}).flatMap(([member, value]) => (member === "role" ? [] : [value])),
    );
    expect(new Set(sealed.map((hex) => hex.slice(0, 130))).size).toBe(1);
    expect(sealed.map((hex) => Number.parseInt(hex.slice(146, 154), 16))).toEqual([0, 1, 2]);
    const opener = createEnvelopeOpener(backend, client.secretKey);
    const texts = [];
    for (const hex of sealed) {
      const envelope = parseEnvelope(backend, hex, 100);
      texts.push(textOf((envelope && (await opener.open(envelope))) ?? new Uint8Array(0)));
    }
    expect(texts).toEqual(["hm", "Grüße", " 🎭"]);
    const again = chunksOf((await writeAll(await createSealedWriter(backend, client.publicKey, head), false)).bytes);
    expect(again[1]?.choices[0]?.delta["reasoning_content"]?.slice(0, 130)).not.toBe(sealed[0]?.slice(0, 130));
  });

  it("sends usage only when told to", async () => {
    const client = backend.createKeyPair();
    const { bytes } = await writeAll(await createSealedWriter(backend, client.publicKey, head), false);
    expect(chunksOf(bytes).some((chunk) => chunk.choices.length === 0 || chunk.usage !== undefined)).toBe(false);
  });

  it("each event is whole in what one call returns, and an empty delta writes nothing", async () => {
    const client = backend.createKeyPair();
    const { parts } = await writeAll(await createSealedWriter(backend, client.publicKey, head), true);
    for (const part of parts) expect(part.length === 0 || textOf(part).endsWith("\n\n")).toBe(true);
    expect(parts.map((part) => chunksOf(part).length)).toEqual([1, 2, 0, 0, 1, 2]);
  });

  it("hashes the bytes that it returned, receipt excluded", async () => {
    const client = backend.createKeyPair();
    const writer = await createSealedWriter(backend, client.publicKey, head);
    const { bytes, hashes } = await writeAll(writer, true);
    expect(hashes.responseSha256).toBe(sha256Hex(anyBackend, bytes));
    const receipt = {
      request_id: head.id,
      model: head.model,
      client_nonce: null,
      request_sha256: "00".repeat(32),
      response_sha256: hashes.responseSha256,
      envelopes_sha256: hashes.envelopesSha256,
      finish_reason: "stop" as const,
      usage,
      weights: null,
      engine: { name: "e", image_digest: null },
      created: 1,
    };
    const comment = textOf(writer.receipt(signReceipt(backend, backend.createKeyPair().secretKey, receipt)));
    expect(comment).toMatch(/^: bauta-receipt [\w-]+ 0x[0-9a-f]{130}\n\n$/);
  });

  it("refuses a client key that is no point", async () => {
    const { publicKey } = backend.createKeyPair();
    for (const bad of [
      Uint8Array.from(publicKey, (byte, i) => (i === 64 ? byte ^ 1 : byte)),
      Uint8Array.from(publicKey, (byte, i) => (i ? byte : 7)),
      new Uint8Array(65),
    ]) {
      await expect(createSealedWriter(backend, bad, head)).rejects.toMatchObject({ name: "WireError", code: "invalid_public_key" });
    }
  });

  it("zeroes its ephemeral secret, whether the key was good or not", async () => {
    const client = backend.createKeyPair();
    for (const key of [client.publicKey, new Uint8Array(65)]) {
      const ephemeral = backend.createKeyPair();
      await createSealedWriter({ ...backend, createKeyPair: () => ephemeral }, key, head).catch(() => undefined);
      expect(ephemeral.secretKey.every((byte) => byte === 0)).toBe(true);
    }
  });
});

it("plain: the same chunks with text in them", async () => {
  const { bytes, hashes } = await writeAll(createPlainWriter(anyBackend, { ...head, model: "tee-a" }), true);
  const deltas = chunksOf(bytes).flatMap((chunk) => chunk.choices.map((choice) => choice.delta));
  expect(deltas).toEqual([{ role: "assistant" }, { reasoning_content: "hm" }, { content: "Grüße" }, { content: " 🎭" }, {}]);
  expect(hashes).toEqual({ responseSha256: sha256Hex(anyBackend, bytes), envelopesSha256: sha256Hex(anyBackend, utf8("")) });
});
