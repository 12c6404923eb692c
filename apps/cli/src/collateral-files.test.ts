import { CollateralError, collateralNeed } from "@bauta/attestation";
import { createSimulator } from "@bauta/simulator";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { noVectors, readJsonVector, vectorPath } from "../../../tests/support/vectors.ts";
import { createCollateralDirectory } from "./collateral-directory.ts";
import { loadCollateral } from "./collateral-files.ts";

const nowMs = Date.parse("2026-06-01T00:00:00Z");
const simulator = createSimulator({ nowMs });
const { collateral } = simulator;

let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), "bauta-files-"));
});
afterEach(() => rm(path, { recursive: true, force: true }));

describe("loadCollateral", () => {
  it("reads a file, a folder, and a cache's own folder", async () => {
    const need = collateralNeed(await simulator.quote(new Uint8Array(64)));
    expect(need).toMatchObject({ ca: expect.any(String) as string });
    const file = join(path, "c.json");
    await writeFile(file, JSON.stringify(collateral));
    expect((await loadCollateral(file)).select(need, nowMs)).toEqual(collateral);
    await mkdir(join(path, "empty folder"));
    execFileSync("mkfifo", [join(path, "pipe")]);
    await symlink("nowhere", join(path, ".dangling"));
    await writeFile(join(path, "large"), "");
    await truncate(join(path, "large"), 9 * 1024 * 1024);
    await writeFile(join(path, "c.json.1.aa.tmp"), "{");
    expect((await loadCollateral(path)).select(need, nowMs)).toEqual(collateral);
    await createCollateralDirectory(join(path, "cache")).put("k", { collateral, fetchedMs: nowMs });
    expect((await loadCollateral(join(path, "cache", "sets"))).select(need, nowMs)).toEqual(collateral);
  });

  it("says which file, and what is wrong with it", async () => {
    const { root_ca_crl: _, ...rest } = collateral;
    await writeFile(join(path, "c.json"), JSON.stringify(rest));
    await writeFile(join(path, "image.png"), "\x89PNG");
    await writeFile(join(path, "empty"), "");
    await mkdir(join(path, "folder"));
    for (const [name, message] of [
      ["nowhere", "does not exist"],
      ["c.json", "root_ca_crl is missing"],
      ["image.png", "holds no TDX collateral"],
      ["empty", "holds no TDX collateral"],
      ["folder", "holds no TDX collateral"],
    ] as const) {
      const load = loadCollateral(join(path, name));
      await expect(load).rejects.toThrow(CollateralError);
      await expect(load).rejects.toThrow(`collateral: ${join(path, name)}: ${message}`);
    }
  });

  it.skipIf(noVectors)("reads the whole recorded capture's folder", async () => {
    const library = await loadCollateral(vectorPath("venice-2026-04-24"));
    const answer = readJsonVector("venice-2026-04-24/0001_api.venice.ai_api_v1_tee_attestation.body") as { intel_quote: string };
    const need = collateralNeed(new Uint8Array(Buffer.from(answer.intel_quote, "hex")));
    expect(library.problems).toEqual([]);
    expect(library.select(need, Date.parse("2026-04-24T01:58:41Z")).tcb_info).toContain("2026-04-24T01:35:26Z");
  });
});
