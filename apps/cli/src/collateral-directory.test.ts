import { openRollbackMemory, parseCollateral } from "@bauta/attestation";
import { createSimulator } from "@bauta/simulator";
import { build } from "esbuild";
import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createCollateralDirectory } from "./collateral-directory.ts";

const HOUR_MS = 3_600_000;
const key = "pcs.example.com/90c06f000000/platform";
const { collateral } = createSimulator({ nowMs: Date.parse("2026-06-01T00:00:00Z") });

let path: string;
let warnings: string[];
const directory = (scope?: string) =>
  createCollateralDirectory(path, { onWarning: (warning) => warnings.push(warning), ...(scope && { scope }) });
const setFiles = async () => (await readdir(join(path, "sets"))).map((name) => join(path, "sets", name));

beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), "bauta-collateral-")), "cache");
  warnings = [];
});
afterEach(() => rm(join(path, ".."), { recursive: true, force: true }));

describe("sets", () => {
  it("are there after a restart, whole, and for this user only", async () => {
    expect(await directory().get(key)).toBeUndefined();
    await directory().put(key, { collateral, fetchedMs: 5 });
    expect(await directory().get(key)).toEqual({ collateral, fetchedMs: 5 });
    const [file = ""] = await setFiles();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(path)).mode & 0o777).toBe(0o700);
    expect(warnings).toEqual([]);
  });

  it("are kept apart by key, also where file names could not tell", async () => {
    const keys = ["a/b", "a-b", "A/b", "x".repeat(500), `${"x".repeat(499)}y`, "../../etc", ""];
    for (const [index, name] of keys.entries()) await directory().put(name, { collateral, fetchedMs: index });
    for (const [index, name] of keys.entries()) expect((await directory().get(name))?.fetchedMs).toBe(index);
    expect(await readdir(path)).toEqual(["sets"]);
  });

  for (const [name, damage] of [
    ["cut off", (file: string) => truncate(file, 100)],
    ["empty", (file: string) => truncate(file, 0)],
    ["garbage", (file: string) => writeFile(file, Buffer.from([0xff, 0xfe]))],
    ["null", (file: string) => writeFile(file, "null")],
    ["of another version", async (file: string) => writeFile(file, (await readFile(file, "utf8")).replace('"version":1', '"version":2'))],
    ["another key's", async (file: string) => writeFile(file, (await readFile(file, "utf8")).replace("90c06f", "00806f"))],
    ["without a member", async (file: string) => writeFile(file, (await readFile(file, "utf8")).replace('"pck_crl"', '"x"'))],
    [
      "without a time",
      async (file: string) => writeFile(file, (await readFile(file, "utf8")).replace(/"fetchedMs":\d+/, '"fetchedMs":null')),
    ],
    ["huge", (file: string) => truncate(file, 5 * 1024 * 1024)],
    ["a pipe", async (file: string) => rm(file).then(() => execFileSync("mkfifo", [file]))],
  ] as const) {
    it(`that are ${name} count as absent, with a warning that names the file, and can be written anew`, async () => {
      await directory().put(key, { collateral, fetchedMs: 5 });
      const [file = ""] = await setFiles();
      await damage(file);
      expect(await directory().get(key)).toBeUndefined();
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toContain(file);
      await directory().put(key, { collateral, fetchedMs: 6 });
      expect((await directory().get(key))?.fetchedMs).toBe(6);
    });
  }

  it("are bounded in number; those used longest ago go, and what a crash left behind", async () => {
    await directory().put("oldest", { collateral, fetchedMs: 0 });
    await directory().put("older but used", { collateral, fetchedMs: 0 });
    for (const file of await setFiles()) await utimes(file, new Date(Date.now() - HOUR_MS), new Date(Date.now() - HOUR_MS));
    await directory().get("older but used");
    const [leftover, underWay] = [join(path, "sets", "x.json.1.aa.tmp"), join(path, "sets", "y.json.2.bb.tmp")];
    await writeFile(leftover, "{");
    await writeFile(underWay, "{");
    await utimes(leftover, new Date(Date.now() - 2 * HOUR_MS), new Date(Date.now() - 2 * HOUR_MS));
    for (let i = 0; i < 63; i++) await directory().put(`set ${i}`, { collateral, fetchedMs: i });
    expect((await setFiles()).filter((file) => file.endsWith(".json"))).toHaveLength(64);
    expect((await setFiles()).filter((file) => file.endsWith(".tmp"))).toEqual([underWay]);
    expect(await directory().get("oldest")).toBeUndefined();
    expect(await directory().get("older but used")).toBeDefined();
  });

  it("that cannot be written are an error, and nothing half-written stays", async () => {
    await writeFile(path, "a file where the folder should be");
    await expect(directory().put(key, { collateral, fetchedMs: 5 })).rejects.toThrow("ENOTDIR");
    expect(await directory().get(key)).toBeUndefined();
  });
});

describe("numbers", () => {
  it("only rise, and are there after a restart, apart by trust root", async () => {
    expect(await directory().load()).toEqual({});
    await directory().raise({ qe: "18", "crl:Intel SGX PCK Platform CA": "1", "tcb:90c06f000000": "9" });
    await directory().raise({ qe: "17", "tcb:90c06f000000": "10" });
    expect(await directory().load()).toEqual({ qe: "18", "crl:Intel SGX PCK Platform CA": "1", "tcb:90c06f000000": "10" });
    expect(await directory("simulator").load()).toEqual({});
    const memory = await openRollbackMemory(directory());
    expect(memory.remembered("qe")).toBe(18n);
    await memory.note({ qe: "19" });
    expect((await directory().load())["qe"]).toBe("19");
    expect(() => directory("../x")).toThrow(RangeError);
  });

  it("that are superseded go after a while", async () => {
    await directory().raise({ qe: "1" });
    await directory().raise({ qe: "2" });
    const folder = join(path, "numbers", "intel");
    expect((await readdir(folder)).sort()).toEqual(["qe@1", "qe@2"]);
    await utimes(join(folder, "qe@2"), new Date(Date.now() - HOUR_MS), new Date(Date.now() - HOUR_MS));
    await directory().raise({ qe: "2" });
    expect(await readdir(folder)).toEqual(["qe@2"]);
  });

  it("are not taken from files that are something else; a name that is too long is said", async () => {
    await directory().raise({ qe: "1" });
    for (const name of ["qe@x", "qe@-5", "QE@9", "_zz@9", "@9", `qe@${"9".repeat(50)}`, "qe@09"])
      await writeFile(join(path, "numbers", "intel", name), "");
    expect(await directory().load()).toEqual({ qe: "1" });
    await directory().raise({ ["É".repeat(100)]: "1" });
    expect(warnings).toHaveLength(1);
  });
});

describe("several processes", () => {
  let writer: string;
  let scratch: string;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "bauta-writer-"));
    writer = join(scratch, "writer.mjs");
    await build({
      entryPoints: [fileURLToPath(new URL("testing/directory-writer.ts", import.meta.url))],
      outfile: writer,
      bundle: true,
      platform: "node",
      format: "esm",
      conditions: ["source"],
      logLevel: "error",
    });
  });
  afterAll(() => rm(scratch, { recursive: true, force: true }));

  const start = (own: string, rounds: number) => fork(writer, [path, own, String(rounds)], { execArgv: [] });
  const collect = (child: ChildProcess) =>
    child.on("message", (message) => typeof message === "string" && message.startsWith("warning") && warnings.push(message));

  it("write at once: every reader sees whole sets, and no number falls", async () => {
    const children = ["0", "1"].map((own) => start(own, 60));
    for (const child of children) collect(child);
    const running = Promise.all(children.map((child) => once(child, "exit")));
    let highest = 0n;
    while (children.some((child) => child.exitCode === null)) {
      const seen = BigInt((await directory().load())["qe"] ?? "0");
      expect(seen).toBeGreaterThanOrEqual(highest);
      highest = seen;
    }
    expect((await running).map(([code]) => code as number)).toEqual([0, 0]);
    expect(warnings).toEqual([]);
    expect(await directory().load()).toEqual({ qe: "121", "crl:0": "60", "crl:1": "60" });
    expect((await directory().get("shared"))?.fetchedMs).toBe(60);
    expect((await setFiles()).filter((file) => file.endsWith(".tmp"))).toEqual([]);
  });

  it("killed half-way leave nothing that stops or misleads the next", async () => {
    for (let kill = 0; kill < 3; kill++) {
      const child = start("0", 1_000_000);
      collect(child);
      await once(child, "message");
      child.kill("SIGKILL");
      await once(child, "exit");
      const before = BigInt((await directory().load())["qe"] ?? "0");
      expect(before).toBeGreaterThan(0n);
      expect(parseCollateral((await directory().get("shared"))?.collateral)).toBeDefined();
      await directory().put("shared", { collateral, fetchedMs: kill });
      expect((await directory().get("shared"))?.fetchedMs).toBe(kill);
    }
    expect(warnings).toEqual([]);
  });
});
