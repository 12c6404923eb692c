import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunningProxy, startProxy } from "../proxy/running-proxy.ts";
import { commandExists } from "../support/commands.ts";
import { type RunningDemo, startDemoProcess } from "../support/demo.ts";
import { noPython, python } from "../support/python.ts";
import { skipUnless } from "../support/vectors.ts";
import { type SpeakingEngine, startSpeakingEngine } from "./speaking-engine.ts";

const execute = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));
const pages = `${root}docs/integrations/`;
/** Within the repository, so that programs find the packages that they import. */
const folder = `${root}.cache/integrations-${process.pid}/`;
const noCurl = skipUnless(commandExists("curl"), "curl", "apt-get install curl");
const DOCUMENTED_PROXY = "http://127.0.0.1:4910";

/** The stack that a page shows before a program: with an engine of one's own, or as `npm start` alone makes it. */
type Stack = "pocket" | "engine";

/** The fenced blocks of a language, with the page that each stands in, and the stack that it names. */
function blocks(language: string): (readonly [page: string, code: string, stack: Stack])[] {
  return readdirSync(pages).flatMap((page) => {
    const text = readFileSync(pages + page, "utf8");
    const found = [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))];
    return found.map(({ 1: code = "", index }) => [page, code, isEngineNamed(text.slice(0, index)) ? "engine" : "pocket"] as const);
  });
}

const isEngineNamed = (before: string) => before.includes("\nnpm start -- --engine-url ");

const shellLines = blocks("sh").flatMap(([page, code]) =>
  code
    .replaceAll("\\\n", " ")
    .trim()
    .split("\n")
    .map((line) => [page, line] as const),
);
const isStart = (line: string) => line.startsWith("npm start -- ");
const isProxy = (line: string) => line.startsWith("npx bauta proxy ");

/** What the pages show is run as it stands, on the stack that they name, beside the files that it writes; an engine that says
 * what it was asked stands for one of the reader's own. */
describe("docs/integrations", () => {
  let engine: SpeakingEngine;
  let pocket: RunningDemo;
  let demo: RunningDemo;
  let env: NodeJS.ProcessEnv;
  const places: Record<Stack, string> = { pocket: `${folder}pocket/`, engine: folder };
  let proxy: RunningProxy;

  beforeAll(async () => {
    engine = await startSpeakingEngine();
    demo = await startDemoProcess(["--engine-url", engine.baseUrl, "--engine-features", "tools,images,schemas,embeddings"]);
    pocket = await startDemoProcess();
    for (const [stack, { trustRoot, policy }] of [
      ["engine", demo],
      ["pocket", pocket],
    ] as const) {
      mkdirSync(places[stack], { recursive: true });
      copyFileSync(trustRoot, `${places[stack]}simulator-roots.pem`);
      copyFileSync(policy, `${places[stack]}policy.json`);
    }
    env = {
      ...process.env,
      BAUTA_BASE_URL: demo.gateway,
      BAUTA_API_KEY: demo.apiKey,
      XDG_CONFIG_HOME: `${folder}config`,
      XDG_CACHE_HOME: `${folder}cache`,
    };
    const [first] = shellLines.filter(([, line]) => isProxy(line)).map(([, line]) => line);
    const args = (first ?? "").split(" ").slice(3);
    proxy = await startProxy(
      args.map((arg) => (/\.(?:pem|json)$/.test(arg) ? folder + arg : arg)),
      env,
    );
  });
  afterAll(async () => {
    await proxy?.stop();
    await demo?.stop();
    await pocket?.stop();
    await engine?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function run(command: string, name: string, code: string, stack: Stack = "engine"): Promise<string> {
    const { gateway, apiKey } = stack === "pocket" ? pocket : demo;
    writeFileSync(places[stack] + name, code.replaceAll(DOCUMENTED_PROXY, proxy.origin));
    const { stdout, stderr } = await execute(command, [name], {
      cwd: places[stack],
      env: { ...env, BAUTA_BASE_URL: gateway, BAUTA_API_KEY: apiKey },
      timeout: 30_000,
    });
    expect(stderr).toBe("");
    return stdout;
  }

  it.each(blocks("js").map(([page, code, stack], i) => [page, i, code, stack] as const))("%s: program %i", async (page, i, code, stack) => {
    const output = await run(process.execPath, `program-${i}.mjs`, code, stack);
    expect(output).toMatch(stack === "engine" ? /some city/ : /\b4$/m);
    if (code.includes("outcome")) expect(output).toMatch(/^verified$/m);
    if (page === "openai-javascript.md" && code.includes("images")) expect(output).toContain("400 path_not_private");
  });

  it.skipIf(noPython).each(blocks("python"))("%s", async (_page, code) => {
    const output = await run(python ?? "", "program.py", code);
    expect(output).toBe("You said What is 2+2?.\nverified\nYou said What is 2+2?.\n400 model_not_private\n");
  });

  it.skipIf(noCurl).each(shellLines.filter(([, line]) => line.startsWith("curl ")))("%s: %s", async (_page, line) => {
    const output = await run("bash", "line.sh", line);
    if (line.includes("2+2")) expect(output).toContain("2+2");
    expect(output).not.toContain('"error"');
    if (line.startsWith("curl -si")) expect(output).toMatch(/^bauta-outcome: verified\r$/m);
    if (line.startsWith("curl -sN")) expect(output).toContain(": bauta-outcome verified\n\ndata: [DONE]");
    if (line.includes("/verification")) expect(JSON.parse(output)).toMatchObject({ models: [{ model: "e2ee-pocket", ok: true }] });
  });

  it("starts the proxy by one line only, and links only to what is there", () => {
    expect(new Set(shellLines.filter(([, line]) => isProxy(line)).map(([, line]) => line)).size).toBe(1);
    expect(shellLines.filter(([, line]) => !isProxy(line) && !isStart(line) && !line.startsWith("curl "))).toEqual([]);
    for (const page of readdirSync(pages)) {
      const text = readFileSync(pages + page, "utf8");
      for (const [, path] of text.matchAll(/\]\(((?!http|#)[^)#]+)/g)) expect(() => readFileSync(pages + path)).not.toThrow();
      for (const [, path] of text.matchAll(/`(tests\/[\w./-]+)`/g)) expect(() => readFileSync(root + path)).not.toThrow();
    }
  });
});
