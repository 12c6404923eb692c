import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createSimulator } from "@bauta/simulator";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createVerifyFolder, failures, printed, type PrintedResult } from "../support/verify.ts";
import { attestWithGpus, type GpuSimulator, type NvidiaServices, rootsOf, startNvidiaServices } from "./simulated-gpus.ts";

const { folder, save, bauta, remove } = createVerifyFolder();
afterAll(remove);

const model = "e2ee-simulated";
const nonce = "5a".repeat(32);

describe("an enclave with GPUs, from its saved answer", () => {
  let simulator: GpuSimulator;
  let services: NvidiaServices;
  let bare: string;
  let endorsed: string;
  let judge: string[];

  beforeAll(async () => {
    simulator = createSimulator({ nowMs: Date.now(), gpus: { count: 2 } }) as GpuSimulator;
    services = await startNvidiaServices(simulator);
    const answers = await Promise.all([false, true].map((each) => attestWithGpus(simulator, model, nonce, { endorsed: each })));
    [bare = "", endorsed = ""] = answers.map((answer, index) => save(`answer-${index}.json`, JSON.stringify(answer)));
    judge = ["--nonce", nonce, "--root", save("roots.pem", rootsOf(simulator)), ...services.flags];
  });
  afterAll(() => services?.close());

  const verify = (answer: string, ...more: string[]) => bauta(["verify", "--attestation", answer, "--all", ...judge, ...more]);
  const policyFile = (more: object = {}) => save("policy.json", JSON.stringify({ ...simulator.policy("mine"), ...more }));
  const check = ({ checks }: PrintedResult, wanted: string) => checks.find(({ id }) => id === wanted);

  it("shows claims and checks of GPUs, by what came along, and asks nobody", async () => {
    const outcome = await verify(
      endorsed,
      "--policy",
      policyFile({ require: ["gpu.measurements", "gpu.named-by-enclave", "gpu.revocation"] }),
    );
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(outcome.stdout).toMatch(/^✓ answer-1\.json attested SIMULATED/);
    expect(outcome.stdout).toContain("GPU manifests     sent along with the answer\n");
    expect(outcome.stdout).toMatch(/^ {2}✓ • gpu\.measurements +all 2 GPUs: /m);
    expect(outcome.stdout).toMatch(/^ {2}✓ • gpu\.named-by-enclave +the keys statement names/m);
    expect(outcome.stdout).toMatch(/^GPUs, proven +2\n {2}model +2 × GH100/m);
    expect(outcome.stdout).not.toContain("The GPUs alone were judged");
    expect(outcome.stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
    expect(services.requests).toEqual([]);
  });

  it("asks NVIDIA's services for what did not come along, unless it is told not to", async () => {
    const policy = ["--policy", policyFile({ require: ["gpu.measurements"] }), "--json"];
    const offline = await verify(bare, ...policy, "--offline");
    expect(offline).toMatchObject({ code: 1, stderr: "" });
    expect(check(printed(offline), "gpu.measurements")).toMatchObject({ status: "not-checked", required: true });
    expect(services.requests).toEqual([]);
    const asked = await verify(bare, ...policy);
    expect(asked).toMatchObject({ code: 0, stderr: "" });
    expect(check(printed(asked), "gpu.revocation")).toMatchObject({ status: "pass" });
    const count = services.requests.length;
    expect(count).toBeGreaterThan(5);
    expect(await verify(bare, ...policy)).toMatchObject({ code: 0 });
    expect(services.requests).toHaveLength(count);
  });

  it("finds manifests beside the collateral, and in a folder of their own", async () => {
    const beside = mkdtempSync(join(folder, "all-"));
    writeFileSync(join(beside, "collateral.json"), JSON.stringify(simulator.collateral));
    for (const [index, xml] of simulator.gpus.rims.entries()) writeFileSync(join(beside, `${index}.xml`), xml);
    for (const [index, der] of (await simulator.gpus.ocsp()).entries()) writeFileSync(join(beside, `${index}.ocsp`), der);
    const policy = ["--policy", policyFile({ require: ["gpu.measurements", "gpu.revocation"] })];
    const outcome = await verify(bare, ...policy, "--collateral", beside);
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(outcome.stdout).toMatch(/^ {2}GPU manifests {5}\S+\/all-/m);
    // A collateral folder need not have any; one that is named for them must.
    const alone = mkdtempSync(join(folder, "alone-"));
    writeFileSync(join(alone, "collateral.json"), JSON.stringify(simulator.collateral));
    expect(await verify(endorsed, ...policy, "--offline", "--collateral", alone)).toMatchObject({ code: 0, stderr: "" });
    const none = await verify(bare, ...policy, "--rims", alone);
    expect(none).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("holds none of what it is for") });
  });

  it("refuses GPUs that the enclave does not name, or that are not those of the policy", async () => {
    const answer = JSON.parse(readFileSync(endorsed, "utf8")) as { nvidia_payload: string };
    const others = await simulator.gpus.payload(Buffer.from(nonce, "hex"));
    const swapped = save("swapped.json", JSON.stringify({ ...answer, nvidia_payload: `${others} ` }));
    const outcome = await verify(swapped, "--policy", policyFile(), "--json");
    expect(outcome.code).toBe(1);
    expect(failures(printed(outcome))).toEqual(["gpu.named-by-enclave"]);
    const eight = await verify(endorsed, "--policy", policyFile({ gpu: { count: 8 } }), "--json");
    expect(failures(printed(eight))).toEqual(["gpu.present"]);
  });

  it("pins its GPUs, shows them in the policy, and says how another enclave differs", async () => {
    const pinned = join(folder, "pinned.yaml");
    const pin = await bauta(["policy", "pin", "--attestation", endorsed, ...judge, "-o", pinned]);
    expect(pin).toMatchObject({ code: 0, stderr: "" });
    const text = readFileSync(pinned, "utf8");
    expect(text).toMatch(/^gpu:\n {2}count: 2\n {2}archs:\n {4}- HOPPER\n/m);
    for (const id of ["gpu.present", "gpu.measurements", "gpu.named-by-enclave", "gpu.revocation"]) expect(text).toContain(`- ${id}\n`);
    expect(await verify(endorsed, "--policy", pinned)).toMatchObject({ code: 0 });
    expect(await bauta(["policy", "diff", "--attestation", endorsed, ...judge, "--policy", pinned])).toMatchObject({ code: 0 });
    const shown = await bauta(["policy", "show", pinned]);
    expect(shown.stdout).toMatch(/^ {2}GPUs {11}2, HOPPER$/m);
    expect(shown.stdout.split("\n").filter((line) => line.length > 80 && line.includes("gpu."))).toEqual([]);

    const eight = save("eight.yaml", text.replace("count: 2", "count: 8").replace("- HOPPER", "- BLACKWELL"));
    const diff = await bauta(["policy", "diff", "--attestation", endorsed, ...judge, "--policy", eight]);
    expect(diff.code).toBe(1);
    expect(diff.stdout).toMatch(
      /^ {2}gpu\.count\n {4}policy {2}8\n {4}enclave 2\n {2}gpu\.archs\n {4}policy {2}BLACKWELL\n {4}enclave HOPPER$/m,
    );
    const accept = await bauta(["policy", "accept", "--attestation", endorsed, ...judge, "--policy", eight, "-o", join(folder, "a.yaml")]);
    expect(accept).toMatchObject({ code: 1, stderr: expect.stringContaining("gpu.count") });
  });

  it("shows what a policy says of GPUs on hold and of the protocol, and pins the former only by name", async () => {
    const shown = await bauta(["policy", "show", policyFile({ protocol: 2, gpu: { allow_hold: true, archs: ["HOPPER", "BLACKWELL"] } })]);
    expect(shown.stdout).toMatch(/^ {2}GPUs {11}any number, HOPPER or BLACKWELL$/m);
    expect(shown.stdout).toMatch(/^ {2}protocol {7}2: requests are sealed whole, and nothing falls back$/m);
    expect(shown.stdout).toMatch(/^ {2}ALLOWS {9}GPUs whose certificates are on hold$/m);
    const plain = await bauta(["policy", "show", policyFile()]);
    expect(plain.stdout).not.toMatch(/^ {2}(?:GPUs|protocol|ALLOWS)/m);

    const held = createSimulator({
      nowMs: Date.now(),
      gpus: { count: 1 },
      faults: { ocsp: { device: { status: "hold" } } },
    }) as GpuSimulator;
    const answer = save("held.json", JSON.stringify(await attestWithGpus(held, model, nonce, { endorsed: true })));
    const pin = ["policy", "pin", "--attestation", answer, "--nonce", nonce, "--root", save("held.pem", rootsOf(held))];
    expect(await bauta(pin)).toMatchObject({ code: 1, stderr: expect.stringContaining("gpu.revocation") });
    const allowed = await bauta([...pin, "--allow", "gpu_hold"]);
    expect(allowed.code).toBe(0);
    expect(allowed.stdout).toContain("  allow_hold: true\n");
  });
});
