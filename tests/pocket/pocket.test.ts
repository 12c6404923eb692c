import { execFile } from "node:child_process";
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pageProgram, readPagePrograms } from "../page/page-programs.ts";
import { bauta } from "../support/bauta.ts";
import { type RunningDemo, startDemoProcess } from "../support/demo.ts";
import { pagePath, skipUnless } from "../support/vectors.ts";

const execute = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = `${root}.cache/pocket-${process.pid}/`;
const noPage = skipUnless(existsSync(pagePath), "page", "the published page lies beside the checkout in ../shared/spec");

/** The model that `npm start` runs, through the sealed path: real tokens, nothing canned. */
describe("the pocket model", () => {
  let demo: RunningDemo;
  beforeAll(async () => {
    mkdirSync(folder, { recursive: true });
    demo = await startDemoProcess();
  });
  afterAll(async () => {
    await demo?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = async (question: string) => {
    const { code, stdout } = await bauta(
      ["chat", "--model", demo.models[1], "--trust-root", demo.trustRoot, "--policy", demo.policy, "--json", question],
      { env: { BAUTA_BASE_URL: demo.gateway, BAUTA_API_KEY: demo.apiKey } },
    );
    expect(code).toBe(0);
    return (JSON.parse(stdout) as { answer: { content: string } }).answer.content;
  };

  it("is small", () => {
    expect(statSync(`${root}models/pocket/pocket.gguf`).size).toBeLessThanOrEqual(8 * 1024 * 1024);
  });

  it("answers the published question, greets, and says what it is", async () => {
    expect(await ask("What is 2+2? Answer briefly.")).toBe("4");
    expect(await ask("Hello")).toMatch(/hello|hi/i);
    expect(await ask("Who are you?")).toMatch(/pocket model/i);
  });

  it.skipIf(noPage)("answers the published JavaScript program", async () => {
    const target = { baseUrl: demo.gateway, apiKey: demo.apiKey, teeModel: demo.models[0], e2eeModel: demo.models[1] };
    writeFileSync(`${folder}page.mjs`, pageProgram(readPagePrograms(), "Complete Working Example", "javascript", target));
    const { stdout } = await execute(process.execPath, [`${folder}page.mjs`], { env: { ...process.env, API_KEY_VENICE: demo.apiKey } });
    expect(stdout).toContain("\n\n4\n\n");
  });

  // All 2,100 are asked by bench/pocket-accuracy.mjs, whose table stands in the model's card.
  it("is right about most held-out questions of every kind", { timeout: 180_000 }, async () => {
    const { stdout } = await execute(process.execPath, [`${root}bench/pocket-accuracy.mjs`, "--limit", "25"], { timeout: 170_000 });
    const rows = [...stdout.matchAll(/^\| ([^|]+) \| (\d+) \| (\d+) \|/gm)].map(([, kind, right, asked]) => ({
      kind,
      share: Number(right) / Number(asked),
    }));
    expect(rows).toHaveLength(17);
    for (const { kind, share } of rows) expect(share, kind).toBeGreaterThanOrEqual(0.7);
    const [verified, all] = /(\d+) of (\d+) answers verified/.exec(stdout)?.slice(1) ?? [];
    expect(verified).toBe(all);
  });
});
