import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bauta } from "../support/bauta.ts";
import { type RunningDemo, startDemoProcess } from "../support/demo.ts";
import { startScriptedEngine } from "../support/scripted-engine.ts";

describe("bauta demo", () => {
  let demo: RunningDemo;
  beforeAll(async () => {
    demo = await startDemoProcess();
  });
  afterAll(async () => {
    await demo?.stop();
  });

  it("prints one line with all that a client needs", () => {
    const { process: _process, log: _log, stop: _stop, firstVersionPolicy: _policy, ...line } = demo;
    expect(line).toEqual({
      gateway: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/api\/v1$/),
      apiKey: expect.stringMatching(/^bauta_[\w-]{43}$/),
      models: ["tee-pocket", "e2ee-pocket"],
      trustRoot: expect.any(String),
      policy: expect.any(String),
      env: expect.any(String),
    });
    expect(JSON.parse(readFileSync(line.policy, "utf8"))).toMatchObject({ version: 1, provider: "simulator", builds: [{ name: "demo" }] });
    // Machine, GPUs, their manifests and NRAS.
    expect(readFileSync(line.trustRoot, "latin1").match(/-----BEGIN CERTIFICATE-----/g)).toHaveLength(4);
  });

  it("answers OpenAI's API with real tokens from llama.cpp, streamed and whole", async () => {
    const ask = (stream: boolean) =>
      fetch(`${demo.gateway}/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${demo.apiKey}`, "content-type": "application/json" },
        body: JSON.stringify({ model: "tee-pocket", stream, seed: 1, max_tokens: 20, messages: [{ role: "user", content: "Hello" }] }),
      });
    const whole = (await (await ask(false)).json()) as { choices: { message: { content: string } }[] };
    const streamed = (await (await ask(true)).text())
      .split("\n\n")
      .filter((event) => event.startsWith("data: {"))
      .map((event) => (JSON.parse(event.slice(6)) as { choices: { delta: { content?: string } }[] }).choices[0]?.delta.content ?? "")
      .join("");
    expect(streamed).not.toBe("");
    expect(whole.choices[0]?.message.content).toBe(streamed);
  });

  it("serves quotes in base64, and in hex where asked", async () => {
    const quote = async (query: string) => {
      const url = `${demo.gateway}/tee/attestation?model=e2ee-pocket&nonce=${"ab".repeat(32)}${query}`;
      return ((await (await fetch(url, { headers: { authorization: `Bearer ${demo.apiKey}` } })).json()) as { intel_quote: string })
        .intel_quote;
    };
    expect(await quote("")).toMatch(/^BAAC/);
    expect(await quote("&quote_encoding=hex")).toMatch(/^04000200/);
  });

  it("ends at SIGTERM with status 0 and leaves no file behind", async () => {
    const other = await startDemoProcess(["--quote-encoding", "hex"]);
    const url = `${other.gateway}/tee/attestation?model=e2ee-pocket&nonce=${"ab".repeat(32)}`;
    const answer = (await (await fetch(url, { headers: { authorization: `Bearer ${other.apiKey}` } })).json()) as {
      intel_quote: string;
      verified: boolean;
    };
    expect(answer).toMatchObject({ verified: true, intel_quote: expect.stringMatching(/^04000200/) });
    expect(await other.stop()).toBe(0);
    expect(existsSync(other.trustRoot)).toBe(false);
    expect(existsSync(other.policy)).toBe(false);
    expect(other.log()).toBe("");
  });

  it("shows a person what to try next, in plain text within 80 columns where it is not a terminal", async () => {
    const { stdout } = await runUntilReady();
    // oxlint-disable-next-line no-control-regex -- no colour in a pipe
    expect(stdout).not.toMatch(/\u001b/);
    expect(stdout).toContain("SIMULATED");
    expect(stdout).toContain("npx bauta chat");
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  it("names what is wrong with its engine", async () => {
    const missing = await bauta(["demo", "--model-file", "/nonexistent/model.gguf"]);
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining("/nonexistent/model.gguf") });

    const notGguf = await bauta(["demo", "--model-file", new URL(import.meta.url).pathname]);
    expect(notGguf).toMatchObject({ code: 2, stderr: expect.stringContaining("demo.test.ts") });

    const down = await bauta(["demo", "--engine-url", "http://127.0.0.1:9/v1"]);
    expect(down).toMatchObject({ code: 2, stderr: expect.stringContaining("http://127.0.0.1:9/v1/models") });

    const engine = await startScriptedEngine(["hi"]);
    const unknown = await bauta(["demo", "--engine-url", engine.url, "--engine-model", "other"]);
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('no model "other" (it lists scripted)') });
    await engine.close();
  });

  it("says that its port is taken", async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, "127.0.0.1", resolve));
    const { port } = blocker.address() as AddressInfo;
    const outcome = await bauta(["demo", "--gateway-port", String(port), "--json"]);
    blocker.close();
    expect(outcome.code).toBe(1);
    expect(JSON.parse(outcome.stdout)).toMatchObject({
      error: { code: "address_in_use", message: expect.stringMatching(new RegExp(`${port}.*--gateway-port`)) },
    });
  });

  it("refuses wrong usage with status 2", async () => {
    expect(await bauta(["demo", "--gateway-port", "seventy"])).toMatchObject({ code: 2, stderr: expect.stringContaining("0 to 65535") });
    expect(await bauta(["demo", "--engine-url", "http://127.0.0.1:9", "--model-file", "x"])).toMatchObject({ code: 2 });
    expect(await bauta(["dmeo"])).toMatchObject({ code: 2, stderr: expect.stringContaining("demo") });
    expect(await bauta(["--help"])).toMatchObject({ code: 0, stdout: expect.stringContaining("chat") });
  });
});

/** Without --json, so that the words for people are shown; ended once they are. */
async function runUntilReady(): Promise<{ stdout: string }> {
  const { spawn } = await import("node:child_process");
  const { bautaCommand } = await import("../support/demo.ts");
  const child = spawn(process.execPath, [bautaCommand, "demo", "--gateway-port", "0"], {
    cwd: join(tmpdir()),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  for await (const piece of child.stdout.setEncoding("utf8")) {
    stdout += piece as string;
    if (stdout.includes("Ctrl-C")) child.kill("SIGINT");
  }
  return { stdout };
}
