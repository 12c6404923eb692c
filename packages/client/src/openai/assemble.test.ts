import { describe, expect, it } from "vitest";
import type { Outcome } from "../outcome.ts";
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

  it("keeps what it does not know: texts run on, lists grow, the rest is what came last", () => {
    const assembly = createAssembly("e2ee-model");
    for (const delta of [
      { audio: { id: "a", transcript: "fo" }, annotations: [1], mood: "hap", count: 1 },
      { audio: { transcript: "ur" }, annotations: [2], mood: "py", count: 2, __proto__: null },
      JSON.parse('{"__proto__":{"polluted":true},"audio":{"__proto__":{"polluted":true}}}') as object,
    ]) {
      assembly.add(withChoice({ delta }));
    }
    const { choices } = assembly.finish({ status: "verified" } as Outcome) as { choices: { message: Record<string, unknown> }[] };
    expect(JSON.parse(JSON.stringify(choices[0]?.message))).toMatchObject({
      audio: { id: "a", transcript: "four" },
      annotations: [1, 2],
      mood: "happy",
      count: 2,
    });
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it("is bounded: other members", () => {
    for (const other of [{ mood: MIB }, { annotations: [MIB] }, { audio: { transcript: MIB } }]) {
      const assembly = createAssembly("e2ee-model");
      const addAll = () => {
        for (let i = 0; i < 200; i++) assembly.add(withChoice({ delta: other }));
      };
      expect(addAll).toThrow(expect.objectContaining({ code: "answer_too_large" }));
    }
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
