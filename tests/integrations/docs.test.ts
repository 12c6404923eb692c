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

/** The fenced blocks of a language, with the page that each stands in. */
function blocks(language: string): (readonly [page: string, code: string])[] {
  return readdirSync(pages).flatMap((page) => {
    const text = readFileSync(pages + page, "utf8");
    return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))].map(([, code]) => [page, code ?? ""] as const);
  });
}

const shellLines = blocks("sh").flatMap(([page, code]) =>
  code
    .replaceAll("\\\n", " ")
    .trim()
    .split("\n")
    .map((line) => [page, line] as const),
);
const isProxy = (line: string) => line.startsWith("npx bauta proxy ");

/** What the pages show is run as it stands, beside the files that `npm start` writes; an engine that says what it was asked
 * stands for the model, since tools take one that has them. */
describe("docs/integrations", () => {
  let engine: SpeakingEngine;
  let demo: RunningDemo;
  let env: NodeJS.ProcessEnv;
  let proxy: RunningProxy;

  beforeAll(async () => {
    engine = await startSpeakingEngine();
    demo = await startDemoProcess(["--engine-url", engine.baseUrl, "--engine-features", "tools,images,schemas,embeddings"]);
    mkdirSync(folder, { recursive: true });
    copyFileSync(demo.trustRoot, `${folder}simulator-roots.pem`);
    copyFileSync(demo.policy, `${folder}policy.json`);
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
    await engine?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function run(command: string, name: string, code: string): Promise<string> {
    writeFileSync(folder + name, code.replaceAll(DOCUMENTED_PROXY, proxy.origin));
    const { stdout, stderr } = await execute(command, [name], { cwd: folder, env, timeout: 30_000 });
    expect(stderr).toBe("");
    return stdout;
  }

  it.each(blocks("js").map(([page, code], i) => [page, i, code] as const))("%s: program %i", async (page, i, code) => {
    const output = await run(process.execPath, `program-${i}.mjs`, code);
    expect(output).toContain(code.includes("tools") ? "some city" : "You said What is 2+2?.");
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
    expect(shellLines.filter(([, line]) => !isProxy(line) && !line.startsWith("curl "))).toEqual([]);
    for (const page of readdirSync(pages)) {
      const text = readFileSync(pages + page, "utf8");
      for (const [, path] of text.matchAll(/\]\(((?!http|#)[^)#]+)/g)) expect(() => readFileSync(pages + path)).not.toThrow();
      for (const [, path] of text.matchAll(/`(tests\/[\w./-]+)`/g)) expect(() => readFileSync(root + path)).not.toThrow();
    }
  });
});
