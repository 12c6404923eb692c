import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commandExists } from "../support/commands.ts";
import { type RunningDemo, startDemoProcess } from "../support/demo.ts";
import { skipUnless } from "../support/vectors.ts";

const execute = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = `${root}.cache/readme-${process.pid}/`;
const noCurl = skipUnless(commandExists("curl"), "curl", "apt-get install curl");

/** The fenced blocks of the README, by language. */
function blocks(language: string): string[] {
  const text = readFileSync(`${root}README.md`, "utf8");
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))].map(([, code]) => code ?? "");
}

/** What the README shows is run as it stands, in a folder with the two files that `npm start` writes. */
describe("README.md", () => {
  let demo: RunningDemo;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    demo = await startDemoProcess();
    env = { ...process.env, BAUTA_BASE_URL: demo.gateway, BAUTA_API_KEY: demo.apiKey, XDG_CACHE_HOME: `${folder}cache` };
    mkdirSync(folder, { recursive: true });
    copyFileSync(demo.trustRoot, `${folder}simulator-roots.pem`);
    copyFileSync(demo.policy, `${folder}policy.json`);
  });
  afterAll(async () => {
    await demo?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(blocks("js").map((code, i) => [i + 1, code] as const))("program %i runs", async (i, code) => {
    writeFileSync(`${folder}program-${i}.mjs`, code);
    const { stdout, stderr } = await execute(process.execPath, [`program-${i}.mjs`], { cwd: folder, env, timeout: 30_000 });
    expect(stderr).toBe("");
    expect(stdout.trim()).not.toBe("");
    if (code.includes("outcome")) expect(stdout).toMatch(/^verified/m);
  });

  const lines = blocks("sh")
    .flatMap((block) => block.replaceAll("\\\n", " ").split("\n"))
    .filter((line) => /^(npx bauta|curl) /.test(line));
  it.skipIf(noCurl).each(lines)("%s", async (line) => {
    const { stdout, stderr } = await execute(
      "bash",
      ["-c", line.replace(/^npx bauta/, `"${process.execPath}" "${root}apps/cli/bin/bauta.mjs"`)],
      {
        cwd: folder,
        env,
        timeout: 30_000,
      },
    );
    expect(stdout.trim()).not.toBe("");
    expect(stdout).not.toContain('"error"');
    if (line.includes("bauta chat")) expect(stderr).toMatch(/^✓ verified · SIMULATED/m);
  });

  it("shows the screen that there is", async () => {
    const { stderr } = await execute(
      process.execPath,
      [`${root}apps/cli/bin/bauta.mjs`, "chat", "--model", demo.models[1], "--trust-root", demo.trustRoot, "--policy", demo.policy, "Hi"],
      { env, timeout: 30_000 },
    );
    const counts = /\(\d+ checks passed, 0 failed, \d+ not made\)/.exec(stderr)?.[0];
    expect(readFileSync(`${root}README.md`, "utf8")).toContain(counts);
  });

  it("shows a gateway configuration that holds", async () => {
    const yaml = /^```yaml\n(.*?)^```/ms.exec(readFileSync(`${root}docs/gateway.md`, "utf8"))?.[1] ?? "";
    writeFileSync(`${folder}gateway.yaml`, yaml);
    const { stdout } = await execute(process.execPath, [
      `${root}apps/cli/bin/bauta.mjs`,
      "gateway",
      "--config",
      `${folder}gateway.yaml`,
      "--check",
    ]);
    expect(stdout).toContain("1 models, 1 keys, nothing wrong");
  });

  it("names only commands and files that exist", () => {
    const { scripts } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as { scripts: Record<string, string> };
    const text = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "ARCHITECTURE.md"]
      .map((file) => readFileSync(root + file, "utf8"))
      .join("\n");
    for (const [, script] of text.matchAll(/npm run ([\w:]+)/g)) expect(scripts).toHaveProperty([script ?? ""]);
    for (const [, path] of text.matchAll(/\]\(((?!http|#)[^)#]+)/g)) expect(() => readFileSync(root + path)).not.toThrow(/ENOENT/);
    for (const [, path] of text.matchAll(/`((?:packages|apps|tests|conformance|spec|docs|scripts|bench)\/[\w./-]+\.\w+)`/g)) {
      expect(() => readFileSync(root + path), path).not.toThrow();
    }
  });
});
