import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunningDemo, startDemoProcess } from "../support/demo.ts";
import { type ScriptedEngine, startScriptedEngine } from "../support/scripted-engine.ts";
import { createVerifyFolder, failures, printed } from "../support/verify.ts";

const { folder, save, bauta, remove } = createVerifyFolder();
afterAll(remove);

describe("bauta verify with a running enclave", () => {
  const nonce = "5a".repeat(32);
  let engine: ScriptedEngine;
  let demo: RunningDemo;
  let env: NodeJS.ProcessEnv;
  let trust: string[];
  let answer: string;

  beforeAll(async () => {
    engine = await startScriptedEngine(["hi"]);
    demo = await startDemoProcess(["--engine-url", engine.url]);
    env = { BAUTA_BASE_URL: demo.gateway, BAUTA_API_KEY: demo.apiKey };
    trust = ["--trust-root", demo.trustRoot, "--policy", demo.policy];
    const url = `${demo.gateway}/tee/attestation?model=e2ee-scripted&nonce=${nonce}`;
    answer = save("answer.json", await (await fetch(url, { headers: { authorization: `Bearer ${demo.apiKey}` } })).text());
  });
  afterAll(async () => {
    await demo?.stop();
    await engine?.close();
  });

  it("is a screenful: the verdict, who could still read, and what was not made", async () => {
    const { code, stdout } = await bauta(["verify", "e2ee-scripted", ...trust], env);
    const lines = stdout.trimEnd().split("\n");
    expect([code, lines[0]]).toEqual([0, expect.stringMatching(/^✓ e2ee-scripted attested SIMULATED/)]);
    expect(lines.length).toBeLessThan(60);
    expect(lines.slice(1).join("\n")).not.toContain("✓");
    expect(lines).toContain("Who could still read what you send");
    expect(stdout).toMatch(/^ {2}– {3}GPU \(\d+\) /m);
  });

  it("shows every check with its reason, between two lines of verdict, plain and within 80 columns in a pipe", async () => {
    const { code, stdout, stderr } = await bauta(["verify", "e2ee-scripted", "--all", ...trust], env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^✓ e2ee-scripted attested SIMULATED \(\d+ checks passed, 0 failed, \d+ not made\)$/);
    expect(lines.at(-1)).toBe(lines[0]);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    // oxlint-disable-next-line no-control-regex -- no colour in a pipe
    expect(stdout).not.toMatch(/\u001b/);
    expect(stdout).toMatch(/^ {2}✓ • nonce\.bound +REPORTDATA holds/m);
    expect(stdout).toContain("collateral        sent along with the answer");
    expect(stdout).toContain("Proven");
    expect(stdout).toContain("Who could still read what you send");
  });

  it("colours where that is asked for", async () => {
    const { stdout } = await bauta(["verify", "e2ee-scripted", ...trust], { ...env, FORCE_COLOR: "1" });
    expect(stdout).toContain("\u001b[32m✓");
  });

  it("prints the whole result as JSON", async () => {
    const outcome = await bauta(["verify", "e2ee-scripted", ...trust, "--json"], env);
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    const result = printed(outcome);
    expect(result).toMatchObject({
      ok: true,
      scope: "enclave",
      simulated: true,
      pinned: true,
      debug: false,
      signingKey: expect.stringMatching(/^04[0-9a-f]{128}$/),
      hpkeKeyConfig: expect.stringMatching(/^[0-9a-f]{80,}$/),
    });
    expect(Object.keys(result).sort()).toEqual(
      [
        "checks",
        "claims",
        "collateral",
        "couldRead",
        "debug",
        "hpkeKeyConfig",
        "ok",
        "pinned",
        "readers",
        "scope",
        "sealing",
        "signingKey",
        "simulated",
        "stated",
      ].sort(),
    );
    expect(result.checks.find(({ id }) => id === "nonce.bound")).toEqual({
      id: "nonce.bound",
      status: "pass",
      required: true,
      reason: expect.any(String),
    });
  });

  it("refuses an enclave whose root, build or policy nobody named, and says why first", async () => {
    const unknownRoot = await bauta(["verify", "e2ee-scripted", "--policy", demo.policy], env);
    expect(unknownRoot.code).toBe(1);
    expect(unknownRoot.stdout.split("\n")[0]).toMatch(/^✗ e2ee-scripted NOT acceptable/);
    expect(unknownRoot.stdout.split("\n").slice(1, 4).join("\n")).toContain("✗ tdx.pck-chain: ");

    const noPolicy = await bauta(["verify", "e2ee-scripted", "--root", demo.trustRoot, "--json"], env);
    expect(noPolicy.code).toBe(1);
    expect(printed(noPolicy)).toMatchObject({ ok: false, pinned: false });

    const unpinned = await bauta(["verify", "e2ee-scripted", "--root", demo.trustRoot, "--allow-unpinned"], env);
    expect(unpinned.code).toBe(0);
    expect(unpinned.stdout).toMatch(/^✓ e2ee-scripted attested SIMULATED UNPINNED/);
  });

  it("judges a saved answer by the nonce that it was asked with", async () => {
    const offline = (...args: string[]) => bauta(["verify", "--attestation", answer, ...trust, "--json", ...args]);
    const good = await offline("--nonce", nonce);
    expect(good.code).toBe(0);
    expect(printed(good)).toMatchObject({ ok: true, scope: "enclave", simulated: true });

    const other = await offline("--nonce", "a5".repeat(32));
    expect(other.code).toBe(1);
    // The keys statement has the nonce as well, and the GPUs signed it.
    expect(failures(printed(other))).toEqual(["nonce.bound", "keys.signed", "gpu.nonce"]);
  });

  it("names the check that owns a change to a saved answer", async () => {
    const changed = { ...(JSON.parse(readFileSync(answer, "utf8")) as { intel_quote: string }) };
    const quote = Buffer.from(changed.intel_quote, "base64");
    quote[600] = (quote[600] ?? 0) ^ 1;
    const file = save("changed.json", JSON.stringify({ ...changed, intel_quote: quote.toString("base64") }));
    const outcome = await bauta(["verify", "--attestation", file, "--nonce", nonce, ...trust, "--json"]);
    expect(outcome.code).toBe(1);
    expect(failures(printed(outcome))).toContain("tdx.quote-signature");
  });

  it("reads an answer that was saved with a byte order mark", async () => {
    const marked = save("marked.json", `\ufeff${readFileSync(answer, "utf8")}\r\n`);
    expect(await bauta(["verify", "--attestation", marked, "--nonce", nonce, ...trust])).toMatchObject({ code: 0, stderr: "" });
  });

  it("judges for another moment", async () => {
    const outcome = await bauta(["verify", "--attestation", answer, "--nonce", nonce, ...trust, "--at", "2019-03-01T00:00:00Z"]);
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toContain("judged for        2019-03-01T00:00:00Z\n");
    expect(outcome.stdout).toContain("✗ • tdx.pck-chain");
  });

  it("says what a clock that is far off has to do with it", async () => {
    const outcome = await bauta(["verify", "--attestation", answer, "--nonce", nonce, ...trust, "--at", "1970-01-01T00:00:00Z"]);
    expect(outcome).toMatchObject({ code: 1, stderr: "" });
    expect(outcome.stdout.replaceAll(/\s+/g, " ")).toContain(
      "says 1970-01-01, when no certificate of Intel's TDX is valid: set the clock right",
    );
  });

  const usage: [string, string[], string][] = [
    ["nothing to verify", [], "nothing to verify: name a model, or give --quote or --attestation"],
    ["a model and a quote", ["e2ee-x", "--quote", "q.bin"], "the model e2ee-x and --quote are different things"],
    ["a quote and an answer", ["--quote", "q.bin", "--attestation", "a.json", "--nonce", nonce], "--quote and --attestation"],
    ["an answer without its nonce", ["--attestation", "a.json"], "--attestation needs --nonce"],
    ["a nonce for a quote", ["--quote", "q.bin", "--nonce", nonce], "--quote judges the platform alone"],
    ["a nonce for a model", ["e2ee-x", "--nonce", nonce], "fresh nonce"],
    ["a model without a gateway", ["e2ee-x"], "no gateway: give --base-url"],
    ["a moment that is none", ["--quote", "q.bin", "--at", "yesterday"], "--at yesterday"],
    ["two rules that contradict", ["--quote", "q.bin", "--policy", "p.json", "--allow-unpinned"], "contradict"],
    ["a flag that is none", ["--qoute", "q.bin"], "--quote"],
    ["two models", ["e2ee-x", "e2ee-y"], "too many arguments"],
    ["a policy that is not there", ["--quote", "q.bin", "--policy", "/nonexistent.yaml"], "/nonexistent.yaml"],
    ["a root that is not there", ["--quote", "q.bin", "--root", "/nonexistent.der"], "/nonexistent.der: no such file"],
  ];
  it.each(usage)("refuses %s with one sentence and status 2", async (_name, args, words) => {
    const outcome = await bauta(["verify", ...args]);
    expect(outcome).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(words) });
    expect(outcome.stderr).not.toMatch(/^ +at /m);
    const json = await bauta(["verify", ...args, "--json"]);
    expect(json).toMatchObject({ code: 2, stderr: "" });
    expect(JSON.parse(json.stdout)).toEqual({ error: { message: expect.stringContaining(words), code: expect.toSatisfy(() => true) } });
  });

  const unreadable: [string, () => string[], string][] = [
    ["an empty answer", () => ["--attestation", save("empty.json", ""), "--nonce", nonce], "empty.json: is empty"],
    [
      "an answer that is not JSON",
      () => ["--attestation", save("text.json", "hello"), "--nonce", nonce],
      "text.json: not an attestation answer",
    ],
    ["an answer without a quote", () => ["--attestation", save("none.json", "{}"), "--nonce", nonce], "intel_quote: is missing"],
    ["an answer that is not there", () => ["--attestation", join(folder, "no.json"), "--nonce", nonce], "no.json: no such file"],
    ["a folder in an answer's place", () => ["--attestation", folder, "--nonce", nonce], "is a directory"],
    [
      "a nonce that is too short",
      () => ["--attestation", answer, "--nonce", nonce.slice(2)],
      "--nonce: a nonce has 64 hex digits, and this has 62 characters",
    ],
    ["a nonce that is not hex", () => ["--attestation", answer, "--nonce", "z".repeat(64)], "--nonce: a nonce has 64 hex digits"],
    [
      "collateral that is not there",
      () => ["--attestation", answer, "--nonce", nonce, "--collateral", join(folder, "no")],
      "does not exist",
    ],
    [
      "a folder without collateral",
      () => ["--attestation", answer, "--nonce", nonce, "--collateral", mkdtempSync(join(folder, "e-"))],
      "holds no TDX collateral",
    ],
    [
      "collateral that is something else",
      () => ["--attestation", answer, "--nonce", nonce, "--collateral", answer.replace("answer", "none")],
      "none.json",
    ],
    ["a root that is no certificate", () => ["--attestation", answer, "--nonce", nonce, "--root", save("root.der", "junk")], "root"],
  ];
  it.each(unreadable)("names %s in one sentence, with status 2", async (_name, args, words) => {
    const outcome = await bauta(["verify", ...args()]);
    expect(outcome).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(words) });
    expect(outcome.stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});
