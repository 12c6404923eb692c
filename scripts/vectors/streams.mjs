import {
  bytesOf,
  client,
  concatBytes,
  enclaveEphemeral,
  hex,
  keyPair,
  model,
  negated,
  receiptComment,
  seal,
  sha256,
  stranger,
  u32be,
  utf8,
} from "./primitives.mjs";

const head = { id: "chatcmpl-vector2", object: "chat.completion.chunk", created: 1_763_630_001, model: "e2ee-example" };
const data = (value) => `data: ${typeof value === "string" ? value : JSON.stringify(value)}\n\n`;
const chunk = (delta, finish = null) => data({ ...head, choices: [{ index: 0, delta, finish_reason: finish }] });
const DONE = data("[DONE]");

/** What `envelopes_sha256` covers of one envelope. */
const framed = (member, envelope) => concatBytes(u32be(0), Uint8Array.of(member === "content" ? 0 : 1), u32be(envelope.length), envelope);

export function streamVectors() {
  const prefix = bytesOf("response nonce prefix", 8);
  const reasoning = ["Let me", " think 🤔"];
  const content = ["Grüße", " aus", " Venedig 🎭", "!"];
  const usage = { prompt_tokens: 12, completion_tokens: 6, total_tokens: 18 };
  const envelopes = sha256.create();
  let counter = 0;
  const sealed = (member, text) => {
    const bytes = seal(enclaveEphemeral, client.public, concatBytes(prefix, u32be(counter++)), utf8(text));
    envelopes.update(framed(member, bytes));
    return chunk({ [member]: hex(bytes) });
  };
  const signedPart =
    chunk({ role: "assistant" }) +
    reasoning.map((text) => sealed("reasoning_content", text)).join("") +
    content.map((text) => sealed("content", text)).join("") +
    chunk({}, "stop") +
    data({ ...head, choices: [], usage }) +
    DONE;
  const receipt = {
    request_id: head.id,
    model: head.model,
    client_nonce: null,
    request_sha256: hex(bytesOf("request")),
    response_sha256: hex(sha256(utf8(signedPart))),
    envelopes_sha256: hex(envelopes.digest()),
    finish_reason: "stop",
    usage,
    weights: null,
    engine: { name: "example engine", image_digest: null },
    created: head.created,
  };

  // As other servers do it: a new key for each chunk, characters cut in two, comments and CRLF between, no receipt.
  const cut = utf8(" 🎭 ");
  const foreign = (i, part) => seal(keyPair(`foreign ${i}`), client.public, bytesOf(`foreign nonce ${i}`, 12), part);
  const foreignEnvelopes = [utf8("Ciao"), cut.slice(0, 3), cut.slice(3)].map((part, i) => foreign(i, part));
  const foreignChunks = foreignEnvelopes.map((envelope) => chunk({ role: "assistant", content: hex(envelope), reasoning_content: null }));
  const other = `: hello\r\n\r\n${foreignChunks.join(": ping\n\n")}${chunk({ content: "" }, "stop")}${DONE}`;

  const own = seal(client, model.public, bytesOf("reflected", 12), utf8("my own prompt"));
  const from = (sender) => hex(concatBytes(sender, own.slice(65)));
  const one = hex(foreign(9, utf8("hi")));
  const refused = [
    ["plaintext in content", "plaintext_received", chunk({ content: "hello" })],
    ["plaintext in reasoning_content", "plaintext_received", chunk({ reasoning_content: "hello" })],
    ["the client's own envelope reflected", "envelope_reflected", chunk({ content: from(client.public) })],
    ["reflected, with the model key as sender, which opens", "envelope_reflected", chunk({ content: from(model.public) })],
    [
      "reflected, with the model key negated as sender, which opens too",
      "envelope_reflected",
      chunk({ content: from(negated(model.public)) }),
    ],
    [
      "sealed to somebody else",
      "envelope_not_opened",
      chunk({ content: hex(seal(enclaveEphemeral, stranger.public, bytesOf("n3", 12), utf8("hi"))) }),
    ],
    [
      "log probabilities",
      "unexpected_member",
      data({ ...head, choices: [{ index: 0, delta: { content: one }, logprobs: { content: [{ token: "hi" }] }, finish_reason: null }] }),
    ],
    ["a member more in the delta", "unexpected_member", chunk({ content: one, refusal: "hi" })],
    ["text as finish reason", "unexpected_member", chunk({}, "the answer is 42")],
    ["text as role", "unexpected_member", chunk({ role: "the answer is 42" })],
    [
      "two choices",
      "malformed_answer",
      data({
        ...head,
        choices: [
          { index: 0, delta: {} },
          { index: 1, delta: {} },
        ],
      }),
    ],
    ["another choice than the first", "malformed_answer", data({ ...head, choices: [{ index: 1, delta: { content: one } }] })],
    ["content behind the finish reason", "malformed_answer", chunk({}, "stop") + chunk({ content: one })],
    ["not JSON", "malformed_answer", data("hello")],
  ];
  return {
    about: "Whole sealed answers as a client receives them (protocol.md, Sealed answers, Receipts).",
    fields: {
      keys: "`client_secret_key` opens the streams; `model_public_key` is the attested key; `ephemeral_secret_key` and `nonce_prefix` are what the enclave drew for `streams[0]`, so that a writer can reproduce its bytes.",
      streams:
        "`stream` is the HTTP content (its UTF-8 bytes). `content` and `reasoning` are what it says, `hashes` what a receipt must say of it (`response_sha256` ends with the first [DONE] event), `receipt` the receipt that came with it or null.",
      deltas: "What the enclave's engine yielded, in order, for `streams[0]`.",
      refused: "Reading `stream` must fail with the refusal `refusal`, however it is split.",
    },
    keys: {
      client_secret_key: hex(client.secret),
      client_public_key: hex(client.public),
      model_secret_key: hex(model.secret),
      model_public_key: hex(model.public),
      ephemeral_secret_key: hex(enclaveEphemeral.secret),
      nonce_prefix: hex(prefix),
    },
    streams: [
      {
        name: "one key for the answer, with reasoning, usage and receipt",
        head: { id: head.id, model: head.model, created: head.created },
        deltas: [...reasoning.map((text) => ({ reasoning: text })), ...content.map((text) => ({ content: text }))],
        stream: `${signedPart}: ${receiptComment(receipt)}\n\n`,
        content: content.join(""),
        reasoning: reasoning.join(""),
        finish_reason: "stop",
        usage,
        hashes: { response_sha256: receipt.response_sha256, envelopes_sha256: receipt.envelopes_sha256 },
        receipt,
      },
      {
        name: "a new key for each chunk, a character cut in two, comments, CRLF, no receipt",
        stream: other,
        content: "Ciao 🎭 ",
        reasoning: "",
        finish_reason: "stop",
        usage: null,
        hashes: {
          response_sha256: hex(sha256(utf8(other))),
          envelopes_sha256: hex(sha256(concatBytes(...foreignEnvelopes.map((one) => framed("content", one))))),
        },
        receipt: null,
      },
    ],
    refused: refused.map(([name, refusal, stream]) => ({ name, stream: chunk({ role: "assistant" }) + stream + DONE, refusal })),
  };
}
