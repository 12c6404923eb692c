import { parsePolicy } from "@bauta/attestation";
import { createApiKey, createGateway } from "@bauta/gateway";
import { createSimulator } from "@bauta/simulator";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createVerifyFolder } from "../support/verify.ts";
import { type GpuSimulator, type NvidiaServices, rootsOf, startGpuEnclave, startNvidiaServices } from "./simulated-gpus.ts";

const { save, bauta, remove } = createVerifyFolder();
const model = "e2ee-brief";

describe("bauta chat with GPUs whose manifests nobody sends along", () => {
  let services: NvidiaServices;
  let env: NodeJS.ProcessEnv;
  let trust: string[];
  const closers: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    const simulator = createSimulator({ nowMs: Date.now(), gpus: { count: 2 } }) as GpuSimulator;
    services = await startNvidiaServices(simulator);
    const enclave = await startGpuEnclave(simulator, model, { endorsed: false });
    const { key, sha256 } = createApiKey();
    const gateway = createGateway({
      listen: { host: "127.0.0.1", port: 0 },
      keys: [{ name: "test", sha256 }],
      models: [
        {
          id: model,
          name: "brief (SIMULATED)",
          contextTokens: 1024,
          maxCompletionTokens: 1024,
          enclaves: [enclave.url],
          policy: parsePolicy(simulator.policy("mine")),
        },
      ],
      trustRoots: [simulator.rootDer, simulator.gpus.deviceRootDer],
      logLevel: "silent",
    });
    closers.push(services.close, enclave.close, () => gateway.close());
    const { url } = await gateway.listen();
    env = { BAUTA_BASE_URL: `${url}/api/v1`, BAUTA_API_KEY: key };
    const policy = { ...simulator.policy("mine"), gpu: { count: 2 }, require: ["gpu.measurements", "gpu.revocation"] };
    trust = ["--root", save("roots.pem", rootsOf(simulator)), "--policy", save("policy.json", JSON.stringify(policy)), ...services.flags];
  });
  afterAll(async () => {
    for (const close of closers.toReversed()) await close();
    remove();
  });

  const chat = (...more: string[]) => bauta(["chat", "--model", model, ...trust, ...more, "What is 2+2?"], env);

  it("sends nothing while what the policy requires is missing", async () => {
    const outcome = await chat("--offline");
    expect(outcome).toMatchObject({ code: 1, stderr: expect.stringContaining("nothing was sent") });
    expect(outcome.stderr).toContain("– gpu.measurements: ");
    expect(services.requests).toEqual([]);
    const down = await chat("--rim-url", "http://127.0.0.1:9");
    expect(down).toMatchObject({ code: 1, stderr: expect.stringContaining("127.0.0.1:9 could not be reached") });
  });

  it("fetches it, shows the GPUs in a line, and keeps it for the next command", async () => {
    const first = await chat();
    expect(first).toMatchObject({ code: 0, stderr: expect.stringContaining("✓ verified · SIMULATED") });
    expect(first.stderr.replaceAll(/\s+/g, " ")).toMatch(/GPUs 2 × GH100 [^,]*, driver 999\.53\.77, VBIOS 53\.49\.4D\.00\.01, SPT/);
    const asked = services.requests.length;
    expect(asked).toBeGreaterThan(5);
    expect(await chat()).toMatchObject({ code: 0, stdout: "Four.\n" });
    expect(services.requests).toHaveLength(asked);
  });

  it("says which address is none, and lists models without asking", async () => {
    expect(await chat("--ocsp-url", "nvidia")).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("--ocsp-url: is not a URL"),
    });
    const asked = services.requests.length;
    expect(await bauta(["models", ...services.flags], env)).toMatchObject({ code: 0, stderr: "" });
    expect(services.requests).toHaveLength(asked);
  });

  it("asks an enclave that runs, as bauta verify does too", async () => {
    const outcome = await bauta(["verify", model, "--all", ...trust], env);
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(outcome.stdout).toMatch(/^GPUs, proven +2$/m);
    expect(outcome.stdout.replaceAll(/\s+/g, " ")).toContain(`GPU manifests ${services.url}/rims, ${services.url}/ocsp`);
  });
});
