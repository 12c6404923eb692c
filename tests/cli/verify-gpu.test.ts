import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createSimulator, type SimulatorOptions } from "@bauta/simulator";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noVectors, vectorPath } from "../support/vectors.ts";
import { createVerifyFolder, failures, printed, type PrintedResult } from "../support/verify.ts";
import { type GpuSimulator, type NvidiaServices, rootsOf, startNvidiaServices, toRimAnswer } from "./simulated-gpus.ts";

const { folder, save, bauta, remove } = createVerifyFolder();
afterAll(remove);

const nonce = "5a".repeat(32);
const nonceBytes = Buffer.from(nonce, "hex");
const simulate = (options: Partial<SimulatorOptions> = {}) =>
  createSimulator({ nowMs: Date.now(), gpus: { count: 2 }, ...options }) as GpuSimulator;

/** A folder of its own with these files. */
function saveFolder(files: Readonly<Record<string, string | Uint8Array>>): string {
  const path = mkdtempSync(join(folder, "rims-"));
  for (const [name, contents] of Object.entries(files)) writeFileSync(join(path, name), contents);
  return path;
}

async function saveRims({ gpus }: GpuSimulator): Promise<string> {
  const answers = await gpus.ocsp();
  return saveFolder({
    "driver.xml": gpus.rims[0] ?? "",
    "vbios.json": JSON.stringify([...gpus.rimsById].map(([id, xml]) => toRimAnswer(id, xml)).at(-1)),
    ...Object.fromEntries(answers.map((der, index) => [`${index}.ocsp`, der])),
  });
}

const statusOf = ({ checks }: PrintedResult, wanted: string) => checks.find(({ id }) => id === wanted)?.status;

describe("bauta verify --gpu", () => {
  let simulator: GpuSimulator;
  let payload: string;
  let gpu: string;
  let root: string;
  let rims: string;
  let args: string[];

  beforeAll(async () => {
    simulator = simulate();
    payload = await simulator.gpus.payload(nonceBytes);
    gpu = save("gpus.json", payload);
    root = save("roots.pem", rootsOf(simulator));
    rims = await saveRims(simulator);
    args = ["verify", "--gpu", gpu, "--nonce", nonce, "--root", root];
  });

  it("shows the GPUs, each check of them, and that they prove nothing about who sees a prompt", async () => {
    const shown = await bauta([...args, "--rims", rims, "--all"]);
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    const lines = shown.stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^✓ gpus\.json GPUs acceptable SIMULATED \(10 checks passed, 0 failed, 4 not made\)$/);
    expect(lines.at(-1)).toBe(lines[0]);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(shown.stdout.replaceAll(/\s+/g, " ")).toContain(
      "The GPUs alone were judged: nothing here says whose machine they are in, what runs on it, or who sees a prompt that is sent to it.",
    );
    expect(shown.stdout).toMatch(/^GPU +10 passed, 4 not made$/m);
    expect(shown.stdout).toMatch(/^ {2}✓ • gpu\.measurements +all 2 GPUs: \d+ measurements match/m);
    expect(shown.stdout).toMatch(/^ {2}– {3}gpu\.bound-to-cpu/m);
    expect(shown.stdout).toMatch(
      /^GPUs, proven +2\n {2}model +2 × GH100 [^\n]*\(HOPPER\)\n {2}driver +999\.53\.77\n {2}VBIOS +53\.49\.4D\.00\.01\n {2}mode +SPT\n {2}UEID +0: [0-9a-f]+\n +1: [0-9a-f]+\n/m,
    );
  });

  it("prints the result as JSON", async () => {
    const outcome = await bauta([...args, "--rims", rims, "--json"]);
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    const result = printed(outcome);
    expect(Object.keys(result).sort()).toEqual(["checks", "claims", "ok", "scope", "simulated"]);
    expect(result).toMatchObject({ ok: true, scope: "gpus", simulated: true });
    expect(result.checks).toHaveLength(14);
    expect(result.claims["gpus"]).toEqual([0, 1].map(() => expect.objectContaining({ arch: "HOPPER", driver: "999.53.77", mode: "SPT" })));
  });

  const forms: [string, () => string][] = [
    ["the SDK's array", () => JSON.stringify((JSON.parse(payload) as { evidence_list: object[] }).evidence_list)],
    ["a whole answer", () => JSON.stringify({ intel_quote: "00", nvidia_payload: payload })],
    ["a text with a byte order mark", () => `\ufeff${payload}\r\n`],
  ];
  it.each(forms)("reads %s", async (_name, contents) => {
    const file = save("form.json", contents());
    const outcome = await bauta(["verify", "--gpu", file, "--nonce", nonce, "--root", root, "--rims", rims, "--json"]);
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(printed(outcome).claims["gpus"]).toHaveLength(2);
  });

  it("uses what an answer brings along, and asks nobody then", async () => {
    const ocsp = (await simulator.gpus.ocsp()).map((der) => Buffer.from(der).toString("base64"));
    const answer = { intel_quote: "00", nvidia_payload: payload, gpu_endorsements: { rims: simulator.gpus.rims, ocsp } };
    const file = save("endorsed.json", JSON.stringify(answer));
    const outcome = await bauta(["verify", "--gpu", file, "--nonce", nonce, "--root", root, "--rim-url", "http://127.0.0.1:9"]);
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(outcome.stdout).toContain("manifests         sent along with the answer\n");
    // Taken out on the way, they are asked for, and missed.
    const bare = save("bare.json", JSON.stringify({ ...answer, gpu_endorsements: undefined }));
    const urls = ["--rim-url", "http://127.0.0.1:9", "--ocsp-url", "http://127.0.0.1:9"];
    expect(await bauta(["verify", "--gpu", bare, "--nonce", nonce, "--root", root, ...urls])).toMatchObject({ code: 1 });
  });

  it("reads what nvattest writes, and what jq prints of an answer", async () => {
    const { evidence_list: evidences } = JSON.parse(payload) as { evidence_list: unknown };
    const collected = save("nvattest.json", JSON.stringify({ evidences, result_code: 0, result_message: "Ok" }));
    const printedByJq = save("jq.json", `${JSON.stringify(payload)}\n`);
    for (const file of [collected, printedByJq]) {
      const outcome = await bauta(["verify", "--gpu", file, "--nonce", nonce, "--root", root, "--rims", rims]);
      expect(outcome).toMatchObject({ code: 0, stderr: "" });
    }
    const empty = save("failed.json", '{"evidences":[],"result_code":13}');
    const failed = await bauta(["verify", "--gpu", empty, "--nonce", nonce, "--root", root, "--rims", rims]);
    expect([failed.code, failed.stdout + failed.stderr]).toEqual([1, expect.stringContaining("result_code: 13")]);
  });

  it("does not take a simulator for NVIDIA unless its roots are named", async () => {
    const outcome = await bauta(["verify", "--gpu", gpu, "--nonce", nonce, "--rims", rims, "--json"]);
    expect(outcome.code).toBe(1);
    expect(failures(printed(outcome))).toContain("gpu.cert-chain");
    expect(printed(outcome)).toMatchObject({ ok: false, simulated: false, claims: {} });
  });

  it("fails for another nonce, and for GPUs that answered another", async () => {
    const outcome = await bauta(["verify", "--gpu", gpu, "--nonce", "a5".repeat(32), "--root", root, "--rims", rims, "--json"]);
    expect(outcome.code).toBe(1);
    expect(failures(printed(outcome))).toEqual(["gpu.nonce"]);
  });

  const faulty: [string, SimulatorOptions["faults"], string[]][] = [
    ["measurements that are not those of the manifests", { gpuEvidence: { measurements: { 3: "ab".repeat(48) } } }, ["gpu.measurements"]],
    ["a withdrawn certificate", { ocsp: { device: { status: "revoked" } } }, ["gpu.revocation"]],
    ["a changed manifest", { driverRim: { text: (xml) => xml.replace('revision="r1"', 'revision="r2"') } }, ["gpu.rim-driver"]],
    ["a bad signature", { gpuEvidence: { foreignSigner: true, devices: [1] } }, ["gpu.report-signature"]],
  ];
  it.each(faulty)("names the check that owns %s", async (_name, faults, expected) => {
    const bad = simulate({ faults });
    const file = save("bad.json", await bad.gpus.payload(nonceBytes));
    const flags = ["--root", save("bad.pem", rootsOf(bad)), "--rims", await saveRims(bad)];
    const outcome = await bauta(["verify", "--gpu", file, "--nonce", nonce, ...flags, "--json"]);
    expect(outcome.code).toBe(1);
    expect(failures(printed(outcome))).toEqual(expect.arrayContaining(expected));
    expect(printed(outcome).ok).toBe(false);
  });

  it("judges the evidence alone when told to ask nobody, and says what was not looked at", async () => {
    for (const alone of [["--offline"], ["--at", new Date().toISOString()]]) {
      const outcome = await bauta([...args, ...alone, "--all"]);
      expect(outcome).toMatchObject({ code: 0, stderr: "" });
      expect(outcome.stdout.replaceAll(/\s+/g, " ")).toContain(
        "which firmware they run, and whether NVIDIA has withdrawn them, was not looked at",
      );
      expect(outcome.stdout).toMatch(/^ {2}– {3}gpu\.measurements/m);
    }
  });

  it("asks more of files: manifests of all that runs, and OCSP answers about all where there are some", async () => {
    const { gpus } = simulator;
    const [driver = "", vbios = ""] = gpus.rims;
    const [answer = new Uint8Array()] = await gpus.ocsp();
    const lacking = await bauta([...args, "--rims", saveFolder({ "driver.swidtag": driver }), "--json"]);
    expect(lacking.code).toBe(1);
    expect(statusOf(printed(lacking), "gpu.rim-vbios")).toBe("not-checked");
    const unasked = await bauta([...args, "--rims", saveFolder({ "a.xml": driver, "b.xml": vbios })]);
    expect(unasked).toMatchObject({ code: 0, stderr: "" });
    expect(unasked.stdout.replaceAll(/\s+/g, " ")).toContain("Nothing at hand says whether NVIDIA has withdrawn a certificate");
    const some = await bauta([...args, "--rims", saveFolder({ "a.xml": driver, "b.xml": vbios, "c.der": answer }), "--json"]);
    expect(some.code).toBe(1);
    expect(printed(some).checks.find(({ id }) => id === "gpu.revocation")).toMatchObject({ status: "not-checked", required: true });
  });

  it("warns of a file that it cannot read, and goes on with the others", async () => {
    const [driver = "", vbios = ""] = simulator.gpus.rims;
    const outcome = await bauta([...args, "--rims", saveFolder({ "a.xml": driver, "b.xml": vbios, "c.rim": "hello" })]);
    expect(outcome).toMatchObject({ code: 0, stderr: expect.stringMatching(/^warning: \S+c\.rim: is neither a manifest/) });
  });

  it("holds GPUs against a policy: how many, of which kind, and which checks", async () => {
    const judge = (policy: object, ...more: string[]) =>
      bauta([...args, "--rims", rims, "--policy", save("p.json", JSON.stringify({ version: 1, ...policy })), "--json", ...more]);
    expect(
      await judge({ gpu: { count: 2, archs: ["HOPPER"] }, require: ["keys.signed", "gpu.named-by-enclave", "gpu.fwid"] }),
    ).toMatchObject({
      code: 0,
    });
    const eight = await judge({ gpu: { count: 8 } });
    expect(eight.code).toBe(1);
    expect(failures(printed(eight))).toEqual(["gpu.present"]);
    expect((await judge({ gpu: { archs: ["BLACKWELL"] } })).code).toBe(1);
    const opinion = await judge({ require: ["gpu.nras"] });
    expect(opinion.code).toBe(1);
    expect(printed(opinion).checks.find(({ id }) => id === "gpu.nras")).toMatchObject({ status: "not-checked", required: true });
  });

  it("reads a recorded opinion of NRAS, which counts for its request alone", async () => {
    const { answer, jwks } = await simulator.gpus.nras(nonceBytes);
    const other = await simulator.gpus.nras(Buffer.alloc(32));
    const policy = save("nras.json", JSON.stringify({ version: 1, require: ["gpu.nras"] }));
    const [driver = "", vbios = ""] = simulator.gpus.rims;
    const judge = (token: unknown) => {
      const files = { "a.xml": driver, "b.xml": vbios, "nras.json": JSON.stringify(token), "jwks.json": JSON.stringify(jwks) };
      return bauta([...args, "--rims", saveFolder(files), "--policy", policy, "--json"]);
    };
    const good = await judge(answer);
    expect(good).toMatchObject({ code: 0, stderr: "" });
    expect(statusOf(printed(good), "gpu.nras")).toBe("pass");
    expect(failures(printed(await judge(other.answer)))).toEqual(["gpu.nras"]);
  });

  const usage: [string, () => string[], string][] = [
    ["no nonce", () => ["--gpu", gpu], "--gpu needs --nonce"],
    ["a nonce that is too short", () => ["--gpu", gpu, "--nonce", nonce.slice(2)], "--nonce: a nonce has 64 hex digits, and this has 62"],
    ["a nonce that is not hex", () => ["--gpu", gpu, "--nonce", "z".repeat(64)], "--nonce: a nonce has 64 hex digits"],
    ["GPUs and a quote", () => ["--gpu", gpu, "--nonce", nonce, "--quote", "q.bin"], "--quote and --gpu are different things"],
    ["GPUs and a model", () => ["e2ee-x", "--gpu", gpu, "--nonce", nonce], "the model e2ee-x and --gpu are different things"],
    ["collateral for GPUs", () => ["--gpu", gpu, "--nonce", nonce, "--collateral", "c"], "--collateral is about enclaves"],
    ["a PCCS for GPUs", () => ["--gpu", gpu, "--nonce", nonce, "--pcs-url", "http://x"], "--pcs-url is about enclaves"],
    ["any measurements of GPUs", () => ["--gpu", gpu, "--nonce", nonce, "--allow-unpinned"], "--allow-unpinned is about enclaves"],
    ["manifests for a quote", () => ["--quote", "q.bin", "--rims", rims], "--rims is about GPUs"],
    ["evidence that is not there", () => ["--gpu", join(folder, "no.json"), "--nonce", nonce], "no.json: no such file"],
    ["a folder for evidence", () => ["--gpu", folder, "--nonce", nonce], "is a directory"],
    ["evidence that is empty", () => ["--gpu", save("e.json", ""), "--nonce", nonce], "e.json: is empty"],
    ["evidence that is not JSON", () => ["--gpu", save("e.json", "SPDM"), "--nonce", nonce], "e.json: not GPU evidence, which is JSON"],
    ["JSON of another kind", () => ["--gpu", save("e.json", '{"a":1}'), "--nonce", nonce], "e.json: not GPU evidence: give NVIDIA's"],
    ["a number", () => ["--gpu", save("e.json", "5"), "--nonce", nonce], "e.json: not GPU evidence"],
    ["a list of other things", () => ["--gpu", save("e.json", "[{}]"), "--nonce", nonce], "entry 0 of the list has not both"],
    ["an answer without GPUs", () => ["--gpu", save("e.json", '{"intel_quote":"00"}'), "--nonce", nonce], "has no GPU evidence"],
    [
      "an answer with other GPU evidence",
      () => ["--gpu", save("e.json", '{"nvidia_payload":"x"}'), "--nonce", nonce],
      "nvidia_payload is not JSON",
    ],
    ["too much", () => ["--gpu", save("e.json", "[".repeat(9 * 1024 * 1024)), "--nonce", nonce], "larger than 8388608 bytes"],
    ["manifests that are not there", () => [...args.slice(1), "--rims", join(folder, "nowhere")], "nowhere: does not exist"],
    [
      "a folder without manifests",
      () => [...args.slice(1), "--rims", saveFolder({ "notes.txt": "hello" })],
      "holds none of what it is for",
    ],
    ["a file that is no manifest", () => [...args.slice(1), "--rims", save("a.rim", "hello")], "a.rim: is neither a manifest"],
    [
      "too large a file of manifests",
      () => [...args.slice(1), "--rims", save("a.xml", Buffer.alloc(9 * 1024 * 1024))],
      "at most 8388608 bytes",
    ],
    ["a moment that is none", () => [...args.slice(1), "--rims", rims, "--at", "soon"], "--at soon"],
    ["an address that is none", () => [...args.slice(1), "--rim-url", "nvidia"], "--rim-url: is not a URL"],
    ["an address in plain http", () => [...args.slice(1), "--ocsp-url", "http://ocsp.example.com"], "--ocsp-url: is plain http"],
    ["an address with a password", () => [...args.slice(1), "--nras-url", "https://a:b@example.com"], "--nras-url: holds a user name"],
    ["a root that is no certificate", () => ["--gpu", gpu, "--nonce", nonce, "--root", save("r.der", "junk")], "r.der: not a certificate"],
  ];
  it.each(usage)("refuses %s with one sentence and status 2", async (_name, flags, words) => {
    const outcome = await bauta(["verify", ...flags()]);
    expect(outcome).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(words) });
    expect(outcome.stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  it("judges evidence that is of the right form and cannot be read, and says what is wrong with it", async () => {
    const file = save("broken.json", JSON.stringify([{ certificate: "AA==", evidence: "AA==", arch: "HOPPER" }]));
    const outcome = await bauta(["verify", "--gpu", file, "--nonce", nonce, "--offline"]);
    expect(outcome).toMatchObject({ code: 1, stderr: "" });
    expect(outcome.stdout.split("\n")[1]).toMatch(/^ {2}✗ gpu\.present: GPU 0: /);
  });

  it("reads a folder through a link, and not what lies in folders within it", async () => {
    const link = join(folder, "link");
    symlinkSync(rims, link);
    expect(await bauta([...args, "--rims", link])).toMatchObject({ code: 0 });
    const outer = mkdtempSync(join(folder, "outer-"));
    mkdirSync(join(outer, "inner"));
    writeFileSync(join(outer, "inner", "driver.xml"), simulator.gpus.rims[0] ?? "");
    expect(await bauta([...args, "--rims", outer])).toMatchObject({ code: 2 });
  });
});

describe("bauta verify --gpu, with services", () => {
  let simulator: GpuSimulator;
  let services: NvidiaServices;
  let args: string[];

  beforeAll(async () => {
    simulator = simulate();
    services = await startNvidiaServices(simulator);
    const root = save("service-roots.pem", rootsOf(simulator));
    args = [
      "verify",
      "--gpu",
      save("service.json", await simulator.gpus.payload(nonceBytes)),
      "--nonce",
      nonce,
      "--root",
      root,
      ...services.flags,
    ];
  });
  afterAll(() => services?.close());

  it("fetches manifests and OCSP answers once, and keeps them", async () => {
    const first = await bauta(args);
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout.replaceAll(/\s+/g, " ")).toContain(`manifests ${services.url}/rims, ${services.url}/ocsp policy`);
    const asked = services.requests.length;
    expect(services.requests.filter((line) => line.startsWith("GET /rims/v1/rim/NV_GPU_")).length).toBe(2);
    expect(asked).toBeGreaterThan(5);
    expect(services.requests.filter((line) => line.includes("nras"))).toEqual([]);
    expect(await bauta(args)).toMatchObject({ code: 0 });
    expect(services.requests).toHaveLength(asked);
  });

  it("sends the evidence to NRAS only where a policy requires its opinion", async () => {
    const policy = save("opinion.yaml", "version: 1\nrequire: [gpu.nras]\n");
    const outcome = await bauta([...args, "--policy", policy, "--json"]);
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(statusOf(printed(outcome), "gpu.nras")).toBe("pass");
    expect(services.requests.filter((line) => line.includes("nras"))).toEqual([
      "POST /nras/v4/attest/gpu",
      "GET /nras/.well-known/jwks.json",
    ]);
  });

  it("is not acceptable while a service keeps something back, and says what in one line", async () => {
    const env = { XDG_CACHE_HOME: mkdtempSync(join(folder, "cache-")) };
    for (const id of simulator.gpus.rimsById.keys()) services.withdrawn.add(id);
    const withdrawn = await bauta([...args, "--json"], env);
    services.withdrawn.clear();
    expect(withdrawn.code).toBe(1);
    expect(withdrawn.stderr).toMatch(/^warning: not all about the GPUs could be had: rim NV_GPU_DRIVER_\S+, rim NV_GPU_VBIOS_\S+: /);
    expect(withdrawn.stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(printed(withdrawn).checks.find(({ id }) => id === "gpu.rim-driver")).toMatchObject({ status: "not-checked", required: true });

    const down = await bauta([...args.slice(0, -6), "--rim-url", "http://127.0.0.1:9", "--ocsp-url", "http://127.0.0.1:9"], env);
    expect(down).toMatchObject({ code: 1, stderr: expect.stringContaining("127.0.0.1:9 could not be reached") });
    expect(down.stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(down.stdout).toMatch(/^ {2}– • gpu\.revocation/m);
  });
});

describe.skipIf(noVectors)("bauta verify --gpu with recorded evidence", () => {
  const capture = () => vectorPath("venice-2026-04-24");
  const manifest = () => JSON.parse(readFileSync(`${capture()}/manifest.json`, "utf8")) as Record<"nonce_hex" | "captured_at", string>;
  const answer = () => `${capture()}/0001_api.venice.ai_api_v1_tee_attestation.body`;
  const judge = (asked: string, ...more: string[]) => bauta(["verify", "--gpu", answer(), "--nonce", asked, "--all", ...more]);

  it("shows the eight GPUs of the capture to be NVIDIA's, by its nonce", async () => {
    const { nonce_hex: asked, captured_at: at } = manifest();
    const outcome = await judge(asked, "--at", at);
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(outcome.stdout).toMatch(/^GPUs, proven +8\n {2}model +8 × GH100 A01 GSP BROM \(HOPPER\)\n {2}driver +570\.172\.08\n/m);
    expect(outcome.stdout).not.toContain("SIMULATED");
    expect(outcome.stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
    const other = await judge("00".repeat(32), "--at", at, "--json");
    expect(other.code).toBe(1);
    expect(failures(printed(other))).toEqual(["gpu.nonce"]);
  });

  it("finds NRAS's opinion in the capture, and that nobody knows their firmware", async () => {
    const { nonce_hex: asked, captured_at: at } = manifest();
    const outcome = await judge(asked, "--at", at, "--rims", capture(), "--json");
    expect(outcome).toMatchObject({ code: 1, stderr: "" });
    const result = printed(outcome);
    expect(failures(result)).toEqual([]);
    expect(statusOf(result, "gpu.nras")).toBe("pass");
    expect(statusOf(result, "gpu.rim-driver")).toBe("not-checked");
  });

  it("names the index at which a manifest differs", async () => {
    const hex = readFileSync(vectorPath("nvidia/evidence/sdk_gpu/hopperAttestationReport.txt"), "utf8").trim();
    const chain = readFileSync(vectorPath("nvidia/evidence/sdk_gpu/hopperCertChain.txt"));
    const file = save(
      "hopper.json",
      JSON.stringify([{ certificate: chain.toString("base64"), evidence: Buffer.from(hex, "hex").toString("base64") }]),
    );
    const asked = "27a328247bf7935c993341cf587be6f05986ccce4fe7ba2c54100bd616a58f66";
    const mismatch = vectorPath("nvidia/rims/NV_GPU_VBIOS_1010_0200_882_96005E0001_measurement_mismatch.xml");
    const outcome = await bauta(["verify", "--gpu", file, "--nonce", asked, "--at", "2025-06-15", "--rims", mismatch]);
    expect(outcome).toMatchObject({ code: 1, stderr: "" });
    expect(outcome.stdout.split("\n").slice(1, 4).join(" ").replaceAll(/\s+/g, " ")).toContain("✗ gpu.measurements: GPU 0: 1 of");
    expect(outcome.stdout.replaceAll(/\s+/g, " ")).toContain("at index 9");
  });
});
