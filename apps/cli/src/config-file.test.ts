import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { addConfigFile } from "./config-file.ts";
import { withConnectionFlags } from "./connection-flags.ts";

const folder = mkdtempSync(join(tmpdir(), "bauta-config-"));
const path = join(folder, "config.json");
beforeEach(() => {
  vi.stubEnv("XDG_CONFIG_HOME", join(folder, "none"));
  vi.stubEnv("BAUTA_BASE_URL", "");
  vi.stubEnv("BAUTA_API_KEY", "");
});
afterEach(() => void vi.unstubAllEnvs());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function parsePort(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("a port is a number.");
  return Number(text);
}

/** What the flags come to when a line is given with a file of these settings. */
async function run(settings: unknown, line: readonly string[]): Promise<Record<string, unknown>> {
  writeFileSync(path, typeof settings === "string" ? settings : JSON.stringify(settings));
  let flags: Record<string, unknown> | undefined;
  const program = new Command("bauta").exitOverride().configureOutput({ writeErr: () => {} });
  const serve = program
    .command("serve")
    .option("--port <port>", "", parsePort, 4910)
    .option("--local-key-file <file>", "")
    .option("--allow-remote", "");
  const ask = program.command("ask").requiredOption("--model <id>", "").option("--json", "");
  for (const command of [serve, ask]) withConnectionFlags(command).action((given: Record<string, unknown>) => void (flags = given));
  program.command("other").action((given: Record<string, unknown>) => void (flags = given));
  for (const command of program.commands) command.exitOverride();
  addConfigFile(program);
  await program.parseAsync(line, { from: "user" });
  if (!flags) throw new Error("the command did not run");
  return flags;
}

const config = ["--config", path];

describe("a configuration file", () => {
  it("gives each flag that is not given the value of its name", async () => {
    const settings = {
      base_url: "https://a.example",
      trust_root: ["a.pem", "/b.pem"],
      offline: true,
      serve: { port: 80, local_key_file: "~/key", allow_remote: true },
    };
    expect(await run(settings, ["serve", ...config])).toMatchObject({
      baseUrl: "https://a.example",
      trustRoot: [join(folder, "a.pem"), "/b.pem"],
      offline: true,
      port: 80,
      localKeyFile: expect.stringMatching(/^\/.*[^~]\/key$/),
      allowRemote: true,
    });
  });

  it("counts after flags and environment", async () => {
    vi.stubEnv("BAUTA_BASE_URL", "https://env.example");
    const settings = { base_url: "https://file.example", trust_root: "file.pem", serve: { port: 80 } };
    const flags = await run(settings, ["serve", "--port", "81", "--root", "/flag.pem", ...config]);
    expect(flags).toMatchObject({ port: 81, trustRoot: ["/flag.pem"] });
    expect(flags["baseUrl"]).toBeUndefined();
  });

  it("leaves a policy alone that a flag sets aside, and the other way round", async () => {
    expect((await run({ policy: "p.yaml" }, ["serve", "--allow-unpinned", ...config]))["policy"]).toBeUndefined();
    expect((await run({ allow_unpinned: true }, ["serve", "--policy", "p.yaml", ...config]))["allowUnpinned"]).toBeUndefined();
  });

  it("resolves files beside itself, and leaves the names of built-in policies alone", async () => {
    expect((await run({ policy: "mine.yaml" }, ["serve", ...config]))["policy"]).toBe(join(folder, "mine.yaml"));
    expect((await run({ policy: "venice" }, ["serve", ...config]))["policy"]).toBe("venice");
  });

  it("gives what a command cannot do without", async () => {
    expect((await run({ ask: { model: "e2ee-a" } }, ["ask", ...config]))["model"]).toBe("e2ee-a");
    expect((await run({ ask: { model: "e2ee-a" } }, ["ask", `--config=${path}`, "--model", "e2ee-b"]))["model"]).toBe("e2ee-b");
    await expect(run({}, ["ask", ...config])).rejects.toThrow(/--model/);
  });

  it("reads a key from the file that it names", async () => {
    writeFileSync(join(folder, "api.key"), "sk-1\n", { mode: 0o600 });
    expect((await run({ api_key_file: "api.key" }, ["serve", ...config]))["apiKey"]).toBe("sk-1");
    expect((await run({ api_key_file: "api.key" }, ["serve", "--api-key", "sk-2", ...config]))["apiKey"]).toBe("sk-2");
  });

  it("is looked for in its usual place, and need not be there", async () => {
    expect((await run({}, ["serve"]))["port"]).toBe(4910);
    mkdirSync(join(folder, "xdg", "bauta"), { recursive: true });
    writeFileSync(join(folder, "xdg", "bauta", "config.json"), '{"serve":{"port":82}}');
    vi.stubEnv("XDG_CONFIG_HOME", join(folder, "xdg"));
    expect((await run({}, ["serve"]))["port"]).toBe(82);
    expect(await run({}, ["other"])).toEqual({});
  });

  const wrong: [string, unknown, RegExp][] = [
    ["a member that no flag has", { base_ulr: "x" }, /base_ulr is not a setting; known are .*base_url/],
    ["a flag of one command at the top", { port: 80 }, /port is not a setting/],
    ["a shared one within a command", { serve: { base_url: "x" } }, /serve\.base_url is not a setting/],
    ["a key", { api_key: "sk-secret" }, /api_key is not a setting; keys do not stand here/],
    ["what is for one call", { ask: { json: true } }, /ask\.json is not a setting/],
    ["a list that is none", [], /it must be an object/],
    ["a section that is none", { serve: true }, /serve must be an object/],
    ["a switch with a text", { offline: "yes" }, /offline must be true or false/],
    ["a text with a switch", { base_url: true }, /base_url must be a text/],
    ["a list of what is one", { base_url: ["a", "b"] }, /base_url must be one value/],
    ["a value that the flag refuses", { serve: { port: "x" } }, /serve\.port is not right: a port is a number/],
    ["what is not JSON", "{ base_url: 1 }", /not JSON/],
    ["a key's own file", "sk-secret", /not JSON$/],
    ["a key without its quotes", '{"base_url": "x", "api_key": sk-secret}', /not JSON$/],
    ["a fault further down", '{\n  "base_url": "x",\n  offline\n}', /not JSON, at line 3$/],
    ["a prototype", '{"__proto__":{"port":1}}', /is not a setting/],
  ];
  it.each(wrong)("is refused with %s, naming it", async (_name, settings, words) => {
    const error: unknown = await run(settings, ["serve", ...config]).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ exitCode: 2, message: expect.stringMatching(words) });
    expect((error as Error).message).toContain(path);
    expect((error as Error).message).not.toContain("sk-secret");
  });

  it("that was named has to be there", async () => {
    await expect(run({}, ["serve", "--config", join(folder, "missing.json")])).rejects.toThrow(/missing\.json: no such file/);
  });
});
