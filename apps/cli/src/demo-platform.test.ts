import { appraise, parseAttestationAnswer, parsePemCertificates, parsePolicy } from "@bauta/attestation";
import { backend } from "@bauta/protocol/backend";
import { createEnclave } from "@bauta/enclave";
import { describe, expect, it, onTestFinished } from "vitest";
import { createDemoPlatform, type DemoPlatform } from "./demo-platform.ts";

const START_MS = Date.UTC(2026, 10, 20, 12);
const DAY_MS = 24 * 60 * 60_000;
const MODEL = "e2ee-demo";
const NONCE = "0123456789abcdef".repeat(4);

/** A demo's platform in an enclave, and a clock to move. */
async function start() {
  const clock = { nowMs: START_MS };
  const demo = createDemoPlatform(() => clock.nowMs);
  const engine = { name: "none", contextTokens: 1, generate: () => expect.fail("nobody asks it"), close: () => Promise.resolve() };
  const enclave = createEnclave({
    platform: demo.platform,
    models: [{ id: MODEL, engine }],
    nowMs: () => clock.nowMs,
    allowDebuggableProcess: true,
    graceMs: 0,
    log: { level: "silent" },
  });
  onTestFinished(() => enclave.close());
  const { url } = await enclave.listen({ port: 0 });
  const attest = async () =>
    (await (await fetch(`${url}/v1/tee/attestation?model=${MODEL}&nonce=${NONCE}`)).json()) as Record<string, unknown>;
  return { clock, demo, attest };
}

function judge(answer: unknown, { policy, trustRoots }: Pick<DemoPlatform, "policy" | "trustRoots">, nowMs: number) {
  const evidence = parseAttestationAnswer(answer);
  const { endorsements, gpuEndorsements } = evidence;
  const nonce = { query: NONCE, sealed: true };
  return appraise({
    evidence,
    endorsements,
    gpuEndorsements,
    policy: parsePolicy(policy),
    nonce,
    model: MODEL,
    nowMs,
    trustRoots,
    backend,
  });
}

describe("the demo's machine", () => {
  it("passes the policy that is written for it, by the roots that are, and says that it is simulated", async () => {
    const { demo, attest } = await start();
    const result = await judge(await attest(), { ...demo, trustRoots: parsePemCertificates(demo.trustRootsPem) }, START_MS);
    expect(result.checks.filter(({ required, status }) => required && status !== "pass")).toEqual([]);
    expect(result).toMatchObject({ ok: true, simulated: true, pinned: true });
    expect(result.claims.gpus).toMatchObject([{ arch: "HOPPER" }]);
    const gpu = result.checks.filter(({ id }) => id.startsWith("gpu."));
    // What no evidence can show, or needs a service, is the rest.
    expect(gpu.filter(({ required }) => !required).map(({ id }) => id)).toEqual(["gpu.switches", "gpu.nras", "gpu.bound-to-cpu"]);
    expect(result.stated.tee_hardware).toContain("SIMULATED HOPPER GPU");
  });

  it.each([
    ["the machine's root alone", (roots: readonly Uint8Array[]) => roots.slice(0, 1), "gpu.cert-chain"],
    ["none of the manifests' root", (roots: readonly Uint8Array[]) => [...roots.slice(0, 2), ...roots.slice(3)], "gpu.rim-driver"],
    ["the GPUs' roots alone", (roots: readonly Uint8Array[]) => roots.slice(1), "tdx.pck-chain"],
  ])("passes nobody's policy by %s", async (_which, choose, id) => {
    const { demo, attest } = await start();
    const result = await judge(await attest(), { ...demo, trustRoots: choose(demo.trustRoots) }, START_MS);
    expect(result.ok).toBe(false);
    expect(result.checks.find((check) => check.id === id)?.status).toBe("fail");
  });

  it.each([
    ["its GPU's evidence", "nvidia_payload", "gpu.present"],
    ["what NVIDIA says about it", "gpu_endorsements", "gpu.revocation"],
    ["its keys statement", "keys", "gpu.named-by-enclave"],
  ])("does not pass where somebody took out %s", async (_what, member, id) => {
    const { demo, attest } = await start();
    const { [member]: _gone, ...answer } = await attest();
    const result = await judge(answer, demo, START_MS);
    expect(result.ok).toBe(false);
    expect(result.checks.find((check) => check.id === id)).toMatchObject({ required: true });
    expect(result.checks.find((check) => check.id === id)?.status).not.toBe("pass");
  });

  it("stays current for as long as it runs, and when its clock is set back", async () => {
    const { clock, demo, attest } = await start();
    for (const nowMs of [START_MS, START_MS + DAY_MS - 1, START_MS + 40 * DAY_MS, START_MS + 39 * DAY_MS, START_MS + 300 * DAY_MS]) {
      clock.nowMs = nowMs;
      expect([nowMs, (await judge(await attest(), demo, nowMs)).ok]).toEqual([nowMs, true]);
    }
  });

  it("issues what is said about its GPU anew every few minutes, not for each answer", async () => {
    const { clock, demo } = await start();
    const ask = async () => (await demo.platform.gpuEndorsements?.())?.ocsp;
    const first = await ask();
    expect(first?.length).toBeGreaterThan(0);
    clock.nowMs += 4 * 60_000;
    expect(await ask()).toBe(first);
    clock.nowMs += 60_000;
    expect(await ask()).not.toBe(first);
  });
});
