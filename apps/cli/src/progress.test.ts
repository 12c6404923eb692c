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

it("passes on what went wrong", async () => {
  await expect(withProgress("fetching", Promise.reject(new Error("no")))).rejects.toThrow("no");
});
