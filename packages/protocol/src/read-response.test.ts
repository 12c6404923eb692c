import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyBackend, backends } from "../../../tests/support/backends.ts";
import type { CryptoBackend } from "./backend.ts";
import { concatBytes, utf8 } from "./bytes.ts";
import { createEnvelopeSealer, deriveEnvelopeKey } from "./envelope.ts";
import { addressOf } from "./public-key.ts";
import { createPlainReader, createSealedReader, type ResponseReader } from "./read-response.ts";
import { parseReceiptComment, type Receipt, receiptComment, signReceipt, verifyReceipt } from "./receipt.ts";
import { RefusalError } from "./refusals.ts";
import { createPlainWriter, createSealedWriter } from "./seal-response.ts";
import { writeSseComment, writeSseData } from "./sse.ts";

const head = { id: "chatcmpl-1", model: "e2ee-a", created: 1_700_000_000 };
const usage = { prompt_tokens: 4, completion_tokens: 3, total_tokens: 7 };
const model = anyBackend.createKeyPair();
const client = anyBackend.createKeyPair();
const requestSha256 = "11".repeat(32);
const DONE = "data: [DONE]\n\n";

/** An answer as our enclave writes it, receipt included. */
async function answer(backend: CryptoBackend = anyBackend) {
  const writer = await createSealedWriter(backend, client.publicKey, head);
  const parts = [writer.start(), await writer.delta({ reasoning: "let me think" })];
  for (const content of ["Grüße", " aus", " Venedig 🎭"]) parts.push(await writer.delta({ content }));
  const { bytes, hashes } = writer.finish("stop", usage);
  const receipt: Receipt = {
    request_id: head.id,
    model: head.model,
    client_nonce: null,
    request_sha256: requestSha256,
    response_sha256: hashes.responseSha256,
    envelopes_sha256: hashes.envelopesSha256,
    finish_reason: "stop",
    usage,
    weights: null,
    engine: { name: "e", image_digest: null },
    created: 1_700_000_001,
  };
  const signed = signReceipt(backend, model.secretKey, receipt);
  return { parts, signedPart: concatBytes(...parts, bytes), bytes: concatBytes(...parts, bytes, writer.receipt(signed)), hashes, signed };
}

async function drain(reader: ResponseReader, pieces: Iterable<Uint8Array>) {
  let content = "";
  let reasoning = "";
  for (const piece of pieces) {
    for (const delta of await reader.push(piece)) {
      content += delta.content;
      reasoning += delta.reasoning;
    }
  }
  return { content, reasoning, end: reader.end() };
}

const sealedReader = (backend: CryptoBackend = anyBackend) => createSealedReader(backend, client, model.publicKey);
const read = async (stream: string | Uint8Array, backend?: CryptoBackend) =>
  drain(sealedReader(backend), [typeof stream === "string" ? utf8(stream) : stream]);

function* split(bytes: Uint8Array, step: number): Generator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += step) yield bytes.subarray(i, i + step);
}

describe.each(backends.map((backend) => [backend.name, backend] as const))("an honest answer, %s", (_name, backend) => {
  it("reads as written: text, end, hashes and receipt", async () => {
    const { bytes, hashes, signed } = await answer(backend);
    const { content, reasoning, end } = await read(bytes, backend);
    expect(content).toBe("Grüße aus Venedig 🎭");
    expect(reasoning).toBe("let me think");
    expect(end).toEqual({
      complete: true,
      requestId: head.id,
      finishReason: "stop",
      usage,
      error: undefined,
      hashes,
      receipt: { receipt: signed.receipt, signature: signed.receiptSignature },
    });
    const expected = { ...hashes, requestSha256, clientNonce: undefined, requestId: end.requestId, model: head.model };
    expect(verifyReceipt(backend, addressOf(model.publicKey), end.receipt?.receipt, end.receipt?.signature ?? "", expected)).toMatchObject({
      ok: true,
    });
  });

  it("reads the same when it arrives byte by byte, and says when nothing more is needed", async () => {
    const { bytes } = await answer(backend);
    const whole = await read(bytes, backend);
    const reader = sealedReader(backend);
    expect(await drain(reader, split(bytes, 1))).toEqual(whole);
    expect(reader.done).toBe(true);
  });

  it("interleaves with another answer, each with its own key", async () => {
    const other = backend.createKeyPair();
    const writer = await createSealedWriter(backend, other.publicKey, { ...head, id: "chatcmpl-2" });
    const theirs = concatBytes(await writer.delta({ content: "theirs" }), writer.finish("stop", undefined).bytes);
    const { bytes } = await answer(backend);
    const [one, two] = await Promise.all([
      drain(sealedReader(backend), split(bytes, 100)),
      drain(createSealedReader(backend, other, model.publicKey), split(theirs, 100)),
    ]);
    expect([one.content, two.content]).toEqual(["Grüße aus Venedig 🎭", "theirs"]);
    await expect(read(theirs, backend)).rejects.toMatchObject({ code: "envelope_not_opened" });
  });
});

it("split once at every byte, it reads the same", async () => {
  const { bytes } = await answer();
  const whole = await read(bytes);
  for (let cut = 0; cut <= bytes.length; cut++)
    expect(await drain(sealedReader(), [bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(whole);
});

describe("where an answer ends", () => {
  it("is done with its receipt, not before", async () => {
    const { bytes, signedPart } = await answer();
    const reader = sealedReader();
    await reader.push(signedPart);
    expect(reader.done).toBe(false);
    expect(reader.end()).toMatchObject({ complete: true, receipt: undefined });
    await reader.push(bytes.subarray(signedPart.length));
    expect(reader.done).toBe(true);
  });

  it("cut anywhere before the end of [DONE]: incomplete, without hashes", async () => {
    const { parts, signedPart } = await answer();
    for (let length = 0; length < signedPart.length; length += length < signedPart.length - 20 ? 97 : 1) {
      expect((await read(signedPart.subarray(0, length))).end).toMatchObject({ complete: false, hashes: undefined, receipt: undefined });
    }
    expect((await read(concatBytes(...parts))).end.complete).toBe(false);
  });

  it("[DONE] before a finish reason: incomplete", async () => {
    const { parts } = await answer();
    expect((await read(concatBytes(...parts, utf8(DONE)))).end).toMatchObject({ complete: false, finishReason: undefined });
    expect((await read(DONE)).end.complete).toBe(false);
  });

  it("a forged [DONE] with a forged finish: complete in form, but its hashes are not the receipt's", async () => {
    const { parts, signed } = await answer();
    const forged = concatBytes(
      ...parts.slice(0, 3),
      utf8(
        writeSseData(JSON.stringify({ ...head, choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })) +
          DONE +
          writeSseComment(receiptComment(signed)),
      ),
    );
    const { end } = await read(forged);
    expect(end.complete).toBe(true);
    const expected = { requestSha256, clientNonce: undefined, requestId: end.requestId, model: head.model, ...end.hashes } as Parameters<
      typeof verifyReceipt
    >[4];
    expect(
      verifyReceipt(anyBackend, addressOf(model.publicKey), end.receipt?.receipt, end.receipt?.signature ?? "", expected),
    ).toMatchObject({
      ok: false,
      reason: expect.stringContaining("response_sha256") as string,
    });
  });

  it("everything behind [DONE] but a receipt is ignored, and the first receipt counts", async () => {
    const { bytes, signedPart, signed, hashes } = await answer();
    const noise = utf8(
      `: hello\n\n${writeSseData(JSON.stringify({ choices: [{ index: 0, delta: { content: "plaintext" }, finish_reason: null }] }))}data: not json\n\n${DONE}`,
    );
    const { content, end } = await read(
      concatBytes(signedPart, noise, bytes.subarray(signedPart.length), utf8(": bauta-receipt e30 0x\n\n")),
    );
    expect(content).toBe("Grüße aus Venedig 🎭");
    expect(end).toMatchObject({ complete: true, hashes, receipt: { signature: signed.receiptSignature } });
  });

  it("a receipt before [DONE] is none", async () => {
    const { parts, signed } = await answer();
    const { end } = await read(concatBytes(utf8(writeSseComment(receiptComment(signed))), ...parts, utf8(DONE)));
    expect(end.receipt).toBeUndefined();
  });

  it("comments and blank lines of a relay change the hash, as they must, and not the text", async () => {
    const { bytes, hashes } = await answer();
    const { content, end } = await read(concatBytes(utf8(": keep-alive\n\n\n"), bytes));
    expect(content).toBe("Grüße aus Venedig 🎭");
    expect(end.hashes?.responseSha256).not.toBe(hashes.responseSha256);
    expect(end.hashes?.envelopesSha256).toBe(hashes.envelopesSha256);
  });

  it("an error event: a hint, and never complete", async () => {
    const { parts } = await answer();
    const event = writeSseData(
      JSON.stringify({
        error: { message: "The inference engine failed to answer", type: "server_error", code: "engine_failed", param: null },
      }),
    );
    const { content, end } = await read(concatBytes(...parts, utf8(event + DONE)));
    expect(content).toBe("Grüße aus Venedig 🎭");
    expect(end).toMatchObject({ complete: false, error: { code: "engine_failed", message: "The inference engine failed to answer" } });
    const { signedPart } = await answer();
    expect((await read(concatBytes(utf8(event), signedPart))).end).toMatchObject({ complete: false, error: { code: "engine_failed" } });
  });
});

describe("chunks that were moved about", () => {
  const eventsOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes).split(/(?<=\n\n)/);

  it.each([
    ["dropped", (events: string[]) => events.filter((_, i) => i !== 3)],
    ["repeated", (events: string[]) => events.flatMap((event, i) => (i === 3 ? [event, event] : [event]))],
    ["swapped", (events: string[]) => events.map((event, i) => (i === 2 ? (events[3] ?? "") : i === 3 ? (events[2] ?? "") : event))],
    ["moved from reasoning to content", (events: string[]) => events.map((event) => event.replace("reasoning_content", "content"))],
  ])("%s: both hashes differ from the receipt's", async (_how, change) => {
    const { bytes, hashes } = await answer();
    const { end } = await read(change(eventsOf(bytes)).join(""));
    expect(end.complete).toBe(true);
    expect(end.hashes?.responseSha256).not.toBe(hashes.responseSha256);
    expect(end.hashes?.envelopesSha256).not.toBe(hashes.envelopesSha256);
  });

  it("written anew with other spacing: only the hash of the bytes differs", async () => {
    const { bytes, hashes } = await answer();
    const { end } = await read(
      eventsOf(bytes)
        .map((event) => event.replaceAll('":', '": '))
        .join(""),
    );
    expect(end.hashes?.responseSha256).not.toBe(hashes.responseSha256);
    expect(end.hashes?.envelopesSha256).toBe(hashes.envelopesSha256);
  });
});

describe("characters across envelopes", () => {
  async function sealParts(parts: readonly Uint8Array[], field = "content") {
    const sender = anyBackend.createKeyPair();
    const aead = await deriveEnvelopeKey(anyBackend, sender.secretKey, client.publicKey);
    const chunks = [];
    for (const [i, part] of parts.entries()) {
      const sealed = await aead?.seal(sender.publicKey, concatBytes(new Uint8Array(11), Uint8Array.of(i)), part);
      chunks.push(
        writeSseData(
          JSON.stringify({ ...head, choices: [{ index: 0, delta: { [field]: sealed && anyBackend.toHex(sealed) }, finish_reason: null }] }),
        ),
      );
    }
    return chunks.join("");
  }

  it("cut at any byte, in one or in both fields, they are put together", async () => {
    const text = "é世🎭\ufeff!";
    const bytes = utf8(text);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const parts = [bytes.slice(0, cut), bytes.slice(cut)];
      expect((await read(await sealParts(parts))).content).toBe(text);
      expect((await read(await sealParts(parts, "reasoning_content"))).reasoning).toBe(text);
    }
    const alternating = (
      await Promise.all([
        sealParts([bytes.slice(0, 1)]),
        sealParts([bytes.slice(0, 3)], "reasoning_content"),
        sealParts([bytes.slice(1)]),
        sealParts([bytes.slice(3)], "reasoning_content"),
      ])
    ).join("");
    expect(await read(alternating)).toMatchObject({ content: text, reasoning: text });
  });

  it("cut at the end of the answer, or not UTF-8 at all: refused", async () => {
    await expect(read(await sealParts([utf8("🎭").slice(0, 3)]))).rejects.toMatchObject({ code: "envelope_not_opened" });
    await expect(read(await sealParts([utf8("🎭").slice(0, 3)], "reasoning_content"))).rejects.toMatchObject({
      code: "envelope_not_opened",
    });
    await expect(read(await sealParts([Uint8Array.of(0xff)]))).rejects.toMatchObject({ code: "envelope_not_opened" });
    await expect(read(await sealParts([utf8("🎭").slice(0, 3), utf8("x")]))).rejects.toMatchObject({ code: "envelope_not_opened" });
  });
});

describe("anything at all", () => {
  it("a stream that is none: refused without its content", async () => {
    await expect(read(concatBytes(utf8("data: "), Uint8Array.of(0xff), utf8("\n\n")))).rejects.toMatchObject({ code: "malformed_answer" });
    await expect(read(`data: ${"x".repeat(1024 * 1024)}`)).rejects.toMatchObject({ code: "malformed_answer" });
  });

  it("property: any bytes, and any JSON as an event, are read or refused with a RefusalError", async () => {
    const sealed = (
      await createEnvelopeSealer(
        anyBackend,
        (await deriveEnvelopeKey(anyBackend, model.secretKey, client.publicKey)) as NonNullable<
          Awaited<ReturnType<typeof deriveEnvelopeKey>>
        >,
        model.publicKey,
      ).seal("x")
    ).hex;
    const member = fc.constantFrom(
      "id",
      "choices",
      "usage",
      "error",
      "index",
      "delta",
      "finish_reason",
      "role",
      "content",
      "reasoning_content",
      "logprobs",
      "__proto__",
      "message",
      "code",
    );
    const leaf = fc.oneof(fc.constantFrom(null, 0, 1, "", "stop", "assistant", sealed, [], {}), fc.string());
    const { json } = fc.letrec<{ json: unknown }>((tie) => ({
      json: fc.oneof(
        { depthSize: "small" },
        leaf,
        fc.array(tie("json"), { maxLength: 2 }),
        fc.array(fc.tuple(member, tie("json")), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
      ),
    }));
    const chunk = fc.oneof(
      json,
      json.map((delta) => ({ ...head, choices: [{ index: 0, delta, finish_reason: null }] })),
      json.map((choice) => ({ ...head, choices: [choice] })),
    );
    const stream = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc
        .array(chunk, { maxLength: 4 })
        .map((chunks) => utf8(chunks.map((one) => writeSseData(JSON.stringify(one) ?? "null")).join("") + DONE)),
    );
    await fc.assert(
      fc.asyncProperty(stream, async (bytes) => {
        for (const reader of [sealedReader(), createPlainReader(anyBackend)]) {
          await drain(reader, [bytes]).catch((error: unknown) => {
            if (!(error instanceof RefusalError)) throw error;
          });
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("createPlainReader", () => {
  it("reads a plain answer, with members that a sealed one may not have, and hashes it", async () => {
    const writer = createPlainWriter(anyBackend, { ...head, model: "tee-a" });
    const parts = [writer.start(), await writer.delta({ content: "hi", reasoning: "hm" }), utf8("")];
    const { bytes, hashes } = writer.finish("length", usage);
    const { content, reasoning, end } = await drain(createPlainReader(anyBackend), split(concatBytes(...parts, bytes), 5));
    expect({ content, reasoning }).toEqual({ content: "hi", reasoning: "hm" });
    expect(end).toMatchObject({ complete: true, finishReason: "length", usage, hashes });
    const extra = writeSseData(
      JSON.stringify({ ...head, choices: [{ index: 0, delta: { content: "hi", extra: 1 }, logprobs: {}, finish_reason: null }] }),
    );
    expect((await drain(createPlainReader(anyBackend), [utf8(extra)])).content).toBe("hi");
    await expect(drain(createPlainReader(anyBackend), [utf8(extra.replace('"hi"', "5"))])).rejects.toMatchObject({
      code: "malformed_answer",
    });
  });
});

it("a receipt's comment parses back from the stream", async () => {
  const { signed } = await answer();
  expect(parseReceiptComment(receiptComment(signed))).toEqual({ receipt: signed.receipt, signature: signed.receiptSignature });
});
