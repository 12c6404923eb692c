import { describe, expect, it } from "vitest";
import { readTyped } from "./chat-command.ts";

describe("readTyped", () => {
  it.each([
    ["", { is: "nothing" }],
    ["  ", { is: "nothing" }],
    ["hello", { is: "text", text: "hello" }],
    [" /quit ", { is: "command", command: "/quit" }],
    ["/exit", { is: "command", command: "/quit" }],
    ["/?", { is: "command", command: "/help" }],
    ["/", { is: "command", command: "/help" }],
    ["//proof is a command", { is: "text", text: "/proof is a command" }],
    ["/usr/bin/env: what is it?", { is: "text", text: "/usr/bin/env: what is it?" }],
    ["/* a comment */", { is: "text", text: "/* a comment */" }],
    ["/proof\nof a theorem", { is: "text", text: "/proof\nof a theorem" }],
  ])("%j is %o", (line, typed) => {
    expect(readTyped(line)).toEqual(typed);
  });

  it.each([
    ["/prof", "did you mean /proof?"],
    ["/nwe", "did you mean /new?"],
    ["/proof all of it", "did you mean /proof?"],
    ["/save", "was not sent"],
    ["/clear", "/help lists what there is"],
  ])("%s is told, not sent", (line, words) => {
    expect(readTyped(line)).toEqual({ is: "unknown", problem: expect.stringContaining(words) as string });
  });
});
