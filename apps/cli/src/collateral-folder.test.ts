import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openCollateralMemory } from "./collateral-folder.ts";

let caches: string;

beforeEach(() => {
  caches = mkdtempSync(join(tmpdir(), "bauta-caches-"));
  vi.stubEnv("XDG_CACHE_HOME", caches);
  vi.stubEnv("LOCALAPPDATA", caches);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(caches, { recursive: true, force: true });
});

describe("openCollateralMemory", () => {
  it("remembers from one command to the next", async () => {
    const first = await openCollateralMemory();
    expect(first.remembered("qe")).toBeUndefined();
    await first.note({ qe: "17" });
    expect((await openCollateralMemory()).remembered("qe")).toBe(17n);
  });

  it("does not take a folder that cannot be read for an empty one", async () => {
    mkdirSync(join(caches, "bauta", "collateral", "numbers"), { recursive: true });
    writeFileSync(join(caches, "bauta", "collateral", "numbers", "intel"), "");
    await expect(openCollateralMemory()).rejects.toMatchObject({
      name: "CommandError",
      exitCode: 1,
      message: expect.stringContaining("cannot be read"),
    });
  });

  it("goes on with a warning where nothing can be written", async () => {
    const warnings = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const memory = await openCollateralMemory();
    writeFileSync(join(caches, "bauta"), "");
    await memory.note({ qe: "17" });
    expect(warnings.mock.calls.join("")).toMatch(/warning: the numbers of this collateral are not remembered in .*bauta.collateral: /);
  });
});
