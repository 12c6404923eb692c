import { describe, expect, it } from "vitest";
import { createReasoningSplitter, type ReasoningMarks } from "./reasoning-splitter.ts";

const MARKS: ReasoningMarks = { prefix: "<think>", suffix: "</think>", opened: false };

function split(marks: ReasoningMarks | undefined, pieces: readonly string[]): { reasoning: string; content: string } {
  const splitter = createReasoningSplitter(marks);
  const parts = [...pieces.map((piece) => splitter.push(piece)), splitter.end()];
  return { reasoning: parts.map((part) => part.reasoning).join(""), content: parts.map((part) => part.content).join("") };
}

describe("reasoning splitter", () => {
  it.each([
    ["whole", ["<think>hmm</think>\n\nyes"]],
    ["by character", [..."<think>hmm</think>\n\nyes"]],
    ["with space before", ["\n", "<think>hmm</th", "ink>", "\n", "\nyes"]],
  ])("tells reasoning from content, %s", (_, pieces) => {
    expect(split(MARKS, pieces)).toEqual({ reasoning: "hmm", content: "yes" });
  });

  it("begins inside where the prompt opened it", () => {
    expect(split({ ...MARKS, opened: true }, ["hm", "m</think>yes"])).toEqual({ reasoning: "hmm", content: "yes" });
  });

  it("leaves text without marks, and later marks, as content", () => {
    expect(split(MARKS, ["no <think>x</think>"])).toEqual({ reasoning: "", content: "no <think>x</think>" });
    expect(split(MARKS, ["<thin", "g>"])).toEqual({ reasoning: "", content: "<thing>" });
    expect(split(undefined, ["<think>x"])).toEqual({ reasoning: "", content: "<think>x" });
    expect(split(MARKS, ["<think>a</think>b</think>c"])).toEqual({ reasoning: "a", content: "b</think>c" });
  });

  it("gives out what was held back when the answer is cut", () => {
    expect(split(MARKS, ["<thi"])).toEqual({ reasoning: "", content: "<thi" });
    expect(split(MARKS, ["<think>a</th"])).toEqual({ reasoning: "a</th", content: "" });
  });
});
