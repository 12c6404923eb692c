import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { createTerminal } from "./terminal.ts";

/** A stream that says of itself what a terminal would. */
function stream(isTTY: boolean, columns?: number): NodeJS.WriteStream {
  return Object.assign(new PassThrough(), { isTTY, columns }) as unknown as NodeJS.WriteStream;
}

describe("createTerminal", () => {
  const coloured = (isTTY: boolean, env: NodeJS.ProcessEnv) => createTerminal(stream(isTTY), env).good("text") !== "text";

  it.each([
    ["a terminal", true, {}, true],
    ["a pipe", false, {}, false],
    ["a terminal with NO_COLOR", true, { NO_COLOR: "1" }, false],
    ["a terminal that cannot", true, { TERM: "dumb" }, false],
    ["a pipe with FORCE_COLOR", false, { FORCE_COLOR: "1" }, true],
  ])("%s", (_name, isTTY, env, colour) => {
    expect(coloured(isTTY, env)).toBe(colour);
  });

  it("knows its width, 80 columns where nobody says, and never more than is read with ease", () => {
    expect(createTerminal(stream(true, 60), {}).width).toBe(60);
    expect(createTerminal(stream(false), {}).width).toBe(80);
    expect(createTerminal(stream(true, 300), {}).width).toBe(100);
  });

  it("writes lines", () => {
    const sink = new PassThrough();
    const terminal = createTerminal(Object.assign(sink, { isTTY: false }) as unknown as NodeJS.WriteStream, {});
    terminal.line("one");
    terminal.write("two");
    terminal.line();
    expect((sink.read() as Buffer).toString()).toBe("one\ntwo\n");
  });
});
