import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import OpenAI, { BadRequestError, PermissionDeniedError } from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PROXY_ERRORS } from "../../packages/proxy/src/errors.ts";
import { bauta } from "../support/bauta.ts";
import { commandExists } from "../support/commands.ts";
import { type RunningDemo, startDemoProcess } from "../support/demo.ts";
import { noPython, python } from "../support/python.ts";
import { type ScriptedEngine, startScriptedEngine } from "../support/scripted-engine.ts";
import { skipUnless } from "../support/vectors.ts";
import { proxySettings, type RunningProxy, startProxy } from "./running-proxy.ts";

const noCurl = skipUnless(commandExists("curl"), "curl", "apt-get install curl");
const execute = promisify(execFile);
const PROMPT = "canary-prompt-5d1f";
const messages = [{ role: "user" as const, content: PROMPT }];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "bauta-proxy-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const settings = (demo: RunningDemo) => proxySettings(demo, folder);

describe("bauta proxy", () => {
  let engine: ScriptedEngine;
  let demo: RunningDemo;
  let proxy: RunningProxy;
  let openai: OpenAI;
  beforeAll(async () => {
    engine = await startScriptedEngine(["2 + 2", " is ", "4."]);
    demo = await startDemoProcess(["--engine-url", engine.url]);
    const { args, env } = settings(demo);
    proxy = await startProxy([...args, "--models", "e2ee-scripted"], env);
    openai = new OpenAI({ baseURL: proxy.baseUrl, apiKey: "not-needed-here" });
  });
  afterAll(async () => {
    await proxy?.stop();
    await demo?.stop();
    await engine?.close();
  });

  it("answers the openai package as OpenAI does, and says what the answer is worth", async () => {
    const { data, response } = await openai.chat.completions.create({ model: "e2ee-scripted", messages }).withResponse();
    expect(data.choices[0]).toMatchObject({ message: { role: "assistant", content: "2 + 2 is 4." }, finish_reason: "stop" });
    expect(data.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "bauta-protection": "sealed",
      "bauta-outcome": "verified",
      "bauta-simulated": "true",
    });
    expect(engine.requests.at(-1)?.messages).toEqual(messages);
    expect(await proxy.nextLine()).toMatchObject({
      method: "POST",
      path: "/v1/chat/completions",
      status: 200,
      model: "e2ee-scripted",
      protection: "sealed",
      outcome: "verified",
      simulated: true,
      prompt_tokens: 5,
      completion_tokens: 3,
      code: null,
    });
  });

  it("streams to the openai package", async () => {
    const stream = await openai.chat.completions.create({
      model: "e2ee-scripted",
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe("2 + 2 is 4.");
    expect(chunks.at(-1)?.usage).toMatchObject({ total_tokens: 8 });
    expect(await proxy.nextLine()).toMatchObject({ status: 200, outcome: "verified", completion_tokens: 3 });
  });

  it("shows the openai package what is refused, by the error class of its status, and repeats nothing", async () => {
    const before = engine.requests.length;
    const tee = openai.chat.completions.create({ model: "tee-scripted", messages });
    await expect(tee).rejects.toThrow(BadRequestError);
    await expect(tee).rejects.toMatchObject({ status: 400, code: "gateway_visible" });
    await expect(openai.chat.completions.create({ model: "gpt-4o", messages })).rejects.toMatchObject({
      status: 400,
      code: "model_not_private",
    });
    await expect(openai.responses.create({ model: "e2ee-scripted", input: "x" })).rejects.toMatchObject({ status: 404, code: "not_found" });
    expect(engine.requests.length).toBe(before);
    const codes = [await proxy.nextLine(), await proxy.nextLine(), await proxy.nextLine()].map(({ code }) => code);
    expect(codes).toEqual(["gateway_visible", "model_not_private", "not_found"]);
  });

  it("lists to the openai package what it can ask for", async () => {
    const ids = [];
    for await (const { id } of openai.models.list()) ids.push(id);
    expect(ids).toEqual(["e2ee-scripted"]);
    expect((await openai.models.retrieve("e2ee-scripted")).id).toBe("e2ee-scripted");
    await expect(openai.models.retrieve("tee-scripted")).rejects.toMatchObject({ status: 404 });
    for (let i = 0; i < 3; i++) await proxy.nextLine();
  });

  it.skipIf(noPython)("answers the openai package for Python, streaming and not", async () => {
    const code = `
from openai import OpenAI
client = OpenAI(base_url=${JSON.stringify(proxy.baseUrl)}, api_key="unused")
messages = [{"role": "user", "content": "Hello"}]
print(client.chat.completions.create(model="e2ee-scripted", messages=messages).choices[0].message.content)
stream = client.chat.completions.create(model="e2ee-scripted", messages=messages, stream=True)
print("".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices))
`;
    const { stdout, stderr } = await execute(python as string, ["-c", code]);
    expect(stderr).toBe("");
    expect(stdout).toBe("2 + 2 is 4.\n2 + 2 is 4.\n");
    for (let i = 0; i < 2; i++) await proxy.nextLine();
  });

  describe.skipIf(noCurl)("with curl", () => {
    const curl = async (...args: string[]) => (await execute("curl", ["-sS", "--max-time", "20", ...args])).stdout;
    const body = JSON.stringify({ model: "e2ee-scripted", messages });
    const chat = () => ["-H", "content-type: application/json", "-d", body, `${proxy.baseUrl}/chat/completions`];

    it("answers, with the outcome among the headers", async () => {
      const answer = await curl("-i", ...chat());
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(answer).toContain("bauta-outcome: verified");
      expect(answer).toContain('"content":"2 + 2 is 4."');
      await proxy.nextLine();
    });

    it("streams, with the outcome in a comment before [DONE]", async () => {
      const streaming = JSON.stringify({ model: "e2ee-scripted", messages, stream: true });
      const answer = await curl("-N", "-H", "content-type: application/json", "-d", streaming, `${proxy.baseUrl}/chat/completions`);
      expect(answer).toMatch(/: bauta-outcome verified\n\ndata: \[DONE\]\n\n$/);
      await proxy.nextLine();
    });

    it.each([
      ["a name that was made to point here", "Host: evil.example", "foreign_host"],
      ["a page of another origin", "Origin: https://evil.example", "foreign_origin"],
      ["a page that names no origin", "Sec-Fetch-Site: cross-site", "foreign_origin"],
    ])("refuses %s, whatever it asks for", async (_name, header, code) => {
      const before = engine.requests.length;
      for (const args of [chat(), [`${proxy.baseUrl}/models`], [`${proxy.origin}/`], [`${proxy.origin}/verification`]]) {
        const answer = await curl("-i", "-H", header, ...args);
        expect(answer).toMatch(/^HTTP\/1\.1 403 /);
        expect(answer).toContain(`"code":"${code}"`);
        expect(answer.toLowerCase()).not.toContain("access-control");
        expect(await proxy.nextLine()).toMatchObject({ status: 403, code });
      }
      expect(engine.requests.length).toBe(before);
    });

    it("says that a large body is too large", async () => {
      const file = join(folder, "large.json");
      writeFileSync(file, " ".repeat(5 * 1024 * 1024));
      const answer = await curl(
        "-i",
        "-H",
        "content-type: application/json",
        "-H",
        "expect:",
        "--data-binary",
        `@${file}`,
        `${proxy.baseUrl}/chat/completions`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 413 /);
      expect(await proxy.nextLine()).toMatchObject({ status: 413, code: "too_large" });
    });
  });

  it("shows the proof of each model, all of it as JSON, and in words on its page", async () => {
    const verification = (await (await fetch(`${proxy.origin}/verification`)).json()) as Record<string, unknown>;
    expect(verification).toMatchObject({
      server: demo.gateway,
      models: [
        {
          model: "e2ee-scripted",
          protection: "sealed",
          ok: true,
          simulated: true,
          pinned: true,
          result: { ok: true, scope: "enclave", claims: { build: "demo" }, signingKey: expect.stringMatching(/^04[0-9a-f]{128}$/) },
        },
      ],
    });
    const [{ result }] = verification["models"] as [{ result: { checks: { id: string; status: string }[] } }];
    expect(result.checks.find(({ id }) => id === "key.bound-to-report-data")?.status).toBe("pass");
    const page = await (await fetch(`${proxy.origin}/`)).text();
    for (const words of ["e2ee-scripted", "SIMULATED", "✓ attested", "build “demo”", "Who could still read"]) expect(page).toContain(words);
    expect(await (await fetch(`${proxy.origin}/healthz`)).json()).toEqual({ ok: true });
    for (let i = 0; i < 3; i++) await proxy.nextLine();
  });

  it("logs nothing of what was asked or answered, and no key", () => {
    expect(proxy.output()).not.toContain(PROMPT);
    expect(proxy.output()).not.toContain("2 + 2");
    expect(proxy.output()).not.toContain(demo.apiKey);
  });

  it("asks callers for the local key, from a file, and takes no key from the command line", async () => {
    const file = join(folder, "local.key");
    writeFileSync(file, "local-key-77\n", { mode: 0o600 });
    const apiKeyFile = join(folder, "api.key");
    writeFileSync(apiKeyFile, `${demo.apiKey}\n`, { mode: 0o600 });
    const { args, env } = settings(demo);
    const guarded = await startProxy([...args, "--local-key-file", file, "--api-key-file", apiKeyFile], { ...env, BAUTA_API_KEY: "" });
    try {
      const ask = (apiKey: string) =>
        new OpenAI({ baseURL: guarded.baseUrl, apiKey, maxRetries: 0 }).chat.completions.create({ model: "e2ee-scripted", messages });
      await expect(ask(demo.apiKey)).rejects.toMatchObject({ status: 401, code: "unauthorized" });
      expect((await ask("local-key-77")).choices[0]?.message.content).toBe("2 + 2 is 4.");
      expect(guarded.output()).not.toContain("local-key-77");
    } finally {
      await guarded.stop();
    }
    expect(await bauta(["proxy", "--api-key", "x"])).toMatchObject({ code: 2, stderr: expect.stringContaining("unknown option") });
  });

  it("passes a tee model on only where that was said, and says that it is visible", async () => {
    const { args, env } = settings(demo);
    const open = await startProxy([...args, "--allow-gateway-visible"], env);
    try {
      const client = new OpenAI({ baseURL: open.baseUrl, apiKey: "x" });
      const { data, response } = await client.chat.completions.create({ model: "tee-scripted", messages }).withResponse();
      expect(data.choices[0]?.message.content).toBe("2 + 2 is 4.");
      expect(response.headers.get("bauta-protection")).toBe("gateway-visible");
      expect(await open.nextLine()).toMatchObject({ protection: "gateway-visible", outcome: "verified" });
    } finally {
      await open.stop();
    }
  });

  it("lets members travel beside sealed messages only where they were named", async () => {
    const { args, env } = settings(demo);
    const request = { model: "e2ee-scripted", messages, user: "ann", stop: ["END"] };
    const refused = await openai.chat.completions.create(request).catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 400, code: "field_in_clear", param: "user" });
    const open = await startProxy([...args, "--allow-in-clear", "stop,user"], env);
    try {
      const { choices } = await new OpenAI({ baseURL: open.baseUrl, apiKey: "x" }).chat.completions.create(request);
      expect(choices[0]?.message.content).toBe("2 + 2 is 4.");
    } finally {
      await open.stop();
    }
    const odd = await bauta(["proxy", ...args, "--allow-in-clear", "stop;user"], { env });
    expect(odd).toMatchObject({ code: 2, stderr: expect.stringContaining("names of members with commas between") });
  });

  it("sends nothing when the enclave is not acceptable, and says why", async () => {
    const { env } = settings(demo);
    const before = engine.requests.length;
    const untrusting = await startProxy(["--policy", demo.firstVersionPolicy], env);
    try {
      const ask = new OpenAI({ baseURL: untrusting.baseUrl, apiKey: "x", maxRetries: 2 }).chat.completions.create({
        model: "e2ee-scripted",
        messages,
      });
      await expect(ask).rejects.toThrow(PermissionDeniedError);
      await expect(ask).rejects.toMatchObject({ code: "attestation_refused", message: expect.stringContaining("tdx.pck-chain") });
      expect(await untrusting.nextLine()).toMatchObject({ status: 403, code: "attestation_refused", model: "e2ee-scripted" });
      expect(engine.requests.length).toBe(before);
    } finally {
      await untrusting.stop();
    }
  });

  it("takes its settings from a file, and flags before them", async () => {
    const apiKeyFile = join(folder, "file.key");
    writeFileSync(apiKeyFile, demo.apiKey, { mode: 0o600 });
    const file = join(folder, "settings.json");
    const content = {
      base_url: demo.gateway,
      api_key_file: "file.key",
      trust_root: [demo.trustRoot],
      policy: demo.firstVersionPolicy,
      proxy: { allow_gateway_visible: true, models: ["e2ee-scripted", "tee-scripted"], host: "127.0.0.5" },
    };
    writeFileSync(file, JSON.stringify(content));
    const { env } = settings(demo);
    const clean = { ...env, BAUTA_BASE_URL: "", BAUTA_API_KEY: "" };
    const configured = await startProxy(["--config", file, "--host", "127.0.0.1"], clean);
    try {
      expect(configured.baseUrl).toContain("//127.0.0.1:");
      const client = new OpenAI({ baseURL: configured.baseUrl, apiKey: "x" });
      expect((await client.chat.completions.create({ model: "tee-scripted", messages })).choices[0]?.message.content).toBe("2 + 2 is 4.");
    } finally {
      await configured.stop();
    }
    const { code, stdout } = await bauta(["models", "--config", file, "--json"], { env: clean });
    expect({ code, models: (JSON.parse(stdout) as unknown[]).length }).toEqual({ code: 0, models: 2 });
  });

  it("listens for other machines where that was said, by its addresses and the names that were allowed", async () => {
    const { args, env } = settings(demo);
    const remote = await startProxy([...args, "--host", "0.0.0.0", "--allow-remote", "--allow-host", "proxy.example"], {
      ...env,
      BAUTA_LOCAL_KEY: "local-key-78",
    });
    try {
      const { port } = new URL(remote.baseUrl);
      const own = Object.values(networkInterfaces()).flatMap((entries = []) => entries.filter(({ family }) => family === "IPv4"));
      const status = async (host: string) =>
        new Promise((resolve, reject) => {
          const headers = { host, authorization: "Bearer local-key-78" };
          get({ host: "127.0.0.1", port, path: "/v1/models", headers }, (response) => resolve(response.resume().statusCode)).on(
            "error",
            reject,
          );
        });
      for (const { address } of own) expect(await status(`${address}:${port}`), address).toBe(200);
      expect(await status("proxy.example")).toBe(200);
      expect(await status("evil.example")).toBe(403);
      expect((await fetch(`http://127.0.0.1:${port}/v1/models`)).status).toBe(401);
    } finally {
      await remote.stop();
    }
  });

  describe("docs/proxy.md", () => {
    const page = readFileSync(new URL("../../docs/proxy.md", import.meta.url), "utf8");
    const block = (language: string, holding: string) => {
      const blocks = [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))].map(([, text = ""]) => text);
      return blocks.find((text) => text.includes(holding)) as string;
    };

    it.skipIf(noCurl)("has lines that get an answer", async () => {
      const lines = block("sh", "curl")
        .replaceAll("http://127.0.0.1:4910/v1", proxy.baseUrl)
        .replaceAll("e2ee-some-model", "e2ee-scripted");
      expect((await execute("bash", ["-c", lines])).stdout).toContain('"content":"2 + 2 is 4."');
      await proxy.nextLine();
    });

    it("names flags that there are, and every error", async () => {
      const { stdout: help } = await bauta(["proxy", "--help"]);
      for (const [flag] of page.matchAll(/--[a-z][a-z-]+/g)) expect(help).toContain(`${flag} `);
      const named = [...page.matchAll(/^\| (`[\w`, ]+`) \| \d/gm)].flatMap(([, codes = ""]) => codes.replaceAll("`", "").split(", "));
      const unseen = new Set(["client_gone", "internal"]);
      expect(new Set(named)).toEqual(new Set(Object.keys(PROXY_ERRORS).filter((code) => !unseen.has(code))));
    });

    it("has settings that are taken", async () => {
      const file = join(folder, "page.json");
      const apiKeyFile = join(folder, "page.key");
      writeFileSync(apiKeyFile, demo.apiKey, { mode: 0o600 });
      const text = block("json", "base_url").replace("https://host/api/v1", demo.gateway).replace("~/.bauta.key", apiKeyFile);
      writeFileSync(file, text.replace("policy.yaml", demo.firstVersionPolicy).replaceAll("e2ee-some-model", "e2ee-scripted"));
      const { env } = settings(demo);
      const args = ["--config", file, "--trust-root", demo.trustRoot, "Hello"];
      const outcome = await bauta(["chat", ...args], { env: { XDG_CACHE_HOME: env["XDG_CACHE_HOME"] } });
      expect(outcome).toMatchObject({ code: 0, stderr: expect.stringContaining("verified · SIMULATED") });
    });
  });

  const usage: [string, string[], string][] = [
    ["an address of the network, unless told", ["--host", "0.0.0.0"], "--allow-remote"],
    ["the network without a local key", ["--host", "0.0.0.0", "--allow-remote"], "--local-key-file"],
    ["a port that is none", ["--port", "70000"], "65535"],
    ["a key file that is not there", ["--api-key-file", "/nonexistent"], "/nonexistent: no such file"],
    ["an origin with a path", ["--allow-origin", "http://localhost:3000/x"], "--allow-origin"],
    ["a host with a port", ["--allow-host", "proxy.example:80"], "--allow-host"],
    ["no server", [], "BAUTA_BASE_URL"],
  ];
  it.each(usage)("refuses %s with status 2", async (_name, args, words) => {
    expect(await bauta(["proxy", ...args], { env: { BAUTA_API_KEY: "k" } })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(words),
    });
  });
});
