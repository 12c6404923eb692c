import { describe, expect, it } from "vitest";
import { anyBackend, backends, flipBit } from "../../../tests/support/backends.ts";
import type { CryptoBackend } from "./backend.ts";
import { concatBytes } from "./bytes.ts";
import { createEnvelopeSealer, deriveEnvelopeKey } from "./envelope.ts";
import { createPlainChunkOpener, createSealedChunkOpener } from "./open-response.ts";
import { RefusalError } from "./refusals.ts";
import { sealRequest } from "./seal-request.ts";
import { createTranscript } from "./transcript.ts";

const SECRET = "canary-91bd";
const model = anyBackend.createKeyPair();
const client = anyBackend.createKeyPair();
const enclave = anyBackend.createKeyPair();
const hex = (bytes: Uint8Array) => anyBackend.toHex(bytes);

async function sealFrom(secretKey: Uint8Array, publicKey: Uint8Array, recipient: Uint8Array, text: string): Promise<string> {
  const aead = await deriveEnvelopeKey(anyBackend, secretKey, recipient);
  if (!aead) throw new Error("fresh keys are valid");
  return (await createEnvelopeSealer(anyBackend, aead, publicKey).seal(text)).hex;
}

const envelope = await sealFrom(enclave.secretKey, enclave.publicKey, client.publicKey, SECRET);
const own = await sealFrom(client.secretKey, client.publicKey, model.publicKey, SECRET);

/** The point with the same x on the other side: p − y. */
function negated(publicKey: Uint8Array): string {
  const p = 2n ** 256n - 2n ** 32n - 977n;
  const y = BigInt(`0x${hex(publicKey.subarray(33))}`);
  return hex(publicKey.subarray(0, 33)) + (p - y).toString(16).padStart(64, "0");
}

const head = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "e2ee-a" };
const choice = (members: object) => ({ ...head, choices: [{ index: 0, delta: {}, finish_reason: null, ...members }] });
const delta = (members: object) => choice({ delta: members });

function createOpener(backend: CryptoBackend = anyBackend) {
  return createSealedChunkOpener(backend, client, model.publicKey, createTranscript(backend));
}
const open = async (chunk: unknown) => createOpener().open(typeof chunk === "string" ? chunk : JSON.stringify(chunk));

async function expectRefusal(chunk: unknown, code: string, field?: string): Promise<void> {
  const refused = await open(chunk).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(refused).toBeInstanceOf(RefusalError);
  expect(refused).toMatchObject({ code, field });
  expect(String(refused)).not.toContain(SECRET);
}

const CONTENT = "choices[0].delta.content";
const REASONING = "choices[0].delta.reasoning_content";

it.each(backends.map((backend) => [backend.name, backend] as const))(
  "%s: opens content, reasoning, finish reason and usage",
  async (_name, backend) => {
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
    const chunk = {
      ...choice({ delta: { role: "assistant", content: envelope, reasoning_content: envelope }, finish_reason: "length" }),
      usage: { ...usage, cached: 1 },
    };
    expect(await createOpener(backend).open(JSON.stringify(chunk))).toEqual({
      id: head.id,
      content: SECRET,
      reasoning: SECRET,
      finishReason: "length",
      usage,
      error: undefined,
    });
  },
);

describe("a sealed answer never holds", () => {
  it.each([
    ["plaintext", "hello", "plaintext_received"],
    ["a space", " ", "plaintext_received"],
    ["hex that is too short", envelope.slice(0, 184), "plaintext_received"],
    ["odd hex", `${envelope}0`, "plaintext_received"],
    ["text behind an envelope", `${envelope} hello`, "plaintext_received"],
    ["a number", 42, "plaintext_received"],
    ["true", true, "plaintext_received"],
    ["an object", { text: "hello" }, "plaintext_received"],
    ["parts", [{ type: "text", text: "hello" }], "plaintext_received"],
    ["the client's own envelope", own, "envelope_reflected"],
    ["the client's own, from its negated key", negated(client.publicKey) + own.slice(130), "envelope_reflected"],
    ["the client's own, from the model key, which opens", hex(model.publicKey) + own.slice(130), "envelope_reflected"],
    ["the client's own, from the negated model key, which opens", negated(model.publicKey) + own.slice(130), "envelope_reflected"],
    ["the client's own, from the model key in upper case", hex(model.publicKey).toUpperCase() + own.slice(130), "envelope_reflected"],
    ["the client's own, from a hybrid model key", `06${hex(model.publicKey).slice(2)}${own.slice(130)}`, "envelope_reflected"],
    ["an envelope from a point off the curve", hex(flipBit(enclave.publicKey, 519)) + envelope.slice(130), "envelope_not_opened"],
    ["an envelope from a hybrid key", `07${envelope.slice(2)}`, "envelope_not_opened"],
    ["one bit flipped", `${envelope.slice(0, -1)}${envelope.endsWith("0") ? "1" : "0"}`, "envelope_not_opened"],
    ["an envelope cut short", envelope.slice(0, -2), "envelope_not_opened"],
  ])("%s", async (_why, value, code) => {
    await expectRefusal(delta({ content: value }), code, CONTENT);
    await expectRefusal(delta({ reasoning_content: value }), code, REASONING);
    await expectRefusal(delta({ content: envelope, reasoning_content: value }), code, REASONING);
    await expectRefusal(delta({ content: value, reasoning_content: envelope }), code, CONTENT);
  });

  it("an envelope that answers another request of the same client", async () => {
    const other = await sealRequest(
      { model: "e2ee-a", messages: [{ role: "user", content: "hi" }] },
      { backend: anyBackend, modelKey: model.publicKey },
    );
    await expectRefusal(
      delta({ content: await sealFrom(enclave.secretKey, enclave.publicKey, other.clientKey.publicKey, SECRET) }),
      "envelope_not_opened",
      CONTENT,
    );
  });

  it.each([
    ["logprobs", choice({ delta: { content: envelope }, logprobs: { content: [{ token: SECRET }] } }), "choices[0].logprobs"],
    ["a message", choice({ message: { content: SECRET } }), "choices[0].message"],
    ["text", choice({ text: SECRET }), "choices[0].text"],
    ["token ids", choice({ token_ids: [1, 2] }), "choices[0].token_ids"],
    ["a stop reason", choice({ finish_reason: "stop", stop_reason: SECRET }), "choices[0].stop_reason"],
    ["tool calls", delta({ tool_calls: [{ function: { arguments: SECRET } }] }), "choices[0].delta.tool_calls"],
    ["a refusal", delta({ refusal: SECRET }), "choices[0].delta.refusal"],
    ["details of the reasoning", delta({ reasoning_details: [{ text: SECRET }] }), "choices[0].delta.reasoning_details"],
    ["numbers that spell a text", delta({ token_ids: [1, 2] }), "choices[0].delta.token_ids"],
    ["numbers in a list of objects", choice({ logprobs: { content: [{ token_id: 7 }] } }), "choices[0].logprobs"],
    ["text nested deeper than anything is", choice({ extra: [[[[[[[[[[]]]]]]]]]] }), "choices[0].extra"],
    ["text in a nested member's name", choice({ extra: { [SECRET]: 1 } }), "choices[0].extra"],
    ["a member whose name is the message", delta({ [SECRET]: 1 }), "choices[0].delta"],
    ["text as role", delta({ role: SECRET }), "choices[0].delta.role"],
    ["the user's role", delta({ role: "user", content: envelope }), "choices[0].delta.role"],
    ["text as finish reason", choice({ finish_reason: SECRET }), "choices[0].finish_reason"],
    ["an object as finish reason", choice({ finish_reason: { text: SECRET } }), "choices[0].finish_reason"],
    ["a tool call as finish reason", choice({ finish_reason: "tool_calls" }), "choices[0].finish_reason"],
  ])("%s → unexpected_member", async (_why, chunk, field) => {
    await expectRefusal(chunk, "unexpected_member", field);
  });

  it.each([
    ["no JSON", SECRET, undefined],
    ["JSON cut short", JSON.stringify(delta({ content: envelope })).slice(0, -1), undefined],
    ["two values", `${JSON.stringify(head)} ${JSON.stringify(head)}`, undefined],
    ["a list of text", '["hi"]', undefined],
    ["a list of numbers", "[1, 2]", undefined],
    ["text", '"hi"', undefined],
    ["100,000 brackets", "[".repeat(100_000), undefined],
    ["text in an event without choices", { ...head, text: SECRET }, "event.text"],
    ["a delta in an event without choices", { ...head, choices: null, delta: { content: "hi" } }, "event.delta"],
    ["an event whose member's name is the message", { ...head, [SECRET]: 1 }, "event"],
    ["choices that are no list", { ...head, choices: { 0: {} } }, "choices"],
    ["two choices", { ...head, choices: [choice({}).choices[0], { index: 1, delta: { content: SECRET } }] }, "choices"],
    ["the same choice twice", { ...head, choices: [choice({}).choices[0], choice({}).choices[0]] }, "choices"],
    ["another choice", { ...head, choices: [{ index: 1, delta: { content: envelope } }] }, "choices[0]"],
    ["an index in words", { ...head, choices: [{ index: "0", delta: { content: envelope } }] }, "choices[0]"],
    ["a choice that is text", { ...head, choices: [SECRET] }, "choices[0]"],
    ["a delta that is text", choice({ delta: SECRET }), "choices[0].delta"],
    ["a delta that is a list", choice({ delta: [SECRET] }), "choices[0].delta"],
  ])("%s → malformed_answer", async (_why, chunk, field) => {
    await expectRefusal(chunk, "malformed_answer", field);
  });
});

describe("what is let be", () => {
  it.each([
    ["no choices but an empty list", { ...head, choices: [] }],
    [
      "empty members, as servers write them",
      choice({ delta: { role: "assistant", content: "", reasoning_content: null, tool_calls: [], refusal: null }, logprobs: null }),
    ],
    ["no delta", choice({ delta: null })],
    ["no choices", head],
    ["choices that are null", { ...head, choices: null }],
    ["a choice that is null", { ...head, choices: [null] }],
    ["a sign of life", { type: "ping" }],
    ["an event with nothing in it", {}],
    ["nothing", " "],
    ["null", "null"],
    ["an empty list", "[]"],
    ["an empty finish reason and role", choice({ delta: { role: "" }, finish_reason: "" })],
    [
      "a token's number, counts and switches",
      choice({ matched_stop: 151645, delta: { stats: { cached: true, tokens: 5 }, parts: [{}, null] } }),
    ],
    ["no error", { ...choice({ error: false }), error: "" }],
    ["members beside the choices, which nobody is shown", { ...choice({}), system_fingerprint: "fp", service_tier: "x" }],
    ["usage that is none", { ...head, choices: [], usage: { prompt_tokens: "many" } }],
    ["an id that is too long to keep", { ...head, id: "x".repeat(257), choices: [] }],
  ])("%s", async (_why, chunk) => {
    expect(await open(chunk)).toMatchObject({ content: "", reasoning: "", finishReason: undefined, usage: undefined, error: undefined });
  });

  it("a server's error, shortened to code and message, whatever else the chunk says", async () => {
    const chunk = { ...delta({ content: "plaintext" }), error: { code: "engine_failed", message: "m", stack: SECRET, param: null } };
    expect(await open(chunk)).toEqual({
      id: undefined,
      content: "",
      reasoning: "",
      finishReason: undefined,
      usage: undefined,
      error: { code: "engine_failed", message: "m" },
    });
    expect((await open({ error: { code: 5, message: "m".repeat(3000) } })).error).toEqual({ code: "5", message: "m".repeat(1024) });
  });
});

it.each([
  ["a text", { error: "it failed" }, { code: undefined, message: "it failed" }],
  ["a text beside a code", { error: "it failed", code: "oom" }, { code: "oom", message: "it failed" }],
  ["a number", { error: 500 }, { code: undefined, message: "500" }],
  ["true", { error: true, message: "it failed" }, { code: undefined, message: "it failed" }],
  ["a list", { error: ["it failed"] }, { code: undefined, message: undefined }],
  ["an empty object", { error: {} }, { code: undefined, message: undefined }],
  ["a kind and no code", { error: { type: "overloaded", message: "it failed" } }, { code: "overloaded", message: "it failed" }],
  ["an error within", { error: { error: "it failed" } }, { code: undefined, message: "it failed" }],
  ["of the choice", choice({ error: { code: 502, message: "it failed" } }), { code: "502", message: "it failed" }],
  ["the event itself, by its object", { object: "error", message: "it failed", code: 400 }, { code: "400", message: "it failed" }],
  ["the event itself, by its type", { type: "error", message: "it failed" }, { code: "error", message: "it failed" }],
  ["a framework's detail", { detail: "it failed" }, { code: undefined, message: "it failed" }],
])("a server's error may be %s", async (_why, event, error) => {
  expect((await open(event)).error).toEqual(error);
});

it("an event that the stream names an error is one, whatever stands in it", async () => {
  for (const data of ['{"message":"it failed"}', "it failed", "[]"]) {
    expect((await createOpener().open(data, "error")).error).toBeDefined();
  }
  expect((await createOpener().open("it failed", "error")).error).toEqual({ code: undefined, message: "it failed" });
});

describe("reasoning under its newer name", () => {
  it("is opened, once where both names bring it", async () => {
    expect(await open(delta({ reasoning: envelope }))).toMatchObject({ reasoning: SECRET, content: "" });
    expect(await open(delta({ reasoning: envelope, reasoning_content: envelope }))).toMatchObject({ reasoning: SECRET });
    const again = await sealFrom(enclave.secretKey, enclave.publicKey, client.publicKey, SECRET);
    expect(await open(delta({ reasoning: again, reasoning_content: envelope }))).toMatchObject({ reasoning: SECRET });
  });

  it("is refused in plaintext, beside other reasoning, and reflected", async () => {
    await expectRefusal(delta({ reasoning: SECRET }), "plaintext_received", "choices[0].delta.reasoning");
    await expectRefusal(delta({ reasoning: SECRET, reasoning_content: envelope }), "plaintext_received", REASONING);
    await expectRefusal(delta({ reasoning: own }), "envelope_reflected", "choices[0].delta.reasoning");
    const other = await sealFrom(enclave.secretKey, enclave.publicKey, client.publicKey, `${SECRET}.`);
    await expectRefusal(delta({ reasoning: other, reasoning_content: envelope }), "malformed_answer", REASONING);
  });
});

it("a plain answer's finish reason is a short word or refused", async () => {
  const plain = createPlainChunkOpener();
  expect((await plain.open(JSON.stringify(choice({ delta: {}, finish_reason: "tool_calls" })))).finishReason).toBe("tool_calls");
  for (const finish_reason of [{ text: "x" }, "Two words", "x".repeat(33), 7]) {
    await expect(plain.open(JSON.stringify(choice({ delta: {}, finish_reason })))).rejects.toMatchObject({ code: "malformed_answer" });
  }
});

it("the transcript takes each envelope once, after it has opened, reasoning first", async () => {
  const taken: string[] = [];
  const transcript = {
    ...createTranscript(anyBackend),
    addEnvelope: (number: number, field: string, bytes: Uint8Array) => void taken.push(`${number} ${field} ${hex(bytes) === envelope}`),
  };
  const opener = createSealedChunkOpener(anyBackend, client, model.publicKey, transcript);
  await opener.open(JSON.stringify(delta({ content: envelope, reasoning_content: envelope })));
  await expect(opener.open(JSON.stringify(delta({ content: envelope.slice(0, -2) })))).rejects.toThrow(RefusalError);
  expect(taken).toEqual(["0 reasoning_content true", "0 content true"]);
});

it("an envelope hash pins choice, field, length and order", () => {
  const digest = (...entries: [number, "content" | "reasoning_content", Uint8Array][]) => {
    const transcript = createTranscript(anyBackend);
    for (const entry of entries) transcript.addEnvelope(...entry);
    return transcript.digest().envelopesSha256;
  };
  const [a, b] = [Uint8Array.of(1), Uint8Array.of(2)];
  const digests = [
    digest([0, "content", a], [0, "content", b]),
    digest([0, "content", b], [0, "content", a]),
    digest([0, "reasoning_content", a], [0, "content", b]),
    digest([1, "content", a], [0, "content", b]),
    digest([0, "content", concatBytes(a, b)]),
    digest([0, "content", a]),
    digest(),
  ];
  expect(new Set(digests).size).toBe(digests.length);
});

it("plain chunks: text as it is, and only text", async () => {
  const opener = createPlainChunkOpener();
  expect(await opener.open(JSON.stringify(delta({ content: "hi", reasoning_content: "hm", tool_calls: [{}] })))).toMatchObject({
    content: "hi",
    reasoning: "hm",
  });
  await expect(opener.open(JSON.stringify(delta({ content: { a: 1 } })))).rejects.toMatchObject({
    code: "malformed_answer",
    field: CONTENT,
  });
  expect(() => opener.end()).not.toThrow();
});
