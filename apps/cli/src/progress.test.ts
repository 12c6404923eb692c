import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { withProgress } from "./progress.ts";
import { createTerminal } from "./terminal.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** What is written while work takes so long. */
async function shownDuring(workMs: number, isTTY: boolean): Promise<string> {
  const sink = new PassThrough();
  const terminal = createTerminal(Object.assign(sink, { isTTY }) as unknown as NodeJS.WriteStream, { NO_COLOR: "1" });
  const work = withProgress("fetching", new Promise((resolve) => void setTimeout(() => resolve("done"), workMs)), terminal);
  await vi.advanceTimersByTimeAsync(workMs);
  expect(await work).toBe("done");
  return ((sink.read() as Buffer | null) ?? "").toString();
}

it("says in a terminal what takes more than a second, and takes it back", async () => {
  expect(await shownDuring(1500, true)).toBe("fetching …\r\u001b[2K");
});

it("is silent about what is quick, and where nobody watches", async () => {
  expect(await shownDuring(900, true)).toBe("");
  expect(await shownDuring(1500, false)).toBe("");
});

it("keeps what is waited for at once in one line", async () => {
  const sink = new PassThrough();
  const terminal = createTerminal(Object.assign(sink, { isTTY: true }) as unknown as NodeJS.WriteStream, { NO_COLOR: "1" });
  const wait = (words: string, workMs: number) =>
    withProgress(words, new Promise<void>((resolve) => void setTimeout(resolve, workMs)), terminal);
  const both = Promise.all([wait("fetching", 3000), wait("asking", 2000)]);
  await vi.advanceTimersByTimeAsync(3000);
  await both;
  const clear = "\r\u001b[2K";
  expect((sink.read() as Buffer).toString()).toBe(`fetching …${clear}fetching, asking …${clear}fetching …${clear}`);
});

it("passes on what went wrong", async () => {
  await expect(withProgress("fetching", Promise.reject(new Error("no")))).rejects.toThrow("no");
});
