import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyBackend, backends } from "../../../tests/support/backends.ts";
import { CLEAR_MEMBERS } from "./chat-fields.ts";
import { HEADERS } from "./headers.ts";
import { openRequest } from "./open-request.ts";
import { RefusalError } from "./refusals.ts";
import { sealRequest } from "./seal-request.ts";
import { sha256Hex } from "./transcript.ts";

const CANARY = "canary-7f3a";
const model = anyBackend.createKeyPair();
const options = { backend: anyBackend, modelKey: model.publicKey };
const ask = (members: object = {}) => ({ model: "e2ee-a", messages: [{ role: "user", content: CANARY }], ...members });
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function expectRefusal(request: unknown, code: string, field: string | undefined, more: object = {}): Promise<void> {
  const refused = await sealRequest(request, { ...options, ...more }).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(refused).toBeInstanceOf(RefusalError);
  expect(refused).toMatchObject({ code, field });
  expect(String(refused)).not.toContain(CANARY);
}

describe.each(backends.map((backend) => [backend.name, backend] as const))("%s", (_name, backend) => {
  it("seals every role under one key, and the enclave opens it", async () => {
    const messages = ["system", "developer", "user", "assistant", "tool"].map((role, i) => ({ role, content: `${CANARY} ${i} 🎭` }));
    const sealed = await sealRequest(ask({ messages, temperature: 0.5, max_tokens: 9, stream_options: { include_usage: true } }), {
      backend,
      modelKey: model.publicKey,
    });
    const body = JSON.parse(textOf(sealed.body)) as { messages: { role: string; content: string }[]; stream: boolean };
    expect(Object.keys(body).toSorted()).toEqual(["max_tokens", "messages", "model", "stream", "stream_options", "temperature"]);
    expect(body.stream).toBe(true);
    for (const message of body.messages) {
      expect(Object.keys(message)).toEqual(["role", "content"]);
      expect(message.content.slice(0, 130)).toBe(sealed.headers[HEADERS.clientPublicKey]);
    }
    const opened = await openRequest(body, sealed.headers, { backend: anyBackend, modelKey: model, strict: true });
    expect(opened.request.messages).toEqual(messages);
    expect(opened.request).toMatchObject({ sampling: { temperature: 0.5, maxTokens: 9 }, includeUsage: true });
    expect(Uint8Array.from(opened.clientKey)).toEqual(Uint8Array.from(sealed.clientKey.publicKey));
  });

  it("sends exactly the three headers, and hashes exactly the body", async () => {
    const sealed = await sealRequest(ask(), { backend, modelKey: model.publicKey });
    expect(sealed.headers).toEqual({
      [HEADERS.clientPublicKey]: backend.toHex(sealed.clientKey.publicKey),
      [HEADERS.modelPublicKey]: backend.toHex(model.publicKey),
      [HEADERS.signingAlgorithm]: "ecdsa",
    });
    expect(sealed.requestSha256).toBe(sha256Hex(anyBackend, sealed.body));
  });

  it("makes a new key for each request", async () => {
    const [one, other] = [
      await sealRequest(ask(), { backend, modelKey: model.publicKey }),
      await sealRequest(ask(), { backend, modelKey: model.publicKey }),
    ];
    expect(one.headers[HEADERS.clientPublicKey]).not.toBe(other.headers[HEADERS.clientPublicKey]);
    expect(textOf(one.body)).not.toBe(textOf(other.body));
  });

  it("refuses a model key that is no point, before anything is sealed", async () => {
    const off = Uint8Array.from(model.publicKey);
    off[64] = (off[64] ?? 0) ^ 1;
    for (const modelKey of [
      off,
      Uint8Array.from(model.publicKey, (byte, i) => (i ? byte : 6)),
      model.publicKey.subarray(1),
      new Uint8Array(65),
    ]) {
      await expect(sealRequest(ask(), { backend, modelKey })).rejects.toMatchObject({ name: "RefusalError", code: "invalid_model_key" });
    }
  });
});

describe("what may travel in clear", () => {
  it("is a fixed list, and nothing else", async () => {
    const clear = {
      n: 1,
      max_tokens: 5,
      max_completion_tokens: 5,
      temperature: 0,
      top_p: 1,
      top_k: 3,
      min_p: 0,
      presence_penalty: 0,
      frequency_penalty: 0,
      repetition_penalty: 1,
      seed: 1,
      reasoning_effort: "high",
      stream_options: { include_usage: true },
      venice_parameters: {
        enable_web_search: "off",
        strip_thinking_response: true,
        disable_thinking: null,
        include_venice_system_prompt: false,
      },
    };
    const { body } = await sealRequest(ask({ ...clear, stream: false }), options);
    const sent = JSON.parse(textOf(body)) as Record<string, unknown>;
    expect(sent).toMatchObject({ ...clear, stream: true });
    expect(Object.keys({ ...clear, model: 1, messages: 1, stream: 1 }).toSorted()).toEqual([...CLEAR_MEMBERS].toSorted());
  });

  it.each([
    ["stop", CANARY],
    ["stop", [CANARY]],
    ["user", CANARY],
    ["tools", [{ type: "function", function: { name: CANARY } }]],
    ["tool_choice", { function: { name: CANARY } }],
    ["functions", [{ name: CANARY }]],
    ["response_format", { type: "json_schema", json_schema: { name: CANARY } }],
    ["metadata", { a: CANARY }],
    ["logit_bias", { 1: 2 }],
    ["logprobs", true],
    ["prompt", CANARY],
    ["prediction", { type: "content", content: CANARY }],
    ["guided_json", { title: CANARY }],
    ["guided_grammar", CANARY],
    ["documents", [CANARY]],
    ["chat_template", CANARY],
    ["chat_template_kwargs", { a: CANARY }],
    ["web_search_options", { query: CANARY }],
    ["safety_identifier", CANARY],
    ["prompt_cache_key", CANARY],
    ["x_new_member", 1],
    ["Temperature", 1],
    ["__proto__", { a: CANARY }],
    ["constructor", { a: CANARY }],
  ])("%s is refused by name: %j", async (member, value) => {
    await expectRefusal(
      JSON.parse(JSON.stringify(ask()).replace("{", `{${JSON.stringify(member)}:${JSON.stringify(value)},`)),
      "field_in_clear",
      member,
    );
  });

  it.each([
    ["temperature", CANARY, "temperature"],
    ["temperature", { toJSON: CANARY }, "temperature"],
    ["seed", [CANARY], "seed"],
    ["stream", CANARY, "stream"],
    ["n", CANARY, "n"],
    ["model", { name: CANARY }, "model"],
    ["reasoning_effort", `${CANARY} tell me`, "reasoning_effort"],
    ["stream_options", CANARY, "stream_options"],
    ["stream_options", [CANARY], "stream_options"],
    ["stream_options", { note: CANARY }, "stream_options.note"],
    ["venice_parameters", { character_slug: CANARY }, "venice_parameters.character_slug"],
    ["venice_parameters", { nested: { a: CANARY } }, "venice_parameters.nested"],
    ["venice_parameters", { list: [CANARY] }, "venice_parameters.list"],
    ["venice_parameters", { enable_web_search: "off", character_slug: CANARY }, "venice_parameters.character_slug"],
  ])("%s with text in it is refused: %j", async (member, value, field) => {
    await expectRefusal(ask({ [member]: value }), "field_in_clear", field);
  });

  it("members that say nothing are left out, not refused", async () => {
    const { body } = await sealRequest(
      ask({ tools: [], stop: null, user: "", logprobs: false, top_logprobs: 0, functions: undefined, response_format: null }),
      options,
    );
    expect(Object.keys(JSON.parse(textOf(body)) as object).toSorted()).toEqual(["messages", "model", "stream"]);
  });

  it("allowInClear lets what it names through, as it is, and nothing beside it", async () => {
    const { body } = await sealRequest(ask({ stop: ["END"], venice_parameters: { character_slug: "venetian" } }), {
      ...options,
      allowInClear: ["stop", "venice_parameters.character_slug"],
    });
    expect(JSON.parse(textOf(body))).toMatchObject({ stop: ["END"], venice_parameters: { character_slug: "venetian" } });
    await expectRefusal(ask({ stop: ["END"], user: CANARY }), "field_in_clear", "user", { allowInClear: ["stop"] });
    const two = { character_slug: "venetian", other: CANARY };
    await expectRefusal(ask({ venice_parameters: two }), "field_in_clear", "venice_parameters.other", {
      allowInClear: ["venice_parameters.character_slug"],
    });
  });

  it("allowInClear never opens a message", async () => {
    const { body } = await sealRequest(ask(), { ...options, allowInClear: ["messages", "content", "messages[0].content"] });
    expect(textOf(body)).not.toContain(CANARY);
    await expectRefusal(ask({ messages: [{ role: "user", content: CANARY, name: CANARY }] }), "field_in_clear", "messages[0].name", {
      allowInClear: ["name", "messages"],
    });
  });
});

describe("messages", () => {
  it.each([
    ["no list", ask({ messages: CANARY }), "invalid_request", "messages"],
    ["no request", CANARY, "invalid_request", "messages"],
    ["null", null, "invalid_request", "messages"],
    ["a list", [ask()], "invalid_request", "messages"],
    ["a message that is text", ask({ messages: [CANARY] }), "invalid_request", "messages[0]"],
    ["an unknown role", ask({ messages: [{ role: CANARY, content: "x" }] }), "invalid_request", "messages[0].role"],
    [
      "parts that are no text",
      ask({
        messages: [
          {
            role: "user",
            content: [
              { type: "text", text: "x" },
              { type: "image_url", image_url: { url: CANARY } },
            ],
          },
        ],
      }),
      "content_not_text",
      "messages[0].content",
    ],
    [
      "a text part without text",
      ask({ messages: [{ role: "user", content: [{ type: "text" }] }] }),
      "content_not_text",
      "messages[0].content",
    ],
    ["no parts", ask({ messages: [{ role: "user", content: [] }] }), "content_not_text", "messages[0].content"],
    ["a user's refusal", ask({ messages: [{ role: "user", content: "x", refusal: CANARY }] }), "field_in_clear", "messages[0].refusal"],
    ["a number", ask({ messages: [{ role: "user", content: 5 }] }), "content_not_text", "messages[0].content"],
    ["a name", ask({ messages: [{ role: "user", content: "x", name: CANARY }] }), "field_in_clear", "messages[0].name"],
    [
      "tool calls",
      ask({ messages: [{ role: "assistant", content: null, tool_calls: [{ id: CANARY }] }] }),
      "field_in_clear",
      "messages[0].tool_calls",
    ],
    [
      "a tool call's id",
      ask({ messages: [{ role: "tool", content: "x", tool_call_id: CANARY }] }),
      "field_in_clear",
      "messages[0].tool_call_id",
    ],
    [
      "reasoning of a user",
      ask({ messages: [{ role: "user", content: "x", reasoning_content: CANARY }] }),
      "field_in_clear",
      "messages[0].reasoning_content",
    ],
  ])("%s", async (_why, request, code, field) => {
    await expectRefusal(request, code, field);
  });

  it("text in parts is joined, and what an assistant said in other words, and sealed; its reasoning is left out", async () => {
    const parts = [
      { type: "text", text: CANARY },
      { type: "text", text: "b" },
    ];
    const messages = [
      { role: "user", content: parts },
      { role: "assistant", content: [] },
      { role: "assistant", content: [{ type: "refusal", refusal: CANARY }] },
      { role: "assistant", content: null, refusal: CANARY },
      { role: "assistant", content: "c", reasoning_content: CANARY, reasoning: CANARY, refusal: null },
    ];
    const { body, headers } = await sealRequest(ask({ messages }), options);
    expect(textOf(body)).not.toContain(CANARY);
    const { request } = await openRequest(JSON.parse(textOf(body)), headers, { backend: anyBackend, modelKey: model, strict: true });
    expect(request.messages.map((message) => message.content)).toEqual([`${CANARY}\nb`, "", CANARY, CANARY, "c"]);
  });

  it("names travel where they are allowed in clear, and reach the engine", async () => {
    const messages = [{ role: "user", content: CANARY, name: "ann" }];
    const { body, headers } = await sealRequest(ask({ messages }), { ...options, allowInClear: ["messages.name"] });
    expect(textOf(body)).toContain('"name":"ann"');
    expect(textOf(body)).not.toContain(CANARY);
    const { request } = await openRequest(JSON.parse(textOf(body)), headers, { backend: anyBackend, modelKey: model, strict: false });
    expect(request.messages).toEqual([{ role: "user", content: CANARY, name: "ann" }]);
  });

  it("content that is missing is sealed as empty", async () => {
    const { body, headers } = await sealRequest(ask({ messages: [{ role: "assistant", content: null }, { role: "user" }] }), options);
    const { request } = await openRequest(JSON.parse(textOf(body)), headers, { backend: anyBackend, modelKey: model, strict: true });
    expect(request.messages.map((message) => message.content)).toEqual(["", ""]);
  });
});

it("property: whatever a request holds, it is refused or nothing of its text is in the bytes that are sent", async () => {
  const member = fc.constantFrom(...CLEAR_MEMBERS, "stop", "user", "tools", "metadata", "x", "__proto__");
  const leaf = fc.oneof(fc.constantFrom(CANARY, [CANARY], { a: CANARY }, null, true, 1, ""), fc.string());
  const value = fc.oneof(leaf, fc.dictionary(fc.constantFrom("a", CANARY, "include_usage", "enable_web_search"), leaf));
  const message = fc.record(
    {
      role: fc.constantFrom("user", "assistant", "tool", CANARY),
      content: fc.oneof({ weight: 4, arbitrary: fc.constant(`${CANARY}!`) }, leaf),
    },
    { requiredKeys: ["role"] },
  );
  const request = fc
    .tuple(fc.dictionary(member, value, { maxKeys: 3 }), fc.array(message, { maxLength: 2 }))
    .map(([members, messages]) => ({ ...members, model: "e2ee-a", messages }));
  let sealed = 0;
  await fc.assert(
    fc.asyncProperty(request, async (one) => {
      try {
        const { body } = await sealRequest(one, options);
        sealed++;
        expect(textOf(body)).not.toContain(CANARY);
      } catch (error) {
        if (!(error instanceof RefusalError)) throw error;
      }
    }),
    { numRuns: 800 },
  );
  expect(sealed).toBeGreaterThan(50);
});
