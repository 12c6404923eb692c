#!/usr/bin/env node
// Writes a tiny llama-architecture GGUF with random weights, for tests: it loads like any model and babbles.
//
//   node scripts/make-tiny-gguf.mjs OUT [--seed N] [--endless] [--thinks]
//
// The text it generates is always valid UTF-8 and mixes ASCII, characters of 2, 3 and 4 bytes that are one token,
// and characters that only byte tokens spell (the euro sign in three tokens, an emoji in four).
// Format: GGUF version 3; tokenizer: SentencePiece-style ("llama") with byte fallback.
import { randomUUID } from "node:crypto";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const EMBEDDING = 64;
const FEED_FORWARD = 96;
const HEADS = 2;
const LAYERS = 2;
const CONTEXT = 8192;
const ALIGNMENT = 32;

/** Hidden dimensions that no layer writes to: the first is constant (a bias), the others make fixed token pairs. */
const BIAS = 0;
const FIRST_PAIR = 1;
const RESERVED = 8;

const TOKEN_TYPE = { normal: 1, unknown: 2, control: 3, userDefined: 4, byte: 6 };
const VALUE_TYPE = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 };

const WORDS =
  "▁the ▁a ▁of ▁to ▁and ▁in ▁is ▁that ▁it ▁was ▁for ▁on ▁as ▁with ▁mask ▁canal ▁bridge ▁water ▁light ▁night ▁city " +
  "▁boat ▁letter ▁secret ▁door ▁key ▁lion ▁glass ▁salt ▁silk ▁island ▁tide ▁stone ▁square ▁café ▁garçon ▁Übung " +
  "ing ed er ly tion ment ness able an en on re";
const WIDE = "é è ü ñ ß ø ç Ж я λ π ا א 中 文 字 日 本 語 한 글 ก € 🙂 🎭 🚤 🦁 👍";
/** Spelled by byte tokens only. */
const SPELLED = ["\u20bd", "\u{1f600}"];

const TEMPLATE =
  "{{ bos_token }}{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}{{ eos_token }}" +
  "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";
const THINKING_TEMPLATE =
  "{{ bos_token }}{% for message in messages %}<|{{ message['role'] }}|>{% if message['reasoning_content'] %}<think>" +
  "{{ message['reasoning_content'] }}</think>{% endif %}{{ message['content'] }}{{ eos_token }}" +
  "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";

/** mulberry32: the same seed gives the same file on every machine. */
function createRandom(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return (deviation) => deviation * Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** The vocabulary: text, kind, tokenizer score, how likely the token is (a logit) and which token must follow it. */
function createVocabulary({ endless, thinks }) {
  const tokens = [];
  const add = (text, type, likely, score = 0) => tokens.push({ text, type, likely, score, next: undefined });
  const never = -25;
  add("<unk>", TOKEN_TYPE.unknown, never);
  add("<s>", TOKEN_TYPE.control, never);
  add("</s>", TOKEN_TYPE.control, endless ? never : 4.5);
  const byteName = (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
  for (let byte = 0; byte < 256; byte++) add(byteName(byte), TOKEN_TYPE.byte, byte === 0x0a ? 0 : never);
  for (const role of ["system", "user", "assistant"]) add(`<|${role}|>`, TOKEN_TYPE.control, never);
  if (thinks) {
    add("<think>", TOKEN_TYPE.userDefined, never);
    add("</think>", TOKEN_TYPE.userDefined, 3.5);
  }
  const texts = new Set(["▁"]);
  for (let code = 0x21; code < 0x7f; code++) texts.add(String.fromCharCode(code));
  for (const text of WIDE.split(" ")) texts.add(text);
  for (const word of WORDS.split(" ")) texts.add(word);
  let rank = 0;
  for (const text of texts) {
    const oneCharacter = text.length === String.fromCodePoint(text.codePointAt(0)).length;
    const likely = !oneCharacter ? 2 : text.codePointAt(0) > 0x7f ? 1.5 : 0;
    add(text, TOKEN_TYPE.normal, likely, -++rank);
  }
  const find = (text) => tokens.find((token) => token.text === text);
  for (const character of SPELLED) {
    const bytes = [...new TextEncoder().encode(character)].map((byte) => find(byteName(byte)));
    bytes[0].likely = 3;
    for (let i = 0; i + 1 < bytes.length; i++) bytes[i].next = bytes[i + 1];
  }
  if (thinks) find("<|assistant|>").next = find("<think>");
  return tokens;
}

function createTensors(vocabulary, random) {
  const tensors = [];
  const add = (name, columns, rows, value) => {
    const data = new Float32Array(columns * rows);
    for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) data[row * columns + column] = value(row, column);
    tensors.push({ name, dimensions: rows === 1 ? [columns] : [columns, rows], data });
  };
  const pairs = vocabulary.filter((token) => token.next !== undefined);
  if (FIRST_PAIR + pairs.length > RESERVED) throw new Error(`${pairs.length} fixed pairs need more than ${RESERVED} reserved dimensions`);
  const biasValue = 8;
  // RMS norm leaves an ordinary token's bias dimension near this value.
  const normalisedBias = biasValue / Math.sqrt((biasValue ** 2 + EMBEDDING - RESERVED) / EMBEDDING);
  add("token_embd.weight", EMBEDDING, vocabulary.length, (row, column) => {
    if (column === BIAS) return biasValue;
    if (column < RESERVED) return vocabulary[row] === pairs[column - FIRST_PAIR] ? 40 : 0;
    return random(1);
  });
  add("output_norm.weight", EMBEDDING, 1, () => 1);
  add("output.weight", EMBEDDING, vocabulary.length, (row, column) => {
    if (column === BIAS) return vocabulary[row].likely / normalisedBias;
    if (column < RESERVED) return vocabulary[row] === pairs[column - FIRST_PAIR]?.next ? 12 : 0;
    return random(0.2);
  });
  // Layers leave the reserved dimensions as they are.
  const residual = (row) => (row < RESERVED ? 0 : random(0.15));
  for (let layer = 0; layer < LAYERS; layer++) {
    const name = (part) => `blk.${layer}.${part}.weight`;
    add(name("attn_norm"), EMBEDDING, 1, () => 1);
    add(name("attn_q"), EMBEDDING, EMBEDDING, () => random(0.15));
    add(name("attn_k"), EMBEDDING, EMBEDDING, () => random(0.15));
    add(name("attn_v"), EMBEDDING, EMBEDDING, () => random(0.15));
    add(name("attn_output"), EMBEDDING, EMBEDDING, residual);
    add(name("ffn_norm"), EMBEDDING, 1, () => 1);
    add(name("ffn_gate"), EMBEDDING, FEED_FORWARD, () => random(0.15));
    add(name("ffn_up"), EMBEDDING, FEED_FORWARD, () => random(0.15));
    add(name("ffn_down"), FEED_FORWARD, EMBEDDING, residual);
  }
  return tensors;
}

/** Little-endian writer for GGUF's header. */
function createWriter() {
  const parts = [];
  const write = (size, put) => {
    const bytes = Buffer.alloc(size);
    put(bytes);
    parts.push(bytes);
  };
  const writer = {
    u32: (value) => write(4, (b) => b.writeUInt32LE(value)),
    i32: (value) => write(4, (b) => b.writeInt32LE(value)),
    f32: (value) => write(4, (b) => b.writeFloatLE(value)),
    u64: (value) => write(8, (b) => b.writeBigUInt64LE(BigInt(value))),
    bool: (value) => write(1, (b) => b.writeUInt8(value ? 1 : 0)),
    string: (text) => {
      const bytes = Buffer.from(text, "utf8");
      writer.u64(bytes.length);
      parts.push(bytes);
    },
    value: (type, value) => {
      if (type === VALUE_TYPE.uint32) writer.u32(value);
      else if (type === VALUE_TYPE.int32) writer.i32(value);
      else if (type === VALUE_TYPE.float32) writer.f32(value);
      else if (type === VALUE_TYPE.bool) writer.bool(value);
      else writer.string(value);
    },
    join: () => Buffer.concat(parts),
  };
  return writer;
}

/** The bytes of the model. `endless` never ends an answer; `thinks` begins each with a `<think>` part. */
export function createTinyGguf({ seed = 1, endless = false, thinks = false } = {}) {
  const vocabulary = createVocabulary({ endless, thinks });
  const tensors = createTensors(vocabulary, createRandom(seed));
  const one = (key, type, value) => ({ key, type, value });
  const many = (key, type, values) => ({ key, type, values });
  const metadata = [
    one("general.architecture", VALUE_TYPE.string, "llama"),
    one("general.name", VALUE_TYPE.string, `tiny random model, seed ${seed}`),
    one("general.file_type", VALUE_TYPE.uint32, 0),
    one("general.alignment", VALUE_TYPE.uint32, ALIGNMENT),
    one("llama.context_length", VALUE_TYPE.uint32, CONTEXT),
    one("llama.embedding_length", VALUE_TYPE.uint32, EMBEDDING),
    one("llama.block_count", VALUE_TYPE.uint32, LAYERS),
    one("llama.feed_forward_length", VALUE_TYPE.uint32, FEED_FORWARD),
    one("llama.attention.head_count", VALUE_TYPE.uint32, HEADS),
    one("llama.attention.head_count_kv", VALUE_TYPE.uint32, HEADS),
    one("llama.attention.layer_norm_rms_epsilon", VALUE_TYPE.float32, 1e-5),
    one("llama.rope.dimension_count", VALUE_TYPE.uint32, EMBEDDING / HEADS),
    one("llama.vocab_size", VALUE_TYPE.uint32, vocabulary.length),
    one("tokenizer.ggml.model", VALUE_TYPE.string, "llama"),
    many(
      "tokenizer.ggml.tokens",
      VALUE_TYPE.string,
      vocabulary.map((token) => token.text),
    ),
    many(
      "tokenizer.ggml.scores",
      VALUE_TYPE.float32,
      vocabulary.map((token) => token.score),
    ),
    many(
      "tokenizer.ggml.token_type",
      VALUE_TYPE.int32,
      vocabulary.map((token) => token.type),
    ),
    one("tokenizer.ggml.unknown_token_id", VALUE_TYPE.uint32, 0),
    one("tokenizer.ggml.bos_token_id", VALUE_TYPE.uint32, 1),
    one("tokenizer.ggml.eos_token_id", VALUE_TYPE.uint32, 2),
    one("tokenizer.ggml.add_bos_token", VALUE_TYPE.bool, true),
    one("tokenizer.ggml.add_eos_token", VALUE_TYPE.bool, false),
    one("tokenizer.chat_template", VALUE_TYPE.string, thinks ? THINKING_TEMPLATE : TEMPLATE),
  ];
  const header = createWriter();
  header.u32(0x46554747); // "GGUF"
  header.u32(3);
  header.u64(tensors.length);
  header.u64(metadata.length);
  for (const { key, type, value, values } of metadata) {
    header.string(key);
    if (values === undefined) {
      header.u32(type);
      header.value(type, value);
    } else {
      header.u32(VALUE_TYPE.array);
      header.u32(type);
      header.u64(values.length);
      for (const item of values) header.value(type, item);
    }
  }
  const padding = (length) => (ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT;
  let offset = 0;
  for (const { name, dimensions, data } of tensors) {
    header.string(name);
    header.u32(dimensions.length);
    for (const dimension of dimensions) header.u64(dimension);
    header.u32(0); // F32
    header.u64(offset);
    offset += data.byteLength + padding(data.byteLength);
  }
  const head = header.join();
  const parts = [head, Buffer.alloc(padding(head.length))];
  for (const { data } of tensors) {
    parts.push(Buffer.from(data.buffer), Buffer.alloc(padding(data.byteLength)));
  }
  return Buffer.concat(parts);
}

/** Writes the model to `path`, whole or not at all, so that tests running at once may share one file. */
export function writeTinyGguf(path, options = {}) {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}`;
  writeFileSync(temporary, createTinyGguf(options));
  renameSync(temporary, path);
}

function main(args) {
  const options = {};
  let out;
  for (let i = 0; i < args.length; i++) {
    if (args[i] === "--seed") {
      const text = args[++i] ?? "";
      if (!/^\d{1,9}$/.test(text)) return fail(`--seed takes a number from 0 to 999999999, not "${text}"`);
      options.seed = Number(text);
    } else if (args[i] === "--endless") options.endless = true;
    else if (args[i] === "--thinks") options.thinks = true;
    else if (args[i].startsWith("-") || out !== undefined) return fail(`unexpected argument "${args[i]}"`);
    else out = args[i];
  }
  if (out === undefined) return fail("no output file given");
  writeTinyGguf(out, options);
  return 0;
}

function fail(reason) {
  process.stderr.write(`make-tiny-gguf: ${reason}\nusage: node scripts/make-tiny-gguf.mjs OUT [--seed N] [--endless] [--thinks]\n`);
  return 2;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = main(process.argv.slice(2));
}
