import { createHash } from "node:crypto";
import { backend } from "@bauta/protocol/backend";
import { addressOf, bindTlsKey, canonicalJson, signText, toHex } from "../../../packages/protocol/src/index.ts";
import { type AnswerCase, type AnswerFamily, ENCLAVE_SECRET, MODEL, publicKeyOf, signStatement } from "../answer-case.ts";
import { NOW_MS } from "../platform-case.ts";
import { omit } from "../omit.ts";

const OTHER_SECRET = Buffer.alloc(32, 0x0c);
const otherKey = publicKeyOf(OTHER_SECRET);
const SPKI = createHash("sha256").update("a certificate's key").digest();
const tls = { nonce: { query: "c7".repeat(32), sealed: true, tls: { spkiSha256: SPKI } } };
const tlsForm = (spki: Uint8Array, secret = ENCLAVE_SECRET) => ({
  reportData: (asked: Uint8Array) => Buffer.concat([bindTlsKey(addressOf(publicKeyOf(secret)), spki), asked.subarray(32)]),
});
const requires = (...require: readonly string[]): Pick<AnswerCase, "policy"> => ({ policy: (policy) => ({ ...policy, require }) });
const member = (name: string, value: unknown): Pick<AnswerCase, "answer"> => ({ answer: (answer) => ({ ...answer, [name]: value }) });

const nonce: readonly AnswerCase[] = [
  { name: "an answer to this request" },
  {
    name: "a quote made for another request",
    fails: "nonce.bound",
    faults: { reportData: (asked) => Buffer.concat([asked.subarray(0, 32), Buffer.alloc(32, 7)]) },
  },
  {
    name: "a quote with one bit of the nonce flipped",
    fails: "nonce.bound",
    faults: { reportData: (asked) => Buffer.concat([asked.subarray(0, 63), Buffer.of((asked[63] ?? 0) ^ 1)]) },
  },
  { name: "a quote without a nonce", fails: "nonce.bound", faults: { reportData: (asked) => Buffer.concat([asked.subarray(0, 32)], 64) } },
  { name: "an answer that repeats another nonce", fails: "nonce.bound", ...member("nonce", "00".repeat(32)) },
  {
    name: "a request for another nonce",
    fails: "nonce.bound",
    keys: { nonce: "c8".repeat(32) },
    answer: (answer) => omit(answer, "nonce"),
    input: { nonce: { query: "c8".repeat(32), sealed: true } },
  },
];

const key: readonly AnswerCase[] = [
  { name: "an answer without a key", fails: "key.address-derived", ...member("signing_key", "") },
  { name: "a key of 64 hex digits", fails: "key.address-derived", ...member("signing_key", "ab".repeat(32)) },
  { name: "a key that is compressed", fails: "key.address-derived", ...member("signing_key", `02${"ab".repeat(32)}`) },
  { name: "a key that is no point of the curve", fails: "key.address-derived", ...member("signing_key", `04${"11".repeat(64)}`) },
  { name: "a key that is the point at infinity", fails: "key.address-derived", ...member("signing_key", `04${"00".repeat(64)}`) },
  {
    name: "a stated address that is another key's",
    fails: "key.address-derived",
    ...member("signing_address", `0x${toHex(addressOf(otherKey))}`),
  },
  { name: "an answer that states no address", ...member("signing_address", undefined) },
  {
    name: "another's key with its address",
    fails: "key.bound-to-report-data",
    answer: (answer) => ({ ...answer, signing_key: toHex(otherKey), signing_address: `0x${toHex(addressOf(otherKey))}` }),
  },
  {
    name: "a quote that binds another key",
    fails: "key.bound-to-report-data",
    faults: { reportData: (asked) => Buffer.concat([addressOf(otherKey), asked.subarray(20)]) },
  },
  {
    name: "a quote that binds more than an address",
    fails: "key.bound-to-report-data",
    faults: { reportData: (asked) => Buffer.concat([asked.subarray(0, 31), Buffer.of(1), asked.subarray(32)]) },
  },
  { name: "a quote that binds the connection's TLS key, as asked", faults: tlsForm(SPKI), input: tls },
  { name: "a quote that binds a TLS key that nobody asked for", fails: "key.bound-to-report-data", faults: tlsForm(SPKI) },
  {
    name: "a quote that binds another connection's TLS key",
    fails: "key.bound-to-report-data",
    faults: tlsForm(Buffer.alloc(32, 1)),
    input: tls,
  },
  {
    name: "a quote that binds another key with the TLS key",
    fails: "key.bound-to-report-data",
    faults: tlsForm(SPKI, OTHER_SECRET),
    input: tls,
  },
  { name: "a quote that binds no TLS key, where one was asked for", fails: "key.bound-to-report-data", input: tls },
];

/** Signs any members under any tag. */
const signed = (secret: Uint8Array, tag: string, rewrite: (members: Record<string, unknown>) => object): Pick<AnswerCase, "answer"> => ({
  answer: (answer) => {
    const keys = canonicalJson(rewrite(JSON.parse(signStatement(ENCLAVE_SECRET).keys) as Record<string, unknown>));
    return { ...answer, keys, keys_signature: signText(backend, secret, `${tag}\n${keys}`) };
  },
});

const statement: readonly AnswerCase[] = [
  { name: "an answer without a keys statement", keys: null },
  { name: "a keys statement for another request", fails: "keys.signed", keys: { nonce: "00".repeat(32) } },
  { name: "a keys statement about another model", fails: "keys.signed", keys: { model: "e2ee-cheaper" } },
  { name: "a keys statement in its last second", keys: { not_after: NOW_MS / 1000 } },
  { name: "a keys statement a second after its end", fails: "keys.signed", keys: { not_after: NOW_MS / 1000 - 1 } },
  {
    name: "a keys statement signed by another key",
    fails: "keys.signed",
    answer: (answer) => ({ ...answer, ...signStatement(OTHER_SECRET) }),
  },
  {
    name: "a keys statement signed as a receipt",
    fails: "keys.signed",
    ...signed(ENCLAVE_SECRET, "bauta/receipt/1", (members) => members),
  },
  { name: "a keys statement signed without a tag", fails: "keys.signed", ...signed(ENCLAVE_SECRET, "", (members) => members) },
  {
    name: "a keys statement without a model",
    fails: "keys.signed",
    ...signed(ENCLAVE_SECRET, "bauta/keys/1", (members) => omit(members, "model")),
  },
  {
    name: "a keys statement with a member too many",
    fails: "keys.signed",
    ...signed(ENCLAVE_SECRET, "bauta/keys/1", (members) => ({ ...members, more: 1 })),
  },
  {
    name: "a keys statement of an unknown key origin",
    fails: "keys.signed",
    ...signed(ENCLAVE_SECRET, "bauta/keys/1", (members) => ({ ...members, key_origin: "told" })),
  },
  {
    name: "a keys statement in which the model was exchanged",
    fails: "keys.signed",
    answer: (answer) => ({ ...answer, keys: signStatement(ENCLAVE_SECRET, { weights: null }).keys }),
  },
  {
    name: "a keys statement written with white space",
    fails: "keys.signed",
    answer: (answer) => ({ ...answer, keys: JSON.stringify(JSON.parse(signStatement(ENCLAVE_SECRET).keys), null, 1) }),
  },
  { name: "a keys statement without its signature", fails: "keys.signed", ...member("keys_signature", undefined) },
  { name: "a signature without its keys statement", fails: "keys.signed", ...member("keys", undefined) },
  {
    name: "a keys statement's signature cut short",
    fails: "keys.signed",
    answer: (answer) => ({ ...answer, keys_signature: String(answer["keys_signature"]).slice(0, -2) }),
  },
  { name: "no keys statement, where the policy requires one", unmet: "keys.signed", keys: null, ...requires("keys.signed") },
  { name: "a key that was made at boot, where the policy requires it", ...requires("key.exclusive", "keys.signed", "weights.named") },
  { name: "a key that a key service derives", keys: { key_origin: "kms" } },
  {
    name: "a key that a key service derives, where the policy requires an exclusive one",
    unmet: "key.exclusive",
    keys: { key_origin: "kms" },
    ...requires("key.exclusive"),
  },
  {
    name: "weights that nobody names, where the policy requires them",
    unmet: "weights.named",
    keys: { weights: null },
    ...requires("weights.named"),
  },
  {
    name: "weights that are an empty list, where the policy requires them",
    unmet: "weights.named",
    keys: { weights: [] },
    ...requires("weights.named"),
  },
  {
    name: "a keys statement about no model in particular, where none was asked for",
    keys: { model: "anything" },
    input: { model: undefined },
  },
  { name: "a keys statement about the model asked for", keys: { model: MODEL } },
];

export const answerBindingCases: AnswerFamily = { family: "binding", cases: [...nonce, ...key, ...statement] };
