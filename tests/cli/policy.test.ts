import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bauta } from "../support/bauta.ts";
import { type RunningDemo, startDemoProcess } from "../support/demo.ts";
import { type ScriptedEngine, startScriptedEngine } from "../support/scripted-engine.ts";
import { noVectors, readJsonVector, vectorPath } from "../support/vectors.ts";

interface Build {
  readonly name: string;
  readonly [value: string]: unknown;
}

interface PolicyJson {
  readonly builds: readonly Build[];
  readonly [member: string]: unknown;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bauta-policy-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);
const text = (name: string) => readFile(at(name), "utf8");
const json = async (name: string) => JSON.parse(await text(name)) as PolicyJson;

describe("bauta policy, of a running enclave", () => {
  const model = "e2ee-scripted";
  let engine: ScriptedEngine;
  let demo: RunningDemo;
  let env: NodeJS.ProcessEnv;
  let root: string[];

  beforeAll(async () => {
    engine = await startScriptedEngine(["Four."]);
    demo = await startDemoProcess(["--engine-url", engine.url]);
    env = { BAUTA_BASE_URL: demo.gateway, BAUTA_API_KEY: demo.apiKey };
    root = ["--trust-root", demo.trustRoot];
    const pinned = await bauta(["policy", "pin", model, ...root, "-o", at("p.json"), "--name", "first"], { env });
    expect(pinned).toMatchObject({ code: 0, stderr: "" });
    const changed = await json("p.json");
    await writeFile(
      at("other.json"),
      JSON.stringify({ ...changed, builds: changed.builds.map((build) => ({ ...build, rtmr1: "ab".repeat(48) })) }),
    );
  });
  afterAll(async () => {
    await demo?.stop();
    await engine?.close();
  });

  it("pins what bauta chat then accepts, and says SIMULATED", async () => {
    const { code, stdout, stderr } = await bauta(["policy", "pin", model, ...root, "-o", at("p.yaml")], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`✓ ${model} pinned SIMULATED in ${at("p.yaml")}`);
    expect(await text("p.yaml")).toMatch(/^# Which enclaves are acceptable/);
    expect(await text("p.yaml")).toContain("# SIMULATED: this build runs in no TEE.");
    const chat = await bauta(["chat", "--model", model, ...root, "--policy", at("p.yaml"), "What is 2+2?"], { env });
    expect(chat).toMatchObject({ code: 0, stderr: expect.stringContaining("✓ verified · SIMULATED") });
    expect(chat.stderr).not.toContain("UNPINNED");
  });

  it("writes the policy to standard output, and words beside it", async () => {
    const { code, stdout, stderr } = await bauta(["policy", "pin", model, ...root, "--provider", "ours"], { env });
    expect(code).toBe(0);
    expect(stdout).toContain("\nprovider: ours\n");
    expect(stdout.split("\n").every((line) => /^(?:#|\s|\w|$)/.test(line))).toBe(true);
    expect(stderr).toContain("pinned SIMULATED");
    await writeFile(at("piped.yaml"), stdout);
    expect(await bauta(["policy", "diff", model, ...root, "--policy", at("piped.yaml")], { env })).toMatchObject({ code: 0 });
  });

  it("prints JSON", async () => {
    const { code, stdout } = await bauta(["policy", "pin", model, ...root, "--json", "--expires", "2099-01-01"], { env });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      file: null,
      simulated: true,
      policy: { version: 1, provider: new URL(demo.gateway).host, builds: [{ expires: "2099-01-01" }], tcb: { accept: ["UpToDate"] } },
    });
  });

  it("never overwrites unless told to", async () => {
    await writeFile(at("mine.yaml"), "mine");
    const pin = ["policy", "pin", model, ...root, "-o", at("mine.yaml")];
    expect(await bauta(pin, { env })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("mine.yaml: exists already; --force overwrites it"),
    });
    expect(await text("mine.yaml")).toBe("mine");
    expect(await bauta([...pin, "--force"], { env })).toMatchObject({ code: 0 });
    expect(await text("mine.yaml")).toContain("version: 1");
  });

  it("pins nothing of an enclave that is not proven", async () => {
    const refused = await bauta(["policy", "pin", model, "-o", at("none.yaml")], { env });
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/not proven: tdx\.pck-chain failed/) });
    await expect(text("none.yaml")).rejects.toThrow();
  });

  it("says that nothing differs, and which build it is", async () => {
    const { code, stdout } = await bauta(["policy", "diff", model, ...root, "--policy", at("p.json")], { env });
    expect(code).toBe(0);
    expect(stdout).toContain(`✓ ${model} SIMULATED is what ${at("p.json")} accepts: build "first"`);
  });

  it("names each value that changed, with status 1", async () => {
    const diff = ["policy", "diff", model, ...root, "--policy", at("other.json")];
    const { code, stdout } = await bauta(diff, { env });
    const [{ rtmr1 }] = (await json("p.json")).builds as [Build];
    expect(code).toBe(1);
    expect(stdout).toContain('the nearest is build "first"');
    expect(stdout).toContain(`  rtmr1\n    policy  ${"ab".repeat(48)}\n    enclave ${String(rtmr1)}\n`);
    expect(stdout).not.toContain("rtmr2");

    const asJson = await bauta([...diff, "--json"], { env });
    expect(asJson.code).toBe(1);
    expect(JSON.parse(asJson.stdout)).toEqual({
      same: false,
      simulated: true,
      build: "first",
      values: [{ name: "rtmr1", expected: "ab".repeat(48), actual: rtmr1 }],
    });
  });

  it("accepts the build into the policy's file, whose comments stay", async () => {
    const [build] = (await json("other.json")).builds as [Build];
    const values = Object.entries(build).map(([name, value]) => `    ${name}: ${JSON.stringify(value)}`);
    const before = `# ours\nversion: 1\nbuilds: # all reviewed\n  - ${values.join("\n").trimStart()} # the first\n`;
    await writeFile(at("ours.yaml"), before);
    const accept = ["policy", "accept", model, ...root, "--policy", at("ours.yaml"), "--name", "second", "--expires", "2099-01-01"];
    const { code, stdout } = await bauta(accept, { env });
    expect(code).toBe(0);
    expect(stdout).toContain(`✓ accepted SIMULATED as build "second" in ${at("ours.yaml")}`);
    expect(stdout).toContain("rtmr1");
    const after = await text("ours.yaml");
    for (const comment of ["# ours", "# all reviewed", "# the first"]) expect(after).toContain(comment);
    expect(after).toMatch(/name: second\n[^]*expires: 2099-01-01\n/);
    expect(await bauta(["policy", "diff", model, ...root, "--policy", at("ours.yaml")], { env })).toMatchObject({ code: 0 });

    // Once accepted, there is nothing to accept.
    expect(await bauta(accept, { env })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('accepts this enclave already, as build "second"'),
    });
    expect(await text("ours.yaml")).toBe(after);
  });

  it("accepts into another file, and leaves the policy as it is", async () => {
    const before = await text("other.json");
    const accept = ["policy", "accept", model, ...root, "--policy", at("other.json"), "-o", at("both.json")];
    const { code, stdout } = await bauta([...accept, "--json"], { env });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ file: at("both.json"), simulated: true, values: [{ name: "rtmr1" }] });
    expect(await text("other.json")).toBe(before);
    expect((await json("both.json")).builds).toHaveLength(2);
    expect(await bauta(accept, { env })).toMatchObject({ code: 2, stderr: expect.stringContaining("exists already") });
  });

  it("does not lower what a policy asks of the platform", async () => {
    const policy = await json("other.json");
    await writeFile(at("strict.json"), JSON.stringify({ ...policy, tcb: { min_evaluation_number: 4_000_000_000 } }));
    const { code, stderr } = await bauta(["policy", "accept", model, ...root, "--policy", at("strict.json")], { env });
    expect(code).toBe(1);
    expect(stderr).toContain("tcb.min_evaluation_number asks for 4000000000 or more");
  });

  it("adds to a built-in policy in a file of one's own only", async () => {
    const accept = ["policy", "accept", model, ...root, "--policy", "venice"];
    expect(await bauta(accept, { env })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("built in and cannot be changed: give -o FILE"),
    });
  });
});

const CAPTURE = "venice-2026-04-24";

describe.skipIf(noVectors)("bauta policy, of a saved answer", () => {
  const saved = () => {
    const { nonce_hex: nonce, captured_at: moment } = readJsonVector(`${CAPTURE}/manifest.json`) as {
      nonce_hex: string;
      captured_at: string;
    };
    const answer = vectorPath(`${CAPTURE}/0001_api.venice.ai_api_v1_tee_attestation.body`);
    return ["--attestation", answer, "--nonce", nonce, "--collateral", vectorPath(CAPTURE), "--at", moment];
  };

  it("is what the built-in policy accepts", async () => {
    const { code, stdout } = await bauta(["policy", "diff", "--policy", "venice", ...saved()]);
    expect(code).toBe(0);
    expect(stdout).toContain("is what venice accepts");
    expect(stdout).not.toContain("SIMULATED");
  });

  it("pins the same values as the built-in policy", async () => {
    const pinned = await bauta(["policy", "pin", ...saved(), "--json"]);
    expect(pinned.code).toBe(0);
    const { policy } = JSON.parse(pinned.stdout) as { policy: PolicyJson };
    const builtIn = JSON.parse((await bauta(["policy", "show", "venice", "--json"])).stdout) as PolicyJson;
    const values = ({ builds: [build] }: PolicyJson) => ({ ...build, name: "", source: "", date: "", expires: "" });
    expect(values(policy)).toEqual(values(builtIn));
    expect(policy["tcb"]).toEqual(builtIn["tcb"]);
  });

  it("is refused when it answered another request, or its collateral has ended", async () => {
    const [answer, file, , , ...rest] = saved() as [string, string, string, string, ...string[]];
    expect(await bauta(["policy", "pin", answer, file, "--nonce", "00".repeat(32), ...rest])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("nonce.bound failed"),
    });
    expect(await bauta(["policy", "pin", ...saved().slice(0, -1), "2026-10-01"])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/not proven: tdx\./),
    });
  });
});

describe("bauta policy show and list", () => {
  it("lists built-in policies and shows them whole", async () => {
    expect((await bauta(["policy", "list"])).stdout).toMatch(/^venice\n {2}Venice's e2ee-\* models/);
    expect(JSON.parse((await bauta(["policy", "list", "--json"])).stdout)).toMatchObject([
      { name: "venice", builds: [{ date: "2026-04-24" }] },
    ]);
    const { code, stdout } = await bauta(["policy", "show", "venice"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/mrtd +b24d3b24e9e3c160[0-9a-f]{80}\n/);
  });

  it("shows weaknesses and the lack of builds as such", async () => {
    await writeFile(at("weak.yaml"), "version: 1\nmeasurements: any\nallow: { debug: true }\nrequire: [key.exclusive]\n");
    const { stdout } = await bauta(["policy", "show", at("weak.yaml")]);
    expect(stdout).toContain("UNPINNED");
    expect(stdout).toMatch(/ALLOWS +debug/);
    expect(stdout).toMatch(/requires +key\.exclusive/);
    await writeFile(at("empty.yaml"), "version: 1\n");
    expect((await bauta(["policy", "show", at("empty.yaml")])).stdout).toContain("none, so nothing passes");
  });

  it("prints a policy as it is enforced", async () => {
    expect(JSON.parse((await bauta(["policy", "show", at("empty.yaml"), "--json"])).stdout)).toMatchObject({
      version: 1,
      builds: [],
      tcb: { accept: ["UpToDate"] },
      allow: { debug: false },
    });
  });
});

describe("bauta policy, used wrongly", () => {
  const usage: [string, string[], string][] = [
    ["no enclave", ["pin"], "no enclave: name a model"],
    ["a saved answer without its nonce", ["pin", "--attestation", "a.json"], "--nonce"],
    ["an enclave and an answer", ["pin", "e2ee-x", "--attestation", "a.json", "--nonce", "00".repeat(32)], "give one"],
    ["no policy to compare with", ["diff", "e2ee-x"], "--policy"],
    ["a policy that is not there", ["diff", "e2ee-x", "--policy", "venise"], "venise: no such file, nor a built-in policy of that name"],
    ["a policy to show that is not there", ["show", "/nonexistent.yaml"], "/nonexistent.yaml: no such file"],
    ["a weakness that cannot be allowed", ["pin", "e2ee-x", "--allow", "debug"], "sept_ve_disable_off"],
    ["an unknown subcommand", ["pni"], "pin"],
  ];
  it.each(usage)("refuses %s with status 2 and one sentence", async (_name, args, words) => {
    const { code, stdout, stderr } = await bauta(["policy", ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(words);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it("names the line of a policy that is wrong, also as JSON", async () => {
    await writeFile(at("typo.yaml"), "version: 1\ntcb:\n  accept: [Revoked]\n");
    const { code, stdout } = await bauta(["policy", "show", at("typo.yaml"), "--json"]);
    expect(code).toBe(2);
    expect((JSON.parse(stdout) as { error: { message: string } }).error.message).toContain("typo.yaml:3: tcb.accept[0]");
  });

  it.each(["pin", "diff", "accept", "show", "list"])("explains %s with examples", async (name) => {
    const { code, stdout } = await bauta(["policy", name, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain("Examples:");
    expect(stdout).toContain(`bauta policy ${name}`);
  });
});
