import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type ScriptedEngine, startScriptedEngine } from "../support/scripted-engine.ts";

const execute = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = `${root}.cache/packages/`;

interface Manifest {
  readonly name: string;
  readonly [member: string]: unknown;
}

/** Packs everything. @returns the tarballs' paths */
async function pack(): Promise<readonly string[]> {
  await execute(process.execPath, [`${root}scripts/pack.mjs`], { cwd: root, timeout: 120_000 });
  return readdirSync(folder).map((name) => folder + name);
}

const listOf = async (tarball: string) => (await execute("tar", ["tzf", tarball])).stdout.trim().split("\n");
const manifestOf = async (tarball: string) =>
  JSON.parse((await execute("tar", ["xzOf", tarball, "package/package.json"])).stdout) as Manifest;

/** The files that a manifest names, whatever the condition. */
function targetsOf(value: unknown): string[] {
  if (typeof value === "string") return value.startsWith("./") ? [value.slice(2)] : [];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(targetsOf) : [];
}

describe("what npm run pack writes", () => {
  let tarballs: readonly string[];
  beforeAll(async () => {
    tarballs = await pack();
  }, 120_000);

  it("are all packages but the private ones", async () => {
    const names = await Promise.all(tarballs.map(async (tarball) => (await manifestOf(tarball)).name));
    const expected = ["attestation", "cli", "client", "enclave", "gateway", "protocol", "proxy", "simulator"];
    expect(names.sort()).toEqual(expected.map((name) => `@bauta/${name}`));
  });

  it("has what a registry and a reader ask for, and nothing that is not there", async () => {
    for (const tarball of tarballs) {
      const manifest = await manifestOf(tarball);
      const files = new Set((await listOf(tarball)).map((path) => path.replace(/^package\//, "")));
      for (const member of ["description", "license", "repository", "keywords", "main", "engines"])
        expect(manifest, manifest.name).toHaveProperty(member);
      for (const file of [
        "README.md",
        "LICENSE",
        ...targetsOf([manifest["main"], manifest["types"], manifest["exports"], manifest["typesVersions"], manifest["bin"]]),
      ])
        expect(files, `${manifest.name}: ${file}`).toContain(file);
      expect([...files].filter((file) => /tsbuildinfo|\.test\.|\/testing\//.test(file))).toEqual([]);
      expect(JSON.stringify(manifest["exports"] ?? {})).not.toContain('"source"');
    }
  });

  it("carries the model of the demo, and leaves llama.cpp to whoever wants it", async () => {
    const cli = tarballs.find((tarball) => tarball.includes("bauta-cli-")) ?? "";
    expect(await listOf(cli)).toContain("package/models/pocket.gguf");
    const manifest = await manifestOf(cli);
    expect(JSON.stringify([manifest["dependencies"], manifest["optionalDependencies"]])).not.toContain("llama");
  });

  it("are the same bytes each time", async () => {
    const bytesOf = (paths: readonly string[]) => paths.map((path) => readFileSync(path).toString("base64"));
    const before = bytesOf(tarballs);
    expect(bytesOf(await pack()).every((bytes, i) => bytes === before[i])).toBe(true);
  }, 120_000);
});

describe("a project of one's own", () => {
  const project = mkdtempSync(join(tmpdir(), "bauta-project-"));
  let engine: ScriptedEngine;
  beforeAll(async () => {
    engine = await startScriptedEngine(["4"]);
    writeFileSync(join(project, "package.json"), '{"name":"own","private":true,"type":"module"}');
    const tarballs = await pack();
    await execute("npm", ["install", "--silent", "--no-audit", "--no-fund", "--prefer-offline", ...tarballs], {
      cwd: project,
      timeout: 240_000,
    });
  }, 300_000);
  afterAll(async () => {
    await engine?.close();
    rmSync(project, { recursive: true, force: true });
  });

  it("chats, by the command and by a program, in less than 100 MB", async () => {
    const demo = spawn("npx", ["bauta", "demo", "--gateway-port", "0", "--no-open", "--json", "--engine-url", engine.url], {
      cwd: project,
      detached: true,
    });
    onTestFinished(() => void process.kill(-(demo.pid ?? 0), "SIGTERM"));
    const [line] = (await once(createInterface({ input: demo.stdout }), "line")) as [string];
    const { gateway, apiKey, trustRoot, policy } = JSON.parse(line) as Record<string, string>;
    const env = { ...process.env, BAUTA_BASE_URL: gateway, BAUTA_API_KEY: apiKey };
    writeFileSync(
      join(project, "ask.mjs"),
      `import { readFileSync } from "node:fs";
      import { createClient, parsePemCertificates } from "@bauta/client";
      const [, , policy, roots] = process.argv;
      const client = createClient({
        baseURL: process.env.BAUTA_BASE_URL,
        apiKey: process.env.BAUTA_API_KEY,
        policy: readFileSync(policy, "utf8"),
        trustRoots: parsePemCertificates(readFileSync(roots, "utf8")),
      });
      const chat = await client.chat({ model: "e2ee-scripted", messages: [{ role: "user", content: "2+2?" }] });
      console.log(await chat.text());`,
    );
    const program = await execute(process.execPath, ["ask.mjs", policy ?? "", trustRoot ?? ""], { cwd: project, env });
    expect(program.stdout).toBe("4\n");
    const ask = `npx bauta chat --model e2ee-scripted --root "${trustRoot}" --policy "${policy}" "2+2?" </dev/null`;
    expect((await execute("bash", ["-c", ask], { cwd: project, env })).stdout).toBe("4\n");
    const { stdout } = await execute("du", ["-sm", "node_modules"], { cwd: project });
    expect(Number.parseInt(stdout, 10)).toBeLessThan(100);
  }, 120_000);

  it("is told what the demo's own model takes", async () => {
    const failed = await execute("npx", ["bauta", "demo", "--gateway-port", "0", "--json"], { cwd: project }).catch(
      (error: unknown) => error,
    );
    expect(failed).toMatchObject({ stdout: expect.stringContaining("npm install node-llama-cpp@3.22.1") as string });
  }, 60_000);
});
