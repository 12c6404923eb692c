import { describe, expect, it } from "vitest";
import { parsePlainRequest } from "./open-request.ts";

describe("parsePlainRequest", () => {
  const plain = (members: object = {}) => ({ model: "tee-a", messages: [{ role: "user", content: "hi" }], ...members });

  it("builds the request, streamed or not, and joins text parts", () => {
    expect(parsePlainRequest(plain({ user: "x", max_tokens: 3 }))).toEqual({
      model: "tee-a",
      messages: [{ role: "user", content: "hi" }],
      sampling: { maxTokens: 3 },
      stream: false,
      includeUsage: false,
      omitReasoning: false,
    });
    const parts = [
      { type: "text", text: "a" },
      { type: "text", text: "b" },
    ];
    expect(parsePlainRequest(plain({ stream: true, messages: [{ role: "user", content: parts }, { role: "assistant" }] }))).toMatchObject({
      stream: true,
      messages: [{ content: "a\nb" }, { content: "" }],
    });
  });

  it.each([
    [plain({ logprobs: true }), "unsupported_field", "logprobs"],
    [plain({ tools: [{}] }), "tools_unsupported", "tools"],
    [plain({ n: 3 }), "multiple_choices", "n"],
    [plain({ messages: [{ role: "user" }] }), "missing_field", "messages[0].content"],
    [plain({ messages: [{ role: "user", content: 5 }] }), "invalid_field", "messages[0].content"],
    [plain({ messages: [{ role: "user", content: ["x"] }] }), "invalid_field", "messages[0].content[0]"],
    [plain({ messages: [{ role: "user", content: [{ type: "image_url", image_url: {} }] }] }), "content_parts", "messages[0].content[0]"],
    [plain({ messages: [{ role: "user", content: [{ type: "text", text: 1 }] }] }), "content_parts", "messages[0].content[0]"],
    ["text", "invalid_json", null],
  ] as const)("%j → %s", (request, code, param) => {
    expect(() => parsePlainRequest(request)).toThrow(expect.objectContaining({ name: "WireError", code, param, status: 400 }) as Error);
  });
});
