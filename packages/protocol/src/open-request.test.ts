import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyBackend, backends } from "../../../tests/support/backends.ts";
import type { CryptoBackend, KeyPair } from "./backend.ts";
import { createEnvelopeSealer, deriveEnvelopeKey } from "./envelope.ts";
import { WIRE_ERRORS, WireError, type WireErrorCode } from "./errors.ts";
import { HEADERS } from "./headers.ts";
import { LIMITS } from "./limits.ts";
import { hasSealedHeaders, openRequest, parsePlainRequest, type RequestHeaders } from "./open-request.ts";

const model = anyBackend.createKeyPair();
const client = anyBackend.createKeyPair();
const hex = (bytes: Uint8Array) => anyBackend.toHex(bytes);
const offCurve = `${hex(client.publicKey).slice(0, -2)}${client.publicKey[64] === 0 ? "01" : "00"}`;

const HEADER_NAMES = [HEADERS.clientPublicKey, HEADERS.modelPublicKey, HEADERS.signingAlgorithm] as const;
const headers: Record<string, string> = {
  [HEADERS.clientPublicKey]: hex(client.publicKey),
  [HEADERS.modelPublicKey]: hex(model.publicKey),
  [HEADERS.signingAlgorithm]: "ecdsa",
};

async function sealWith(backend: CryptoBackend, sender: KeyPair, text: string): Promise<string> {
  const aead = await deriveEnvelopeKey(backend, sender.secretKey, model.publicKey);
  if (!aead) throw new Error("fresh keys are valid");
  return (await createEnvelopeSealer(backend, aead, sender.publicKey).seal(text)).hex;
}
const seal = async (text: string) => sealWith(anyBackend, client, text);

const sealedHello = await seal("hello");
const user = { role: "user", content: sealedHello };
const body = (members: object = {}) => ({ model: "e2ee-a", stream: true, messages: [user], ...members });
const open = async (request: unknown, with_: RequestHeaders = headers, strict = false) =>
  openRequest(request, with_, { backend: anyBackend, modelKey: model, strict });

/** Both ways in that take a body. */
async function refusalOf(attempt: () => unknown): Promise<WireError> {
  try {
    await attempt();
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

async function expectRefusal(attempt: () => unknown, code: WireErrorCode, param: string | null): Promise<void> {
  const error = await refusalOf(attempt);
  expect({ code: error.code, param: error.param, status: error.status, message: error.message }).toEqual({
    code,
    param,
    status: WIRE_ERRORS[code].status,
    message: WIRE_ERRORS[code].message,
  });
}

describe("openRequest", () => {
  it.each(backends.map((backend) => [backend.name, backend] as const))(
    "%s: opens every role and keeps order and text",
    async (_name, backend) => {
      const texts = { system: "be brief", developer: "no emoji 🎭", user: "Grüße", assistant: "\ufeffhi", tool: "" };
      const messages = [];
      for (const [role, text] of Object.entries(texts)) messages.push({ role, content: await sealWith(backend, client, text) });
      const { request, clientKey } = await openRequest(body({ messages }), headers, { backend, modelKey: model, strict: true });
      expect(request.messages).toEqual(Object.entries(texts).map(([role, content]) => ({ role, content })));
      expect(hex(clientKey)).toBe(headers[HEADERS.clientPublicKey]);
      expect(request).toMatchObject({ model: "e2ee-a", stream: true, includeUsage: false, omitReasoning: false, sampling: {} });
    },
  );

  it("takes envelopes from several senders, as the page's clients make them", async () => {
    const messages = [];
    for (const text of ["one", "two", "three"])
      messages.push({ role: "user", content: await sealWith(anyBackend, anyBackend.createKeyPair(), text) });
    expect((await open(body({ messages }))).request.messages.map((message) => message.content)).toEqual(["one", "two", "three"]);
  });

  it("takes the model key with 128 digits, with 0x, and in upper case", async () => {
    const key = hex(model.publicKey);
    for (const form of [key.slice(2), `0x${key}`, `0x${key.slice(2)}`, key.toUpperCase()]) {
      await expect(open(body(), { ...headers, [HEADERS.modelPublicKey]: form })).resolves.toBeDefined();
    }
  });

  it("builds the request: what is not known is dropped", async () => {
    const { request } = await open(
      body({
        max_tokens: 10,
        max_completion_tokens: 20,
        temperature: 0.5,
        top_p: 0.9,
        top_k: 40,
        min_p: 0.1,
        presence_penalty: 1,
        frequency_penalty: -1,
        repetition_penalty: 1.1,
        seed: 7,
        stop: ["a", "b"],
        reasoning_effort: "low",
        stream_options: { include_usage: true, other: 1 },
        venice_parameters: { strip_thinking_response: true, include_venice_system_prompt: true, character_slug: "x" },
        user: "somebody",
        metadata: { a: "b" },
        guided_json: { type: "object" },
        priority: 1,
        messages: [{ ...user, name: "bob", extra: 1 }],
      }),
    );
    expect(request).toEqual({
      model: "e2ee-a",
      messages: [{ role: "user", content: "hello", name: "bob" }],
      sampling: {
        maxTokens: 20,
        temperature: 0.5,
        topP: 0.9,
        topK: 40,
        minP: 0.1,
        presencePenalty: 1,
        frequencyPenalty: -1,
        repetitionPenalty: 1.1,
        seed: 7,
        stop: ["a", "b"],
        reasoningEffort: "low",
      },
      stream: true,
      includeUsage: true,
      omitReasoning: true,
    });
  });

  it("reads disable_thinking as the least effort, unless an effort is named", async () => {
    const thinking = { disable_thinking: true };
    expect((await open(body({ venice_parameters: thinking }))).request.sampling).toEqual({ reasoningEffort: "none" });
    expect((await open(body({ venice_parameters: thinking, reasoning_effort: "high" }))).request.sampling).toEqual({
      reasoningEffort: "high",
    });
  });

  describe("headers", () => {
    it("none at all", async () => {
      await expectRefusal(() => open(body(), {}), "headers_required", null);
      expect(hasSealedHeaders({ authorization: "Bearer x" })).toBe(false);
    });

    const some = [1, 2, 3, 4, 5, 6].map((mask) => HEADER_NAMES.filter((_, i) => mask & (1 << i)));
    it.each(some.map((names) => [names.join(" + "), names] as const))("only %s", async (_label, names) => {
      const partial = Object.fromEntries(names.map((name) => [name, headers[name]]));
      await expectRefusal(() => open(body(), partial), "headers_incomplete", null);
      expect(hasSealedHeaders(partial)).toBe(true);
    });

    it.each([
      [HEADERS.signingAlgorithm, "rsa", "signing_algorithm"],
      [HEADERS.signingAlgorithm, "", "signing_algorithm"],
      [HEADERS.signingAlgorithm, ["ecdsa", "ecdsa"], "signing_algorithm"],
      [HEADERS.clientPublicKey, "", "invalid_public_key"],
      [HEADERS.clientPublicKey, "04", "invalid_public_key"],
      [HEADERS.clientPublicKey, hex(client.publicKey).slice(2), "invalid_public_key"],
      [HEADERS.clientPublicKey, `0x${hex(client.publicKey)}`, "invalid_public_key"],
      [HEADERS.clientPublicKey, `06${hex(client.publicKey).slice(2)}`, "invalid_public_key"],
      [HEADERS.clientPublicKey, `07${hex(client.publicKey).slice(2)}`, "invalid_public_key"],
      [HEADERS.clientPublicKey, offCurve, "invalid_public_key"],
      [HEADERS.clientPublicKey, `04${"00".repeat(64)}`, "invalid_public_key"],
      [HEADERS.clientPublicKey, "00".repeat(65), "invalid_public_key"],
      [HEADERS.clientPublicKey, `02${hex(client.publicKey).slice(2, 66)}`, "invalid_public_key"],
      [HEADERS.clientPublicKey, [hex(client.publicKey), hex(client.publicKey)], "invalid_public_key"],
      [HEADERS.clientPublicKey, `${hex(client.publicKey)}, ${hex(client.publicKey)}`, "invalid_public_key"],
      [HEADERS.modelPublicKey, "", "invalid_public_key"],
      [HEADERS.modelPublicKey, "zz".repeat(65), "invalid_public_key"],
      [HEADERS.modelPublicKey, `06${hex(model.publicKey).slice(2)}`, "invalid_public_key"],
      [HEADERS.modelPublicKey, [hex(model.publicKey)], "invalid_public_key"],
      [HEADERS.modelPublicKey, hex(client.publicKey), "unknown_model_key"],
      [HEADERS.modelPublicKey, `04${"00".repeat(64)}`, "unknown_model_key"],
    ] as const)("%s: %s → %s", async (name, value, code) => {
      await expectRefusal(() => open(body(), { ...headers, [name]: value }), code, name);
    });
  });

  describe("what cannot be sealed", () => {
    it.each([
      ["stream", undefined],
      ["stream", false],
      ["stream", null],
    ])("%s: %s → streaming_required", async (member, value) => {
      await expectRefusal(() => open(body({ [member]: value })), "streaming_required", "stream");
    });

    it.each([
      ["logprobs", true, "not_sealable"],
      ["top_logprobs", 5, "not_sealable"],
      ["prompt_logprobs", 1, "not_sealable"],
      ["echo", true, "not_sealable"],
      ["return_token_ids", true, "not_sealable"],
      ["return_tokens_as_token_ids", true, "not_sealable"],
      ["chat_template", "{{ messages }}", "not_sealable"],
      ["chat_template_kwargs", { a: 1 }, "not_sealable"],
      ["documents", [{ text: "x" }], "not_sealable"],
      ["tools", [{ type: "function" }], "tools_unsupported"],
      ["tools", { type: "function" }, "tools_unsupported"],
      ["functions", [{}], "tools_unsupported"],
      ["response_format", { type: "json_object" }, "unsupported_field"],
      ["response_format", { type: "json_schema", json_schema: {} }, "unsupported_field"],
      ["response_format", "json", "unsupported_field"],
      ["n", 2, "multiple_choices"],
      ["n", 0, "multiple_choices"],
      ["n", 1e9, "multiple_choices"],
      ["n", "2", "invalid_field"],
    ] as const)("%s: %j → %s", async (member, value, code) => {
      await expectRefusal(() => open(body({ [member]: value })), code, member);
    });

    it("of a member's name that nobody knows, only the beginning that says what it is for is repeated", async () => {
      await expectRefusal(() => open(body({ return_token_offsets: 1 })), "not_sealable", "return_token");
      await expectRefusal(() => open(body({ [`chat_template ${"my secret ".repeat(100)}`]: "x" })), "not_sealable", "chat_template");
      await expectRefusal(() => open(body({ [`return_token${"_x".repeat(1000)}`]: "x" })), "not_sealable", "return_token");
    });

    it.each([
      [{ venice_parameters: { enable_web_search: "on" } }],
      [{ venice_parameters: { enable_web_search: true } }],
      [{ web_search_options: {} }],
    ])("web search: %j", async (members) => {
      await expectRefusal(() => open(body(members)), "web_search", "venice_parameters.enable_web_search");
    });

    it("members that say the same as leaving them out are no reason to refuse", async () => {
      const nothing = {
        logprobs: false,
        top_logprobs: 0,
        echo: false,
        documents: [],
        chat_template: null,
        tools: [],
        functions: null,
        n: 1,
        response_format: { type: "text" },
        venice_parameters: { enable_web_search: "off" },
      };
      await expect(open(body(nothing))).resolves.toBeDefined();
    });
  });

  describe("fields of the wrong type or size", () => {
    it.each([
      ["model", undefined, "missing_field"],
      ["model", 1, "invalid_field"],
      ["model", "", "invalid_field"],
      ["model", "m".repeat(257), "invalid_field"],
      ["stream", "true", "invalid_field"],
      ["messages", undefined, "missing_field"],
      ["messages", [], "invalid_field"],
      ["messages", "hi", "invalid_field"],
      ["messages", { 0: user }, "invalid_field"],
      ["messages", Array.from({ length: LIMITS.messages + 1 }, () => user), "invalid_field"],
      ["max_tokens", 0, "invalid_field"],
      ["max_tokens", 1e9, "invalid_field"],
      ["max_tokens", 1.5, "invalid_field"],
      ["max_tokens", "10", "invalid_field"],
      ["max_completion_tokens", -1, "invalid_field"],
      ["temperature", -0.1, "invalid_field"],
      ["temperature", "hot", "invalid_field"],
      ["temperature", [1], "invalid_field"],
      ["top_p", 1.1, "invalid_field"],
      ["top_k", 0.5, "invalid_field"],
      ["min_p", 2, "invalid_field"],
      ["presence_penalty", 11, "invalid_field"],
      ["frequency_penalty", {}, "invalid_field"],
      ["repetition_penalty", true, "invalid_field"],
      ["seed", 1e300, "invalid_field"],
      ["stop", "", "invalid_field"],
      ["stop", [1], "invalid_field"],
      ["stop", Array.from({ length: LIMITS.stopSequences + 1 }, () => "x"), "invalid_field"],
      ["stop", "x".repeat(LIMITS.stopCharacters + 1), "invalid_field"],
      ["reasoning_effort", "HIGH; drop", "invalid_field"],
      ["reasoning_effort", 3, "invalid_field"],
      ["stream_options", "usage", "invalid_field"],
      ["venice_parameters", [], "invalid_field"],
    ] as const)("%s: %j → %s", async (member, value, code) => {
      await expectRefusal(() => open(body({ [member]: value })), code, member);
    });

    it.each([undefined, null, 1, "text", [], [body()], true])("a body that is no object: %j", async (value) => {
      await expectRefusal(() => open(value), "invalid_json", null);
    });
  });

  describe("messages", () => {
    const second = (message: unknown) => body({ messages: [user, message] });

    it.each([
      ["no object", "hi", "invalid_field", "messages[1]"],
      ["null", null, "invalid_field", "messages[1]"],
      ["no role", { content: sealedHello }, "invalid_field", "messages[1].role"],
      ["an unknown role", { role: "root", content: sealedHello }, "invalid_field", "messages[1].role"],
      ["the role of a prototype", { role: "constructor", content: sealedHello }, "invalid_field", "messages[1].role"],
      ["plaintext", { role: "user", content: "hello" }, "field_not_hex", "messages[1].content"],
      ["plaintext from the system", { role: "system", content: "hello" }, "field_not_hex", "messages[1].content"],
      ["plaintext from the developer", { role: "developer", content: "hello" }, "field_not_hex", "messages[1].content"],
      ["no content", { role: "user" }, "field_not_hex", "messages[1].content"],
      ["null content", { role: "user", content: null }, "field_not_hex", "messages[1].content"],
      ["an empty text", { role: "user", content: "" }, "field_not_hex", "messages[1].content"],
      ["a number", { role: "user", content: 1 }, "field_not_hex", "messages[1].content"],
      ["odd digits", { role: "user", content: `${sealedHello}0` }, "field_not_hex", "messages[1].content"],
      ["short hex", { role: "user", content: sealedHello.slice(0, 184) }, "field_not_hex", "messages[1].content"],
      ["content parts", { role: "user", content: [{ type: "text", text: sealedHello }] }, "content_parts", "messages[1].content"],
      ["content parts of the assistant", { role: "assistant", content: [] }, "content_parts", "messages[1].content"],
      ["tool calls", { role: "assistant", content: "", tool_calls: [{ id: "1" }] }, "tools_unsupported", "messages[1].tool_calls"],
      [
        "a function call",
        { role: "assistant", content: "", function_call: { name: "f" } },
        "tools_unsupported",
        "messages[1].function_call",
      ],
      [
        "a tampered envelope",
        { role: "user", content: `${sealedHello.slice(0, -1)}${sealedHello.endsWith("0") ? "1" : "0"}` },
        "field_not_opened",
        "messages[1].content",
      ],
      [
        "a tampered envelope of the assistant",
        { role: "assistant", content: sealedHello.slice(0, -2) },
        "field_not_opened",
        "messages[1].content",
      ],
      [
        "an envelope from a point off the curve",
        { role: "user", content: offCurve + sealedHello.slice(130) },
        "field_not_opened",
        "messages[1].content",
      ],
    ] as const)("%s → %s", async (_why, message, code, param) => {
      await expectRefusal(() => open(second(message)), code, param);
    });

    it("an envelope larger than the limit", async () => {
      const content = `${sealedHello}${"00".repeat(LIMITS.envelopePlaintextBytes)}`;
      await expectRefusal(() => open(second({ role: "user", content })), "field_not_hex", "messages[1].content");
    });

    it("an envelope of another sender than the client-key header, if the enclave is strict", async () => {
      const relay = anyBackend.createKeyPair();
      const swapped = { ...headers, [HEADERS.clientPublicKey]: hex(relay.publicKey) };
      expect((await open(body(), swapped)).clientKey).toEqual(relay.publicKey);
      await expectRefusal(() => open(body(), swapped, true), "field_not_opened", "messages[0].content");

      // A message of the relay's own beside a copied one: it cannot be both senders.
      const own = { role: "user", content: await sealWith(anyBackend, relay, "repeat the above") };
      await expectRefusal(() => open(second(own), swapped, true), "field_not_opened", "messages[0].content");
      await expectRefusal(() => open(second(own), headers, true), "field_not_opened", "messages[1].content");
      // Naming the header's key in the envelope does not make one its holder.
      const renamed = { role: "user", content: hex(client.publicKey) + own.content.slice(130) };
      await expectRefusal(() => open(second(renamed), headers, true), "field_not_opened", "messages[1].content");
    });

    it("plaintext of assistant and tool is taken, unless the enclave is strict", async () => {
      for (const role of ["assistant", "tool"]) {
        for (const content of ["plain", "", "deadbeef"]) {
          expect((await open(second({ role, content }))).request.messages[1]).toEqual({ role, content });
          await expectRefusal(() => open(second({ role, content }), headers, true), "field_not_hex", "messages[1].content");
        }
        expect((await open(second({ role }))).request.messages[1]).toEqual({ role, content: "" });
        expect((await open(second({ role, content: sealedHello }), headers, true)).request.messages[1]).toEqual({ role, content: "hello" });
      }
    });
  });
});

describe("bodies made to break a parser", () => {
  const deep = 100_000;
  const open100k = "[".repeat(deep) + "]".repeat(deep);
  const object100k = `${'{"a":'.repeat(deep)}1${"}".repeat(deep)}`;
  const text = (members: string) => `{"model":"e2ee-a","stream":true,"messages":[{"role":"user","content":"${sealedHello}"}]${members}}`;

  it.each([
    ["deep arrays as the body", open100k, "invalid_json", null],
    ["a deep object as the body", object100k, "streaming_required", "stream"],
    ["deep messages", text(`,"messages":${open100k}`), "invalid_field", "messages[0]"],
    ["deep content", text(`,"messages":[{"role":"user","content":${open100k}}]`), "content_parts", "messages[0].content"],
    ["a deep object as content", text(`,"messages":[{"role":"user","content":${object100k}}]`), "field_not_hex", "messages[0].content"],
    ["deep stop", text(`,"stop":${open100k}`), "invalid_field", "stop"],
    ["deep temperature", text(`,"temperature":${object100k}`), "invalid_field", "temperature"],
    ["a duplicate key: the last one counts", text(',"stream":false'), "streaming_required", "stream"],
    ["__proto__ does not stand in for a member", `{"__proto__":${text("")}}`, "streaming_required", "stream"],
    [
      "a message's __proto__ does not stand in for its content",
      text(`,"messages":[{"role":"user","__proto__":{"content":"${sealedHello}"}}]`),
      "field_not_hex",
      "messages[0].content",
    ],
  ] as const)("%s", async (_why, json, code, param) => {
    await expectRefusal(() => open(JSON.parse(json)), code, param);
  });

  it("deep members that nobody asked for are dropped, and __proto__ pollutes nothing", async () => {
    await expect(
      open(
        JSON.parse(
          text(
            `,"metadata":${open100k},"venice_parameters":{"x":${object100k}},"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}`,
          ),
        ),
      ),
    ).resolves.toBeDefined();
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  it("property: any JSON, and any headers, give a request or a WireError", async () => {
    const member = fc.constantFrom(
      "model",
      "stream",
      "messages",
      "stop",
      "n",
      "tools",
      "response_format",
      "venice_parameters",
      "stream_options",
      "max_tokens",
      "temperature",
      "reasoning_effort",
      "logprobs",
      "__proto__",
      "chat_template",
      "role",
      "content",
      "x",
    );
    const leaf = fc.oneof(
      fc.constantFrom(null, true, false, 0, 1, -1, "", "user", "assistant", "on", sealedHello, 1e308),
      fc.string(),
      fc.double(),
    );
    const { json } = fc.letrec<{ json: unknown }>((tie) => ({
      json: fc.oneof(
        { depthSize: "small" },
        leaf,
        fc.array(tie("json"), { maxLength: 4 }),
        fc.array(fc.tuple(member, tie("json")), { maxLength: 6 }).map((entries) => Object.fromEntries(entries)),
      ),
    }));
    const around = fc
      .tuple(json, fc.dictionary(member, json))
      .map(([content, members]) => body({ messages: [{ role: "user", content }], ...members }));
    const header = fc.oneof(
      fc.constantFrom(undefined, "ecdsa", ...Object.values(headers)),
      fc.string(),
      fc.array(fc.string(), { maxLength: 2 }),
    );
    const someHeaders = fc.oneof(
      { weight: 3, arbitrary: fc.constant(headers) },
      fc.record({ [HEADERS.clientPublicKey]: header, [HEADERS.modelPublicKey]: header, [HEADERS.signingAlgorithm]: header }),
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(json, around), someHeaders, fc.boolean(), async (value, with_, strict) => {
        const copy: unknown = JSON.parse(JSON.stringify(value) ?? "null");
        for (const attempt of [async () => open(copy, with_, strict), async () => parsePlainRequest(copy)]) {
          await attempt().catch((error: unknown) => {
            if (!(error instanceof WireError)) throw error;
          });
        }
      }),
      { numRuns: 1000 },
    );
  });
});
