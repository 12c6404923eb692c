import { readFile } from "node:fs/promises";
import { PassThrough } from "node:stream";
import { createClient } from "@bauta/client";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type ScriptedEngine, startScriptedEngine } from "../../../tests/support/scripted-engine.ts";
import { chatInTerminal } from "./chat-loop.ts";
import { type DemoStack, startDemo } from "./demo-stack.ts";
import type { Terminal } from "./terminal.ts";
import { readTrustRoots } from "./trust-root-files.ts";

let engine: ScriptedEngine;
let stack: DemoStack;

beforeEach(async () => {
  engine = await startScriptedEngine(["genuine"]);
  stack = await startDemo({ gatewayPort: 0, quoteEncoding: "base64", logLevel: "silent", engineUrl: engine.url }, () => undefined);
});
afterEach(async () => {
  await stack?.close();
  await engine?.close();
});

/** A conversation typed all at once, over a network that may change answers. */
async function converse(lines: readonly string[], tamper: (url: string, response: Response) => Response | Promise<Response>) {
  let shown = "";
  const plain = (text: string) => text;
  const terminal: Terminal = {
    line: (text = "") => (shown += `${text}\n`),
    write: (text) => (shown += text),
    bold: plain,
    dim: plain,
    good: plain,
    bad: plain,
    warn: plain,
    interactive: false,
    width: 80,
  };
  const client = createClient({
    baseURL: stack.baseUrl,
    apiKey: stack.apiKey,
    policy: JSON.parse(await readFile(stack.policyFile, "utf8")) as object,
    trustRoots: await readTrustRoots([stack.trustRootFile]),
    fetch: async (url, init) => tamper(url, await fetch(url, init)),
  });
  const input = new PassThrough();
  input.end(lines.map((line) => `${line}\n`).join(""));
  const allVerified = await chatInTerminal(client, stack.models[1], terminal, { input });
  return { shown, allVerified };
}

it("keeps verified answers in the conversation", async () => {
  const { shown, allVerified } = await converse(["one", "two", "/new", "three"], (_url, response) => response);
  expect(allVerified).toBe(true);
  expect(shown.match(/^✓ verified · SIMULATED · .*receipt/gm)).toHaveLength(3);
  expect(engine.requests.map(({ messages }) => messages.map(({ content }) => content))).toEqual([
    ["one"],
    ["one", "genuine", "two"],
    ["three"],
  ]);
});

it("sends no mistyped command, and a text of several lines as one", async () => {
  const lines = ["/prof", "/help", "//help me", '"""', "a", "", "  b", '"""', '"""c"""'];
  const { shown } = await converse(lines, (_url, response) => response);
  expect(shown).toContain("/prof is no command, and was not sent; did you mean /proof?");
  expect(shown).toContain("/new        forgets the conversation");
  expect(engine.requests.map(({ messages }) => messages.at(-1)?.content)).toEqual(["/help me", "a\n\n  b", "c"]);
});

it("leaves out an answer that is not verified, which anybody could have written", async () => {
  let chats = 0;
  const { shown, allVerified } = await converse(["one", "two"], async (url, response) => {
    if (url.includes("/tee/signature")) return new Response("{}", { status: 404 });
    if (!url.endsWith("/chat/completions") || ++chats > 1) return response;
    const text = await response.text();
    return new Response(text.slice(0, text.indexOf(": bauta-receipt")), { headers: response.headers });
  });
  expect(allVerified).toBe(false);
  expect(shown).toContain("✗ unverified");
  expect(shown).toContain("left out of the conversation");
  expect(engine.requests.map(({ messages }) => messages.map(({ content }) => content))).toEqual([["one"], ["two"]]);
});
