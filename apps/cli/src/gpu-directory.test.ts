import { mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createGpuDirectory } from "./gpu-directory.ts";

const key = "rim/rim.attestation.nvidia.com/NV_GPU_DRIVER_GH100_570.124.03";

let path: string;
let warnings: string[];
const directory = () => createGpuDirectory(path, { onWarning: (warning) => warnings.push(warning) });
const files = async () => (await readdir(path)).map((name) => join(path, name));

beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), "bauta-gpu-")), "cache", "gpu");
  warnings = [];
});
afterEach(() => rm(join(path, "..", ".."), { recursive: true, force: true }));

describe("createGpuDirectory", () => {
  it("has pieces after a restart, for this user only", async () => {
    expect(await directory().get(key)).toBeUndefined();
    await directory().put(key, { text: "<SoftwareIdentity/>", fetchedMs: 5 });
    expect(await directory().get(key)).toEqual({ text: "<SoftwareIdentity/>", fetchedMs: 5 });
    const [file = ""] = await files();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(path)).mode & 0o777).toBe(0o700);
    expect(warnings).toEqual([]);
  });

  it("keeps keys with slashes, colons and dots apart, and within its folder", async () => {
    const keys = [
      "rim/127.0.0.1:8080/NV_A",
      "rim/127.0.0.1-8080/NV_A",
      "rim/127.0.0.1:8080/NV-A",
      "RIM/127.0.0.1:8080/NV_A",
      "rim/x/../../../etc/passwd",
      "../..",
      `ocsp/h/${"0".repeat(190)}`,
      `ocsp/h/${"0".repeat(189)}1`,
    ];
    for (const [index, name] of keys.entries()) await directory().put(name, { text: name, fetchedMs: index });
    for (const [index, name] of keys.entries()) expect(await directory().get(name)).toEqual({ text: name, fetchedMs: index });
    const names = await readdir(path);
    expect(names).toHaveLength(keys.length);
    expect(names.filter((name) => !/^[A-Za-z0-9-]{1,100}\.json$/.test(name))).toEqual([]);
    expect(await readdir(join(path, ".."))).toEqual(["gpu"]);
  });

  for (const [name, damage] of [
    ["cut off", (file: string) => truncate(file, 20)],
    ["empty", (file: string) => truncate(file, 0)],
    ["huge", (file: string) => truncate(file, 3 * 1024 * 1024)],
    ["no text", (file: string) => writeFile(file, Buffer.from([0xff, 0xfe]))],
    ["a list", (file: string) => writeFile(file, "[1]")],
    ["another key's", async (file: string) => writeFile(file, (await readFile(file, "utf8")).replace("GH100", "GB100"))],
    ["of another version", async (file: string) => writeFile(file, (await readFile(file, "utf8")).replace('"version":1', '"version":2'))],
    ["without its text", async (file: string) => writeFile(file, (await readFile(file, "utf8")).replace('"text"', '"x"'))],
    ["without a time", async (file: string) => writeFile(file, (await readFile(file, "utf8")).replace('"fetchedMs":5', '"fetchedMs":"5"'))],
  ] as const) {
    it(`counts a piece that is ${name} as absent, with a warning that names the file, and writes it anew`, async () => {
      await directory().put(key, { text: "<a/>", fetchedMs: 5 });
      const [file = ""] = await files();
      await damage(file);
      expect(await directory().get(key)).toBeUndefined();
      expect(warnings).toEqual([expect.stringContaining(`${file} is passed over: `)]);
      await directory().put(key, { text: "<a/>", fetchedMs: 6 });
      expect((await directory().get(key))?.fetchedMs).toBe(6);
    });
  }

  it("is bounded: what was used longest ago goes", async () => {
    const longAgo = new Date(Date.now() - 3_600_000);
    await directory().put("ocsp/h/oldest", { text: "", fetchedMs: 0 });
    await directory().put("ocsp/h/used", { text: "", fetchedMs: 0 });
    for (const file of await files()) await utimes(file, longAgo, longAgo);
    await directory().get("ocsp/h/used");
    for (let i = 0; i < 255; i++) await directory().put(`ocsp/h/${i}`, { text: "", fetchedMs: i });
    expect(await files()).toHaveLength(256);
    expect(await directory().get("ocsp/h/oldest")).toBeUndefined();
    expect(await directory().get("ocsp/h/used")).toBeDefined();
  });
});
