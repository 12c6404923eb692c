import { describe, expect, it } from "vitest";
import { createAssembly } from "./assemble.ts";

const MIB = "x".repeat(1024 * 1024);
const withChoice = (choice: object) => ({ id: "1", choices: [{ index: 0, ...choice }] });

describe("an answer that is put together", () => {
  // Whoever relays an answer in clear, or seals to the client's key, can go on for ever.
  it.each([
    ["text", withChoice({ delta: { content: MIB } })],
    ["the arguments of a tool call", withChoice({ delta: { tool_calls: [{ index: 0, function: { name: "", arguments: MIB } }] } })],
    ["log probabilities", withChoice({ delta: {}, logprobs: { content: [{ token: MIB }] } })],
    ["names of log probabilities", withChoice({ delta: {}, logprobs: Object.fromEntries([[MIB, []]]) })],
  ])("is bounded: %s", (_name, chunk) => {
    const assembly = createAssembly("e2ee-model");
    const addAll = () => {
      for (let i = 0; i < 200; i++) assembly.add(chunk);
    };
    expect(addAll).toThrow(expect.objectContaining({ code: "answer_too_large" }));
  });

  it("is bounded: tool calls and choices without anything in them", () => {
    for (const empty of [
      (index: number) => withChoice({ delta: { tool_calls: [{ index }] } }),
      (index: number) => ({ id: "1", choices: [{ index, delta: {} }] }),
    ]) {
      const assembly = createAssembly("e2ee-model");
      const addAll = () => {
        for (let index = 0; index < 1_000_000; index++) assembly.add(empty(index));
      };
      expect(addAll).toThrow(expect.objectContaining({ code: "answer_too_large" }));
    }
  });
});
