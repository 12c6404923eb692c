import { X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openDemoFolder } from "./demo-folder.ts";
import { createDemoPlatform } from "./demo-platform.ts";

const NOW_MS = Date.UTC(2026, 11, 1);
const DAY_MS = 86_400_000;

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "bauta-folder-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe("openDemoFolder", () => {
  it("keeps its secrets from one start to the next, for nobody else to read", async () => {
    const path = join(emptyFolder(), "a/b");
    const { close: _close, ...first } = await openDemoFolder(path, NOW_MS);
    const { close: _other, ...second } = await openDemoFolder(path, NOW_MS + 90 * DAY_MS);
    expect(Buffer.from(second.seed)).toEqual(Buffer.from(first.seed));
    expect(second).toMatchObject({ path, madeMs: NOW_MS, apiKey: first.apiKey });
    expect([statSync(path).mode & 0o777, statSync(join(path, "demo.json")).mode & 0o777]).toEqual([0o700, 0o600]);
  });

  it("makes new ones before certificates expire", async () => {
    const path = emptyFolder();
    const first = await openDemoFolder(path, NOW_MS);
    expect((await openDemoFolder(path, NOW_MS + 200 * DAY_MS)).apiKey).not.toBe(first.apiKey);
  });

  it("without a name is another each time, and removed", async () => {
    const folder = await openDemoFolder(undefined, NOW_MS);
    expect(statSync(folder.path).isDirectory()).toBe(true);
    await folder.close();
    expect(() => statSync(folder.path)).toThrow("ENOENT");
  });

  it.each<[string, (path: string) => void, RegExp]>([
    ["that holds something else", (path) => (mkdirSync(path), writeFileSync(join(path, "thesis.tex"), "x")), /holds something else/],
    ["that is a file", (path) => writeFileSync(path, "x"), /cannot be made/],
    ["that is a link", (path) => symlinkSync(emptyFolder(), path), /is no folder/],
    [
      "whose secrets are none",
      (path) => (mkdirSync(path), writeFileSync(join(path, "demo.json"), '{"seed":"x"}')),
      /demo\.json: is not what a demo wrote/,
    ],
  ])("refuses one %s", async (_what, make, why) => {
    const path = join(emptyFolder(), "x");
    make(path);
    await expect(openDemoFolder(path, NOW_MS)).rejects.toMatchObject({ exitCode: 2, message: expect.stringMatching(why) as string });
    expect(() => readFileSync(join(path, "policy.json"))).toThrow();
  });

  it("leads to the same machine and the same policy at each start", async () => {
    const path = emptyFolder();
    const start = async (nowMs: number) => createDemoPlatform(() => nowMs, await openDemoFolder(path, NOW_MS));
    const [first, second] = [await start(NOW_MS), await start(NOW_MS + 30 * DAY_MS)];
    const keysOf = ({ trustRoots }: { readonly trustRoots: readonly Uint8Array[] }) =>
      trustRoots.map((der) => new X509Certificate(der).publicKey.export({ type: "spki", format: "der" }).toString("hex"));
    expect(keysOf(second)).toEqual(keysOf(first));
    expect(second.policy).toEqual(first.policy);
  });
});
