import { describe, expect, it } from "vitest";
import { bauta } from "../support/bauta.ts";

describe("a command that is not there", () => {
  it.each([
    [["enclave", "--help"], "unknown command 'enclave'"],
    [["chta", "-h"], "Did you mean chat?"],
  ])("has no help: %j", async (args, words) => {
    const { code, stdout, stderr } = await bauta(args);
    expect([code, stdout + stderr]).toEqual([2, expect.stringContaining(words)]);
    expect(stdout).not.toContain("Usage:");
  });

  it("leaves the others theirs", async () => {
    expect(await bauta(["chat", "--help"])).toMatchObject({ code: 0, stdout: expect.stringContaining("Usage: bauta chat") });
    expect(await bauta(["--help"])).toMatchObject({ code: 0, stdout: expect.stringContaining("Usage: bauta [options]") });
  });
});
