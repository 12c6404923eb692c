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

  it("remembers a named root's numbers as long as the command, so that simulators never crowd out Intel's", async () => {
    const memory = await openCollateralMemory();
    await memory.note({ "0123456789abcdef:qe": "99", qe: "17" });
    expect([memory.remembered("0123456789abcdef:qe"), memory.remembered("qe")]).toEqual([99n, 17n]);
    const next = await openCollateralMemory();
    expect([next.remembered("0123456789abcdef:qe"), next.remembered("qe")]).toEqual([undefined, 17n]);
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
