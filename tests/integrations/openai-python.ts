import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { python } from "../support/python.ts";
import type { Caller, Seen } from "./caller.ts";

const PROGRAM = fileURLToPath(new URL("./openai-python.py", import.meta.url));

/** The openai package for Python, in a process that makes one call after the other. */
export function startOpenaiPython(): Caller {
  const child = spawn(python ?? "python3", [PROGRAM], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask({ baseUrl, apiKey }, { kind, body }) {
      child.stdin.write(`${JSON.stringify({ kind, body, base_url: baseUrl, api_key: apiKey })}\n`);
      const line = (await lines.next()) as IteratorResult<string>;
      if (line.done) throw new Error("the Python program ended; it has written why");
      return JSON.parse(line.value) as Seen;
    },
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}
