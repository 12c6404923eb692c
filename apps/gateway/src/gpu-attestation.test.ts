import { parseAttestationAnswer, parsePolicy, type Policy } from "@bauta/attestation";
import { createSimulator, type SimulatedGpus, type Simulator, type SimulatorOptions } from "@bauta/simulator";
import { afterEach, describe, expect, it } from "vitest";
import { ScriptedEnclave } from "./testing/scripted-enclave.ts";
import { type SimulatedNvidia, startSimulatedNvidia } from "./testing/simulated-nvidia.ts";
import { startTestGateway, type TestGateway } from "./testing/test-gateway.ts";

const NONCE = "0123456789abcdef".repeat(4);
const EVIDENCE_ALONE = ["gpu.present", "gpu.named-by-enclave", "gpu.nonce", "gpu.cert-chain", "gpu.report-signature", "gpu.fwid"];
const ENDORSED = ["gpu.revocation", "gpu.rim-driver", "gpu.rim-vbios", "gpu.measurements", "gpu.debug-off"];
const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const part of running.splice(0).toReversed()) await part.close();
});

function simulate(options: Omit<SimulatorOptions, "nowMs"> = {}): Simulator & { readonly gpus: SimulatedGpus } {
  const simulator = createSimulator({ nowMs: Date.now(), gpus: { count: 2 }, ...options });
  const { gpus } = simulator;
  if (!gpus) throw new Error("no GPUs were simulated");
  return Object.assign(simulator, { gpus });
}
const simulator = simulate();
const rootsOf = ({ rootDer, gpus }: ReturnType<typeof simulate>) => [rootDer, gpus.deviceRootDer, gpus.rimRootDer, gpus.nrasRootDer];
const policyOf = (require: readonly string[], gpu: object = { count: 2 }): Policy =>
  parsePolicy({ ...simulator.policy("test"), gpu, require: ["keys.signed", ...require] });

interface Running {
  readonly enclave: ScriptedEnclave;
  readonly target: TestGateway;
}
async function start(source: Simulator, overrides: Parameters<typeof startTestGateway>[2] = {}): Promise<Running> {
  const enclave = await ScriptedEnclave.start(source);
  running.push({ close: () => enclave.kill() });
  const target = await startTestGateway(
    simulator,
    { "e2ee-test": [enclave.origin] },
    { trustRoots: rootsOf(simulator), policy: policyOf([...EVIDENCE_ALONE, ...ENDORSED]), ...overrides },
  );
  running.push({ close: () => target.gateway.close() });
  return { enclave, target };
}
async function startNvidia(gpus = simulator.gpus): Promise<SimulatedNvidia> {
  const nvidia = await startSimulatedNvidia(gpus);
  running.push(nvidia);
  return nvidia;
}

interface Body {
  readonly [member: string]: unknown;
  readonly gpu_endorsements?: { readonly rims: readonly string[]; readonly ocsp: readonly string[] };
  readonly server_verification: {
    readonly nvidia: Readonly<Record<string, unknown>> | null;
    readonly checks: readonly { readonly id: string; readonly status: string }[];
  };
}
async function ask(target: TestGateway): Promise<{ status: number; body: Body }> {
  const answer = await target.fetch(`/api/v1/tee/attestation?model=e2ee-test&nonce=${NONCE}`);
  return { status: answer.status, body: (await answer.json()) as Body };
}
/** Takes away what the enclave sends along about its GPUs. */
const withoutEndorsements = ({ gpu_endorsements: _none, ...body }: Record<string, unknown>) => ({ status: 200, body });

describe("an enclave with GPUs", () => {
  it("is judged by them, and its answer goes out with the evidence and all that judged it", async () => {
    const { target } = await start(simulator);
    expect(await target.gateway.firstVerification()).toMatchObject([{ state: "verified", simulated: true }]);
    const { status, body } = await ask(target);
    expect(status).toBe(200);
    const { nvidia } = body.server_verification;
    expect(nvidia).toMatchObject({
      valid: true,
      signatureVerified: true,
      certificateChainStatus: { valid: true, notRevoked: true },
      measurementsMatch: true,
    });
    expect(nvidia?.["gpus"]).toMatchObject([{ arch: "HOPPER", driver: simulator.gpus.driver, vbios: simulator.gpus.vbios }, {}]);
    expect(body.server_verification).toMatchObject({ nvidiaNonceBinding: { bound: true, method: "nvidia_payload" } });
    const evidence = parseAttestationAnswer(body);
    expect(JSON.parse(evidence.nvidiaPayload ?? "")).toMatchObject({ nonce: NONCE });
    expect(evidence.gpuEndorsements?.rims).toEqual(simulator.gpus.rims);
    expect(evidence.gpuEndorsements?.ocsp).toHaveLength((await simulator.gpus.ocsp()).length);
  });

  it("is shown with nothing said of what could not be checked", async () => {
    const { enclave, target } = await start(simulator, { policy: policyOf(EVIDENCE_ALONE) });
    enclave.tamper = withoutEndorsements;
    const { status, body } = await ask(target);
    expect(status).toBe(200);
    expect(body).not.toHaveProperty("gpu_endorsements");
    expect(body.server_verification.nvidia).toMatchObject({
      valid: null,
      signatureVerified: true,
      certificateChainStatus: { valid: true, notRevoked: null },
      measurementsMatch: null,
    });
  });

  it.each<[string, Omit<SimulatorOptions, "nowMs">, string, string]>([
    [
      "a report that its key did not sign",
      { faults: { gpuEvidence: { foreignSigner: true } } },
      "gpu.report-signature",
      "attestation_failed",
    ],
    ["a report over another nonce", { faults: { gpuEvidence: { nonce: () => new Uint8Array(32) } } }, "gpu.nonce", "nonce_mismatch"],
    [
      "a measurement of its own",
      { faults: { gpuEvidence: { measurements: { 9: "ab".repeat(48) } } } },
      "gpu.measurements",
      "attestation_failed",
    ],
    [
      "a certificate that was withdrawn",
      { faults: { ocsp: { "device-provisioner": { status: "revoked" } } } },
      "gpu.revocation",
      "attestation_failed",
    ],
    ["another root of the same name", { faults: { foreignGpuRoots: ["device-root"] } }, "gpu.cert-chain", "attestation_failed"],
    ["a manifest under another root", { faults: { foreignGpuRoots: ["rim-root"] } }, "gpu.rim-driver", "attestation_failed"],
    ["one GPU too few", { gpus: { count: 1 } }, "gpu.present", "attestation_failed"],
  ])("is refused for %s", async (_what, options, check, code) => {
    const faulty = simulate({ seed: "faulty", ...options });
    const trusted = simulate({ seed: "faulty", gpus: options.gpus ?? { count: 2 } });
    const policy = parsePolicy({ ...faulty.policy("test"), gpu: { count: 2 }, require: EVIDENCE_ALONE.concat(ENDORSED) });
    // Keys follow from the seed, so that these are the roots of the faulty ones too, but for the fault.
    const roots = [faulty.rootDer, ...rootsOf(trusted).slice(1)];
    const { target } = await start(faulty, { policy, trustRoots: options.faults?.foreignGpuRoots ? roots : rootsOf(faulty) });
    const [status] = await target.gateway.firstVerification();
    expect(status).toMatchObject({ state: "refused", reasons: expect.arrayContaining([check]) as string[] });
    expect(await ask(target)).toMatchObject({ status: 502, body: { error: { code } } });
  });

  it.each<[string, string, (answer: Record<string, unknown>) => Record<string, unknown>]>([
    [
      "other evidence than its key names",
      "gpu.named-by-enclave",
      (answer) => ({ ...answer, nvidia_payload: ` ${String(answer["nvidia_payload"])}` }),
    ],
    ["no evidence at all", "gpu.present", ({ nvidia_payload: _gone, ...answer }) => answer],
    ["evidence that is no JSON", "gpu.present", (answer) => ({ ...answer, nvidia_payload: "{" })],
  ])("is refused for %s", async (_what, check, change) => {
    const { enclave, target } = await start(simulator);
    enclave.tamper = (answer) => ({ status: 200, body: change(answer) });
    await target.gateway.firstVerification();
    // One verification may have begun before the change.
    await expect.poll(() => target.gateway.replicas()[0]?.reasons ?? []).toContain(check);
    expect((await ask(target)).status).toBe(502);
  });

  it("is refused as unreadable for endorsements in no known form", async () => {
    const { enclave, target } = await start(simulator);
    enclave.tamper = (answer) => ({ status: 200, body: { ...answer, gpu_endorsements: { rims: [1], ocsp: [] } } });
    await expect.poll(() => target.gateway.replicas()[0]?.reasons ?? []).toContain("evidence_malformed");
    expect((await ask(target)).status).toBe(502);
  });
});

describe("an enclave that sends nothing along about its GPUs", () => {
  it("is judged by NVIDIA's services, where the gateway may ask them, and its answer goes out with what they said", async () => {
    const nvidia = await startNvidia();
    const attestation = { timeoutMs: 2_000, intervalMs: 50, rimUrl: nvidia.url, ocspUrl: nvidia.url };
    const { enclave, target } = await start(simulator, { attestation });
    enclave.tamper = withoutEndorsements;
    await expect.poll(() => nvidia.requests.length).toBeGreaterThan(0);
    const { status, body } = await ask(target);
    expect(status).toBe(200);
    expect(body.gpu_endorsements?.rims.toSorted()).toEqual(simulator.gpus.rims.toSorted());
    expect(body.server_verification.nvidia).toMatchObject({ valid: true });
    expect(nvidia.requests.filter(({ line }) => line.includes("attest"))).toEqual([]);
  });

  it("is refused for want of it, and nobody is asked unless the configuration names whom", async () => {
    const { enclave, target } = await start(simulator, { attestation: { timeoutMs: 2_000, intervalMs: 50 } });
    enclave.tamper = withoutEndorsements;
    await expect
      .poll(() => target.gateway.replicas()[0]?.reasons ?? [])
      .toEqual(expect.arrayContaining(["gpu.revocation", "gpu.rim-driver"]));
  });

  it.each<[string, SimulatedNvidia["script"]]>([
    ["never answer", () => true],
    ["fail", (_request, response) => Boolean(response.writeHead(500).end())],
    ["redirect", (_request, response) => Boolean(response.writeHead(302, { location: "/" }).end())],
  ])("is refused in time, and served once it is back, where the services %s", async (_how, script) => {
    const nvidia = await startNvidia();
    nvidia.script = script;
    const attestation = { timeoutMs: 600, intervalMs: 50, rimUrl: nvidia.url, ocspUrl: nvidia.url };
    const { enclave, target } = await start(simulator, { attestation });
    enclave.tamper = withoutEndorsements;
    await expect.poll(() => target.gateway.replicas()[0]?.reasons ?? [], { timeout: 10_000 }).toContain("gpu.rim-driver");
    expect(target.logs.some((line) => line.includes("collateral_") && line.includes("gpu endorsements"))).toBe(true);
    nvidia.script = () => false;
    await expect.poll(() => target.gateway.replicas()[0]?.state, { timeout: 10_000 }).toBe("verified");
  });

  it("is not waited for longer than the configuration says, whatever its source does", async () => {
    const never = new Promise<never>(() => {});
    const gpuEndorsements = { fetch: () => never, rim: () => never, ocsp: () => never, nras: () => never, close: () => {} };
    const { enclave, target } = await start(simulator, { attestation: { timeoutMs: 200, intervalMs: 50 }, parts: { gpuEndorsements } });
    enclave.tamper = withoutEndorsements;
    await expect.poll(() => target.gateway.replicas()[0]?.reasons ?? []).toContain("gpu.rim-driver");
    expect(target.logs.some((line) => line.includes("did not come within 200 ms"))).toBe(true);
  });
});

describe("NVIDIA's second opinion", () => {
  it("is asked for under a policy that requires it", async () => {
    const nvidia = await startNvidia();
    const attestation = { timeoutMs: 2_000, nrasUrl: nvidia.url };
    const { target } = await start(simulator, { attestation, policy: policyOf([...EVIDENCE_ALONE, ...ENDORSED, "gpu.nras"]) });
    expect(await target.gateway.firstVerification()).toMatchObject([{ state: "verified" }]);
    expect(nvidia.requests.map(({ line }) => line)).toContain("POST /v4/attest/gpu");
    // The enclave's own manifests and answers were enough.
    expect(nvidia.requests.some(({ line }) => line.includes("/rim/") || line === "POST /")).toBe(false);
  });

  it("is not asked for where the configuration names no service, and the enclave is refused for want of it", async () => {
    const { target } = await start(simulator, { policy: policyOf(["gpu.nras"]) });
    expect(await target.gateway.firstVerification()).toMatchObject([{ state: "refused", reasons: ["gpu.nras"] }]);
  });

  it("is not asked for by a policy that does not name it", async () => {
    const nvidia = await startNvidia();
    const { target } = await start(simulator, { attestation: { timeoutMs: 2_000, nrasUrl: nvidia.url } });
    expect(await target.gateway.firstVerification()).toMatchObject([{ state: "verified" }]);
    expect(nvidia.requests).toEqual([]);
  });
});
