import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { askWithTool, type Caller, type Json, seeChunks, seeCompletion, seeVectors } from "./caller.ts";
import type { Endpoint } from "./stack.ts";

const execute = promisify(execFile);

/** An answer's error, as its JSON has it. */
class CurlError extends Error {
  readonly status: number;
  readonly error: Json;

  constructor(status: number, error: Json) {
    super(`status ${status}`);
    this.status = status;
    this.error = error;
  }
}

/** curl, as the examples of OpenAI's documentation call it. */
export const curl: Caller = {
  async ask(endpoint, { kind, body }) {
    const path = kind === "embeddings" ? "embeddings" : "chat/completions";
    try {
      if (kind === "abort") return await leave(endpoint, path, body);
      if (kind === "tool") return await askWithTool(body, async (json) => parse(await post(endpoint, path, json)));
      const text = await post(endpoint, path, body);
      if (kind === "stream") return seeChunks(parseEvents(text));
      return kind === "embeddings" ? seeVectors(parse(text)) : seeCompletion(parse(text));
    } catch (error) {
      if (!(error instanceof CurlError)) throw error;
      return { error: { status: error.status, code: error.error["code"], param: error.error["param"] } };
    }
  },
};

async function post(endpoint: Endpoint, path: string, body: Json): Promise<string> {
  const { stdout } = await execute("curl", ["-w", "\n%{http_code}", ...lineOf(endpoint, path, body)]);
  const at = stdout.lastIndexOf("\n");
  const status = Number(stdout.slice(at + 1));
  const text = stdout.slice(0, at);
  if (status !== 200) throw new CurlError(status, parse(text)["error"] as Json);
  return text;
}

async function leave(endpoint: Endpoint, path: string, body: Json): Promise<object> {
  const child = spawn("curl", ["-N", ...lineOf(endpoint, path, body)]);
  let text = "";
  for await (const piece of child.stdout.setEncoding("utf8")) {
    text += piece as string;
    if (text.includes('"content":"It')) break;
  }
  if (child.exitCode === null) {
    child.kill();
    await once(child, "exit");
  }
  return {};
}

function lineOf({ baseUrl, apiKey }: Endpoint, path: string, body: Json): string[] {
  const headers = ["-H", "Content-Type: application/json", "-H", `Authorization: Bearer ${apiKey}`];
  return ["-sS", "--max-time", "20", `${baseUrl}/${path}`, ...headers, "-d", JSON.stringify(body)];
}

const parse = (text: string): Json => JSON.parse(text) as Json;

function parseEvents(text: string): Json[] {
  const data = [...text.matchAll(/^data: (.*)$/gm)].map(([, json]) => json ?? "");
  if (data.pop() !== "[DONE]") throw new Error("the stream has no [DONE] at its end");
  return data.map(parse);
}
