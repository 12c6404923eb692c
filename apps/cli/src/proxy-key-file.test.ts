import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readKeyFile } from "./proxy-key-file.ts";

describe("readKeyFile", () => {
  const folder = mkdtempSync(join(tmpdir(), "bauta-key-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const save = (text: string, mode = 0o600) => {
    const path = join(folder, "key");
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  };
  const never = (problem: string) => expect.unreachable(problem);

  it("takes the line end away, and nothing else", async () => {
    expect(await readKeyFile(save("sk-1.2_3\r\n"), never)).toBe("sk-1.2_3");
  });

  it("says when others can read it", async () => {
    const problems: string[] = [];
    await readKeyFile(save("secret", 0o644), (problem) => problems.push(problem));
    expect(problems).toEqual([expect.stringContaining("chmod 600")]);
    expect(problems.join()).not.toContain("secret");
  });

  it.each([
    ["two lines", "secret\nother\n"],
    ["a space", "secret other"],
    ["control characters", "sec\u0007ret"],
    ["other alphabets", "schlüssel"],
  ])("refuses %s without repeating it", async (_name, text) => {
    const error: unknown = await readKeyFile(save(text), never).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ exitCode: 2, message: expect.stringContaining("holds no key") });
    expect((error as Error).message).not.toContain("sec");
  });
});
