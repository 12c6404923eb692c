import { writeFileSync } from "node:fs";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bauta } from "../support/bauta.ts";
import { bautaCommand, type RunningDemo, startDemoProcess } from "../support/demo.ts";
import { type ScriptedEngine, startScriptedEngine } from "../support/scripted-engine.ts";

const execute = promisify(execFile);

describe("bauta chat", () => {
  let engine: ScriptedEngine;
  let demo: RunningDemo;
  let folder: string;
  let env: NodeJS.ProcessEnv;
  let trust: string[];

  beforeAll(async () => {
    engine = await startScriptedEngine(["Four", ", I think. \u001b[31m"]);
    demo = await startDemoProcess(["--engine-url", engine.url]);
    folder = await mkdtemp(join(tmpdir(), "bauta-chat-"));
    env = { BAUTA_BASE_URL: demo.gateway, BAUTA_API_KEY: demo.apiKey };
    trust = ["--trust-root", demo.trustRoot, "--policy", demo.policy];
  });
  afterAll(async () => {
    await demo?.stop();
    await engine?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("shows the attestation, the answer and its proof, and says SIMULATED with each", async () => {
    const { code, stdout, stderr } = await bauta(["chat", "--model", "e2ee-scripted", ...trust, "What", "is", "2+2?"], { env });
    expect(code).toBe(0);
    const lines = stderr.trimEnd().split("\n");
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines[0]).toMatch(/^✓ e2ee-scripted attested SIMULATED \(\d+ checks passed, 0 failed, \d+ not made\)$/);
    expect(lines.at(-1)).toMatch(/^✓ verified · SIMULATED · \d+ tokens · receipt chatcmpl-\w+…$/);
    // Another program gets what the model wrote, and nothing else.
    expect(stdout).toBe("Four, I think. \u001b[31m\n");
    expect(engine.requests.at(-1)?.messages).toEqual([{ role: "user", content: "What is 2+2?" }]);
  });

  it("reads the message from a pipe and prints JSON", async () => {
    const { code, stdout } = await bauta(["chat", "--model", "e2ee-scripted", ...trust, "--json", "--system", "Be brief."], {
      env,
      input: "Hello\n",
    });
    expect(code).toBe(0);
    const result = JSON.parse(stdout) as Record<string, unknown>;
    expect(result).toMatchObject({
      answer: { content: "Four, I think. \u001b[31m", reasoning: "" },
      outcome: { status: "verified", simulated: true, finishReason: "stop", receipt: { model: "e2ee-scripted" } },
      attestation: { ok: true, simulated: true, pinned: true },
    });
    expect(engine.requests.at(-1)?.messages).toEqual([
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hello\n" },
    ]);
  });

  it("puts standard input behind what is asked", async () => {
    const { code } = await bauta(["chat", "--model", "e2ee-scripted", ...trust, "Summarise:"], { env, input: "a\nb\n" });
    expect(code).toBe(0);
    expect(engine.requests.at(-1)?.messages).toEqual([{ role: "user", content: "Summarise:\n\na\nb\n" }]);
  });

  it("sends nothing when the simulator's root is not named", async () => {
    const before = engine.requests.length;
    const { code, stdout, stderr } = await bauta(["chat", "--model", "e2ee-scripted", "--policy", demo.policy, "Hello"], { env });
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain("✗ e2ee-scripted NOT acceptable");
    expect(stderr).toContain("✗ tdx.pck-chain");
    expect(stderr).toContain("nothing was sent");
    expect(engine.requests.length).toBe(before);
  });

  it("sends nothing without reference values, unless told to accept any, and then says UNPINNED", async () => {
    const refused = await bauta(["chat", "--model", "e2ee-scripted", "--trust-root", demo.trustRoot, "--json", "Hello"], { env });
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({
      answer: null,
      outcome: { status: "refused" },
      attestation: { ok: false, pinned: false },
    });

    const accepted = await bauta(["chat", "--model", "e2ee-scripted", "--trust-root", demo.trustRoot, "--allow-unpinned", "Hello"], {
      env,
    });
    expect(accepted.code).toBe(0);
    expect(accepted.stderr).toContain("verified · SIMULATED UNPINNED");
  });

  it("sends nothing to another build than the policy's", async () => {
    const policy = join(folder, "other.json");
    const zeros = "00".repeat(48);
    const build = {
      name: "other",
      source: "test",
      date: "2026-01-01",
      mrtd: zeros,
      rtmr0: zeros,
      rtmr1: zeros,
      rtmr2: zeros,
      compose_hash: "00".repeat(32),
    };
    writeFileSync(policy, JSON.stringify({ version: 1, provider: "simulator", builds: [build], allow: { debug: false } }));
    const { code, stderr } = await bauta(
      ["chat", "--model", "e2ee-scripted", "--trust-root", demo.trustRoot, "--policy", policy, "Hello"],
      { env },
    );
    expect(code).toBe(1);
    expect(stderr).toContain("✗ measure.mrtd");
  });

  it("asks a tee model only when told that the gateway reads it", async () => {
    const first = ["chat", "--model", "tee-scripted", "--root", demo.trustRoot, "--policy", demo.firstVersionPolicy];
    const refused = await bauta([...first, "Hello"], { env });
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("gateway") });
    const allowed = await bauta([...first, "--allow-gateway-visible", "Hello"], { env });
    expect(allowed).toMatchObject({ code: 0, stderr: expect.stringContaining("verified · SIMULATED") });
  });

  it("seals what it sends to a tee model where the policy says that its enclave takes it so", async () => {
    const { code, stderr } = await bauta(["chat", "--model", "tee-scripted", ...trust, "Hello"], { env });
    expect(code).toBe(0);
    expect(stderr).toContain("verified · SIMULATED");
    expect(stderr).not.toContain("gateway reads");
  });

  it("keeps its status when nobody reads the output", async () => {
    const shell = (pipe: string) =>
      `"${process.execPath}" "${bautaCommand}" chat --model e2ee-scripted --policy "${demo.policy}" Hello ${pipe}; echo "\${PIPESTATUS[0]}" >&2`;
    const { stderr } = await execute("bash", ["-c", shell("| true")], { env: { ...process.env, ...env } });
    expect(stderr.trimEnd().split("\n").at(-1)).toBe("1");
  });

  it("lists models with what each promises", async () => {
    const { code, stdout } = await bauta(["models"], { env });
    expect(code).toBe(0);
    expect(stdout).toMatch(/tee-scripted +attested: the gateway reads it too\ne2ee-scripted +sealed/);
    expect(JSON.parse((await bauta(["models", "--json"], { env })).stdout)).toHaveLength(2);
  });

  const usage: [string, string[], string][] = [
    ["no gateway", ["chat", "--model", "e2ee-x", "Hello"], "BAUTA_BASE_URL"],
    ["no model", ["chat", "Hello"], "--model"],
    [
      "a missing policy",
      ["chat", "--base-url", "http://127.0.0.1:9", "--api-key", "k", "--model", "e2ee-x", "--policy", "/nonexistent.json", "Hello"],
      "/nonexistent.json: no such file",
    ],
    ["nothing to ask", ["chat", "--base-url", "http://127.0.0.1:9", "--api-key", "k", "--model", "e2ee-x"], "nothing to ask"],
    [
      "two policies",
      ["chat", "--base-url", "http://127.0.0.1:9", "--api-key", "k", "--model", "e2ee-x", "--policy", "p", "--allow-unpinned", "Hello"],
      "contradict",
    ],
  ];
  it.each(usage)("refuses %s with status 2", async (_name, args, words) => {
    expect(await bauta(args)).toMatchObject({ code: 2, stderr: expect.stringContaining(words) });
  });

  it("names the field of a policy that is wrong", async () => {
    const policy = join(folder, "typo.json");
    writeFileSync(policy, JSON.stringify({ version: 1, bulids: [] }));
    const { code, stderr } = await bauta(["chat", "--model", "e2ee-scripted", "--policy", policy, "Hello"], { env });
    expect(code).toBe(2);
    expect(stderr).toContain("bulids");
  });

  it("says which server cannot be reached, with status 1", async () => {
    const { code, stderr } = await bauta([
      "chat",
      "--base-url",
      "http://127.0.0.1:1234/api/v1",
      "--api-key",
      "k",
      "--model",
      "e2ee-x",
      ...trust,
      "Hello",
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain("http://127.0.0.1:1234/api/v1/tee/attestation");
  });

  it("shows the server's word for an unknown key as a hint", async () => {
    const { code, stderr } = await bauta([
      "chat",
      "--base-url",
      demo.gateway,
      "--api-key",
      "wrong",
      "--model",
      "e2ee-scripted",
      ...trust,
      "Hello",
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain("API key");
    expect(stderr).not.toContain("wrong");
  });
});
