import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CommandError, EXIT } from "./exit.ts";
import { writeWholeFile } from "./write-file.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "bauta-write-file-"));
  path = join(folder, "p.yaml");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("writeWholeFile", () => {
  it("writes a new file, and leaves nothing else", async () => {
    await writeWholeFile(path, "one", { overwrite: false });
    expect(await readFile(path, "utf8")).toBe("one");
    expect(await readdir(folder)).toEqual(["p.yaml"]);
  });

  it("never overwrites unless told to", async () => {
    await writeFile(path, "mine");
    const written = writeWholeFile(path, "other", { overwrite: false });
    await expect(written).rejects.toThrow(`${path}: exists already; --force overwrites it`);
    await expect(written).rejects.toMatchObject({ exitCode: EXIT.usage });
    expect(await readFile(path, "utf8")).toBe("mine");
    expect(await readdir(folder)).toEqual(["p.yaml"]);
    await writeWholeFile(path, "other", { overwrite: true });
    expect(await readFile(path, "utf8")).toBe("other");
  });

  it("lets one of many win, whole", async () => {
    const texts = Array.from({ length: 8 }, (_, index) => String(index).repeat(100_000));
    const outcomes = await Promise.allSettled(texts.map((text) => writeWholeFile(path, text, { overwrite: false })));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(texts).toContain(await readFile(path, "utf8"));
    expect(await readdir(folder)).toEqual(["p.yaml"]);
  });

  it("keeps the permissions of what it replaces, and a link a link", async () => {
    const real = join(folder, "real.yaml");
    await writeFile(real, "one");
    await chmod(real, 0o600);
    await symlink("real.yaml", path);
    await writeWholeFile(path, "two", { overwrite: true });
    expect(await readFile(real, "utf8")).toBe("two");
    expect((await stat(real)).mode & 0o777).toBe(0o600);
    expect(await readlink(path)).toBe("real.yaml");
  });

  it("says why a file cannot be written", async () => {
    await expect(writeWholeFile(join(folder, "none", "p.yaml"), "", { overwrite: false })).rejects.toThrow("its folder does not exist");
    await mkdir(path);
    for (const overwrite of [true, false]) await expect(writeWholeFile(path, "", { overwrite })).rejects.toBeInstanceOf(CommandError);
    expect(await readdir(folder)).toEqual(["p.yaml"]);
  });
});
