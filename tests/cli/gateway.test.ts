import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, describe, expect, it } from "vitest";
import { bauta } from "../support/bauta.ts";
import { bautaCommand } from "../support/demo.ts";

describe("bauta gateway and bauta keys", () => {
  const folder = mkdtempSync(join(tmpdir(), "bauta-gateway-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const config = (sha256: string, extra = "") => `listen: { host: 127.0.0.1, port: 0 }
keys:
  - { name: alice, sha256: ${sha256} }
policy: policy.json
models:
  - id: e2ee-far
    name: Far away
    context_length: 4096
    max_completion_tokens: 1024
    enclaves: [http://127.0.0.1:9]
${extra}`;

  it("makes a key, takes its hash, answers its holder and nobody else, and ends at SIGTERM", async () => {
    const { key, sha256 } = JSON.parse((await bauta(["keys", "--json"])).stdout) as { key: string; sha256: string };
    write("policy.json", JSON.stringify({ version: 1, measurements: "any" }));
    const file = write("gateway.yaml", config(sha256));
    expect(await bauta(["gateway", "--config", file, "--check"])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("1 models, 1 keys"),
    });

    const child = spawn(process.execPath, [bautaCommand, "gateway", "--config", file, "--json"], { stdio: ["ignore", "pipe", "ignore"] });
    const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    const { gateway } = JSON.parse(line) as { gateway: string };
    const models = (authorization: string) => fetch(`${gateway}/models`, { headers: { authorization } });
    expect((await models(`Bearer ${key}`)).status).toBe(200);
    expect((await models("Bearer other")).status).toBe(401);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  });

  it("names file, line and field of a typo, with status 2", async () => {
    const file = write("typo.yaml", config("00".repeat(32), "quote_encodnig: hex\n"));
    const { code, stderr } = await bauta(["gateway", "--config", file]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/typo\.yaml:11: quote_encodnig: .*did you mean quote_encoding/);
  });

  it("names a configuration that is not there, with status 2", async () => {
    expect(await bauta(["gateway", "--config", join(folder, "none.yaml")])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("none.yaml"),
    });
  });
});
