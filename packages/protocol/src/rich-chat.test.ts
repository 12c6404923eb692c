import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WireError, type WireErrorCode } from "./errors.ts";
import { parsePlainRequest } from "./open-request.ts";
import { parseRichRequest } from "./rich-chat.ts";

const PIXEL = "data:image/png;base64,iVBORw0KGgo=";
const hi = { role: "user", content: "hi" };
const ask = (more: object = {}) => ({ model: "e2ee-demo", messages: [hi], ...more });
const part = (url: unknown = PIXEL, more: object = {}) => ({ type: "image_url", image_url: { url, ...more } });
const tool = (name: unknown = "weather", more: object = {}) => ({ type: "function", function: { name, ...more } });
const call = (id: unknown = "call_1", name: unknown = "weather", args: unknown = "{}") => ({
  id,
  type: "function",
  function: { name, arguments: args },
});
const schema = (value: unknown, name: unknown = "city") => ({
  response_format: { type: "json_schema", json_schema: { name, schema: value } },
});

/** A schema so many objects deep. */
function nested(depth: number): object {
  let value: object = {};
  for (let i = 1; i < depth; i++) value = { items: value };
  return value;
}

describe("a request that text can answer", () => {
  it("is read as version 1 reads it, and needs nothing of an engine", () => {
    const body = ask({
      messages: [
        {
          role: "developer",
          content: [
            { type: "text", text: "a" },
            { type: "text", text: "b" },
          ],
        },
        hi,
        { role: "assistant" },
        { role: "assistant", content: null, refusal: null, tool_calls: [], annotations: [] },
      ],
      stream: true,
      stream_options: { include_usage: true },
      temperature: 0.5,
      max_completion_tokens: 9,
      stop: "x",
      seed: 3,
      reasoning_effort: "low",
      venice_parameters: { strip_thinking_response: true, enable_web_search: "off" },
      user: "dropped",
      metadata: { dropped: true },
      store: false,
    });
    expect(parseRichRequest(body)).toEqual(parsePlainRequest(body));
    expect(parseRichRequest(body)).not.toHaveProperty("rich");
  });

  it("is one that says with other words that it wants nothing more", () => {
    const more = {
      tools: [],
      tool_choice: "auto",
      parallel_tool_calls: true,
      response_format: { type: "text" },
      logprobs: false,
      top_logprobs: 0,
      functions: null,
    };
    expect(parseRichRequest(ask(more))).toEqual(parsePlainRequest(ask()));
  });
});

describe("what clients send back of earlier answers", () => {
  const assistant = (more: object) => parseRichRequest(ask({ messages: [hi, { role: "assistant", ...more }, hi] })).messages[1];
  it.each<[string, object, object]>([
    ["reasoning", { content: "4", reasoning_content: "2+2" }, { content: "4", reasoning: "2+2" }],
    ["reasoning under its newer name", { content: "4", reasoning: "2+2" }, { content: "4", reasoning: "2+2" }],
    ["no parts", { content: [] }, { content: "" }],
    ["a part that refuses", { content: [{ type: "refusal", refusal: "no" }] }, { content: "no" }],
    ["a refusal beside no content", { content: null, refusal: "no" }, { content: "no" }],
    ["members that say nothing", { content: "4", audio: null, function_call: null, annotations: [{ type: "x" }] }, { content: "4" }],
    ["a name", { content: "4", name: "ann" }, { content: "4", name: "ann" }],
  ])("is taken: %s", (_what, sent, read) => {
    expect(assistant(sent)).toEqual({ role: "assistant", ...read });
  });

  it("is handed on whole beside what needs more of an engine", () => {
    const messages = [hi, { role: "assistant", content: "4", reasoning: "2+2", name: "ann" }, hi];
    expect(parseRichRequest(ask({ messages, tools: [tool()] })).rich?.messages[1]).toEqual({
      role: "assistant",
      content: "4",
      reasoning: "2+2",
      name: "ann",
    });
  });
});

describe("an image", () => {
  const read = (url: string) => {
    const { rich } = parseRichRequest(ask({ messages: [{ role: "user", content: [part(url)] }] }));
    return (rich?.messages[0]?.content as readonly { url: string }[] | undefined)?.[0]?.url;
  };
  it.each([
    ["image/jpg", "image/jpeg"],
    ["image/pjpeg", "image/jpeg"],
    ["image/JPEG", "image/jpeg"],
    ["image/x-png", "image/png"],
    ["image/png;name=a.png", "image/png"],
    ["image/webp", "image/webp"],
  ])("that is called %s is handed on as %s", (called, known) => {
    expect(read(`data:${called};base64,AAAA\nBBBB=`)).toBe(`data:${known};base64,AAAABBBB=`);
  });
});

it.each<[string, object, string]>([
  ["logit_bias", { logit_bias: { 50256: -100 } }, "logit_bias"],
  ["thinking", { thinking: { type: "enabled" } }, "thinking"],
  ["enable_thinking", { enable_thinking: true }, "enable_thinking"],
  ["verbosity", { verbosity: "low" }, "verbosity"],
  ["whatever comes next", { someNewMember: [1] }, "someNewMember"],
  ["a provider's switch", { venice_parameters: { character_slug: "x" } }, "venice_parameters.character_slug"],
  ["a message's", { messages: [{ ...hi, audio: { id: "a" } }] }, "messages[0].audio"],
  ["reasoning of a user", { messages: [{ ...hi, reasoning: "hm" }] }, "messages[0].reasoning"],
  ["two reasonings", { messages: [{ role: "assistant", reasoning: "a", reasoning_content: "b" }] }, "messages[0].reasoning"],
  ["a refusal of a user", { messages: [{ ...hi, refusal: "no" }] }, "messages[0].refusal"],
  ["a part's", { messages: [{ role: "user", content: [{ type: "text", text: "a", weight: 2 }] }] }, "messages[0].content[0].weight"],
  [
    "an image's",
    { messages: [{ role: "user", content: [part(PIXEL, { max_pixels: 9 })] }] },
    "messages[0].content[0].image_url.max_pixels",
  ],
  ["a call's", { messages: [{ role: "assistant", tool_calls: [{ ...call(), extra: 1 }] }] }, "messages[0].tool_calls[0].extra"],
  ["a tool's", { tools: [{ ...tool(), defer: true }] }, "tools[0].defer"],
  ["a function's", { tools: [tool("f", { examples: ["x"] })] }, "tools[0].function.examples"],
  [
    "a schema's",
    { response_format: { type: "json_schema", json_schema: { name: "n", examples: ["x"] } } },
    "response_format.json_schema.examples",
  ],
  ["a name that is more than one", { "canary, which may be anything": 1 }, "body"],
  ["such a name in a message", { messages: [{ ...hi, "canary, which may be anything": 1 }] }, "messages[0]"],
])("no member is dropped in silence: %s", (_what, more, param) => {
  const parse = () => parseRichRequest(ask(more));
  expect(parse).toThrow(expect.objectContaining({ param }));
});

describe("a request that needs more", () => {
  it("is built from its known members", () => {
    const parameters = {
      type: "object",
      properties: { city: { type: "string" }, $ref: { type: "string" } },
      $defs: { a: { $ref: "#/properties/city" } },
    };
    const messages = [
      {
        role: "user",
        name: "ann",
        content: [{ type: "text", text: "see", cache_control: { type: "x" } }, part(PIXEL, { detail: "high" })],
      },
      { role: "assistant", content: null, reasoning_content: "hm", reasoning: "hm", tool_calls: [{ ...call(), index: 0 }] },
      { role: "tool", tool_call_id: "call_1", content: [{ type: "text", text: "rain" }] },
    ];
    const tools = [tool("weather", { description: "of a city", strict: true, parameters }), tool("mcp.files:read")];
    const { rich, ...request } = parseRichRequest(
      ask({
        messages,
        tools,
        tool_choice: { type: "function", function: { name: "weather" } },
        parallel_tool_calls: false,
        logprobs: true,
        top_logprobs: 3,
        ...schema(parameters),
      }),
    );
    expect(rich).toEqual({
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "see" },
            { type: "image", url: PIXEL, detail: "high" },
          ],
          name: "ann",
        },
        { role: "assistant", content: "", reasoning: "hm", toolCalls: [{ id: "call_1", name: "weather", arguments: "{}" }] },
        { role: "tool", content: "rain", toolCallId: "call_1" },
      ],
      tools: [{ name: "weather", description: "of a city", strict: true, parameters }, { name: "mcp.files:read" }],
      toolChoice: { name: "weather" },
      parallelToolCalls: false,
      responseFormat: { type: "json_schema", name: "city", schema: parameters },
      topLogprobs: 3,
      needs: [
        { feature: "images", param: "messages[0].content[1]" },
        { feature: "tools", param: "messages[1].tool_calls" },
        { feature: "schemas", param: "response_format" },
        { feature: "logprobs", param: "logprobs" },
      ],
    });
    expect(request.messages.map(({ content }) => content)).toEqual(["see", "", "rain"]);
  });

  it.each([
    ["tools", { tools: [tool()] }, "tools"],
    ["log probabilities without alternatives", { logprobs: true }, "logprobs"],
    ["any JSON", { response_format: { type: "json_object" } }, "schemas"],
    ["a schema without a schema", schema(undefined), "schemas"],
  ])("says which feature: %s", (_, more, feature) => {
    expect(parseRichRequest(ask(more)).rich?.needs.map((need) => need.feature)).toEqual([feature]);
  });
});

const say = (content: unknown, role = "user") => ({ messages: [{ role, content }] });
const refused: readonly [string, object, WireErrorCode, string][] = [
  ["no messages", { messages: undefined }, "missing_field", "messages"],
  ["an unknown role", say("x", "function"), "invalid_field", "messages[0].role"],
  ["no content", say(undefined), "missing_field", "messages[0].content"],
  ["null from a user", say(null), "invalid_field", "messages[0].content"],
  ["no parts", say([]), "invalid_field", "messages[0].content"],
  ["too many parts", say(Array.from({ length: 257 }, () => ({ type: "text", text: "" }))), "invalid_field", "messages[0].content"],
  ["a part that is text itself", say(["x"]), "invalid_field", "messages[0].content[0]"],
  ["a text part without text", say([{ type: "text" }]), "invalid_field", "messages[0].content[0].text"],
  ["sound", say([{ type: "input_audio", input_audio: {} }]), "unsupported_field", "messages[0].content[0]"],
  ["a file", say([{ type: "file", file: {} }]), "unsupported_field", "messages[0].content[0]"],
  ["an image of the assistant's", say([part()], "assistant"), "invalid_field", "messages[0].content[0]"],
  [
    "an image elsewhere, which somebody would have to fetch",
    say([part("https://example.com/x.png")]),
    "invalid_field",
    "messages[0].content[0].image_url.url",
  ],
  ["an image that is a document", say([part("data:image/svg+xml;base64,AAAA")]), "invalid_field", "messages[0].content[0].image_url.url"],
  ["an image that is not base64", say([part("data:image/png;base64,%41")]), "invalid_field", "messages[0].content[0].image_url.url"],
  [
    "an image address in place of an object",
    say([{ type: "image_url", image_url: PIXEL }]),
    "invalid_field",
    "messages[0].content[0].image_url",
  ],
  ["an unknown detail", say([part(PIXEL, { detail: "most" })]), "invalid_field", "messages[0].content[0].image_url.detail"],
  ["too many images", say(Array.from({ length: 65 }, () => part())), "invalid_field", "messages[0].content[64]"],
  ["the older spelling of tools", { functions: [{ name: "x" }] }, "tools_unsupported", "functions"],
  [
    "the older spelling of a call",
    { messages: [{ role: "assistant", content: "", function_call: { name: "x" } }] },
    "tools_unsupported",
    "messages[0].function_call",
  ],
  ["calls of a user", { messages: [{ ...hi, tool_calls: [call()] }] }, "invalid_field", "messages[0].tool_calls"],
  [
    "a call without an id",
    { messages: [{ role: "assistant", tool_calls: [{ ...call(), id: undefined }] }] },
    "missing_field",
    "messages[0].tool_calls[0].id",
  ],
  [
    "a call with arguments that are no text",
    { messages: [{ role: "assistant", tool_calls: [call("a", "b", {})] }] },
    "invalid_field",
    "messages[0].tool_calls[0].function.arguments",
  ],
  [
    "a call of another type",
    { messages: [{ role: "assistant", tool_calls: [{ ...call(), type: "custom" }] }] },
    "unsupported_field",
    "messages[0].tool_calls[0]",
  ],
  ["a result without its call", say("rain", "tool"), "missing_field", "messages[0].tool_call_id"],
  [
    "a result with an id of blanks",
    { messages: [{ role: "tool", content: "", tool_call_id: "a b" }] },
    "invalid_field",
    "messages[0].tool_call_id",
  ],
  ["tools that are no list", { tools: {} }, "invalid_field", "tools"],
  ["too many tools", { tools: Array.from({ length: 129 }, (_, i) => tool(`t${i}`)) }, "invalid_field", "tools"],
  ["a tool of the server's", { tools: [{ type: "web_search" }] }, "unsupported_field", "tools[0].type"],
  ["a tool without a name", { tools: [tool(null)] }, "invalid_field", "tools[0].function.name"],
  ["a tool's name in words", { tools: [tool("the weather")] }, "invalid_field", "tools[0].function.name"],
  ["a name twice", { tools: [tool(), tool()] }, "invalid_field", "tools[1].function.name"],
  ["a description that is no text", { tools: [tool("a", { description: 1 })] }, "invalid_field", "tools[0].function.description"],
  ["parameters that are no object", { tools: [tool("a", { parameters: [] })] }, "invalid_field", "tools[0].function.parameters"],
  ["a choice of no tool", { tool_choice: "required" }, "invalid_field", "tool_choice"],
  ["a choice of another tool", { tools: [tool()], tool_choice: tool("time") }, "invalid_field", "tool_choice"],
  ["an unknown choice", { tools: [tool()], tool_choice: "any" }, "invalid_field", "tool_choice"],
  ["a switch that is a text", { tools: [tool()], parallel_tool_calls: "yes" }, "invalid_field", "parallel_tool_calls"],
  ["an unknown format", { response_format: { type: "grammar" } }, "unsupported_field", "response_format.type"],
  ["a format that is a text", { response_format: "json" }, "invalid_field", "response_format"],
  [
    "a schema without a name",
    { response_format: { type: "json_schema", json_schema: { schema: {} } } },
    "missing_field",
    "response_format.json_schema.name",
  ],
  ["a schema too deep", schema(nested(66)), "invalid_field", "response_format.json_schema.schema"],
  [
    "a schema too large",
    schema({ enum: Array.from({ length: 20_000 }, (_, i) => i) }),
    "invalid_field",
    "response_format.json_schema.schema",
  ],
  [
    "a schema that lies elsewhere",
    schema({ items: [{ $ref: "https://example.com/schema" }] }),
    "invalid_field",
    "response_format.json_schema.schema",
  ],
  [
    "a schema that lies elsewhere for who looks it up late",
    schema({ items: [{ $dynamicRef: "https://example.com/schema#node" }] }),
    "invalid_field",
    "response_format.json_schema.schema",
  ],
  ["log probabilities as a number", { logprobs: 3 }, "invalid_field", "logprobs"],
  ["alternatives without log probabilities", { top_logprobs: 3 }, "invalid_field", "top_logprobs"],
  ["too many alternatives", { logprobs: true, top_logprobs: 21 }, "invalid_field", "top_logprobs"],
  ["log probabilities of the prompt", { prompt_logprobs: 1 }, "unsupported_field", "prompt_logprobs"],
  ["the prompt back", { echo: true }, "unsupported_field", "echo"],
  ["a template", { chat_template: "{{x}}" }, "unsupported_field", "chat_template"],
  ["several choices", { n: 2 }, "multiple_choices", "n"],
  ["web search", { web_search_options: {} }, "web_search", "venice_parameters.enable_web_search"],
  ["a temperature that is a text", { temperature: "1" }, "invalid_field", "temperature"],
];

describe("a request that is refused", () => {
  it.each(refused)("%s", (_, more, code, param) => {
    expect(() => parseRichRequest(ask(more))).toThrow(expect.objectContaining({ name: "WireError", code, param }));
  });

  it("takes what lies just within the limits", () => {
    for (const more of [
      say(Array.from({ length: 64 }, () => part())),
      schema(nested(65)),
      schema({ enum: Array.from({ length: 19_998 }, (_, i) => i) }),
      { tools: Array.from({ length: 128 }, (_, i) => tool(`t${i}`)) },
      { logprobs: true, top_logprobs: 20 },
    ])
      expect(parseRichRequest(ask(more)).rich).toBeDefined();
  });

  it("ends in our own error for a schema of any depth", () => {
    const deep: unknown = JSON.parse(`${'{"items":'.repeat(100_000)}{}${"}".repeat(100_000)}`);
    expect(() => parseRichRequest(ask(schema(deep)))).toThrow(expect.objectContaining({ code: "invalid_field" }));
  });

  it("fails with an error of the catalogue or not at all, names no text of the request's, and changes nothing in it", () => {
    const CANARY = "canary!";
    const words = fc.constantFrom<unknown>(
      CANARY,
      "user",
      "tool",
      "assistant",
      "function",
      "text",
      "image_url",
      "json_schema",
      PIXEL,
      "auto",
      null,
      true,
      0,
      1,
      [],
    );
    const names = fc.constantFrom(
      "role",
      "content",
      "type",
      "text",
      "image_url",
      "url",
      "detail",
      "function",
      "name",
      "arguments",
      "id",
      "tool_calls",
      "tool_call_id",
      "schema",
      "json_schema",
      "parameters",
      "__proto__",
      CANARY,
    );
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        words,
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(names, tie("value"), { maxKeys: 4 }),
      ),
    }));
    const members = [
      "messages",
      "tools",
      "tool_choice",
      "parallel_tool_calls",
      "response_format",
      "logprobs",
      "top_logprobs",
      "stop",
      "functions",
      CANARY,
    ];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...members), value, { maxKeys: 5 }), (more) => {
        const body = ask(more);
        const before = JSON.stringify(body);
        try {
          const { rich } = parseRichRequest(body);
          expect(rich === undefined || rich.needs.length > 0).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
          expect((error as WireError).param).not.toContain(CANARY);
        }
        expect(JSON.stringify(body)).toBe(before);
      }),
      { numRuns: 2000 },
    );
  });
});
