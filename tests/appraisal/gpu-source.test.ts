import {
  createAppraiser,
  createGpuEndorsementSource,
  type Evidence,
  type GpuEndorsementSource,
  parseAttestationAnswer,
  parsePolicy,
  type Policy,
} from "@bauta/attestation";
import { addressOf, createReportData, parseHex, toBase64, toHex } from "@bauta/protocol";
import { createSimulator, type SimulatorFaults } from "@bauta/simulator";
import { describe, expect, it } from "vitest";
import { ENCLAVE_SECRET, publicKeyOf } from "./answer-case.ts";
import { NOW_MS } from "./platform-case.ts";

const QUERY = "c7".repeat(32);
const bytes = parseHex(QUERY, 32) ?? new Uint8Array();
const nonce = { query: QUERY, sealed: true };
const WITH_OPINION = ["gpu.rim-driver", "gpu.rim-vbios", "gpu.revocation", "gpu.nras"];
const WITHOUT = WITH_OPINION.slice(0, 3);

interface Asked {
  readonly path: string;
  readonly body: string;
}

/** A machine with two GPUs, NVIDIA's services for them behind a fake `fetch`, and who asks them. */
async function scene({ faults = {}, down = [] }: { readonly faults?: SimulatorFaults; readonly down?: readonly string[] } = {}) {
  const simulator = createSimulator({ nowMs: NOW_MS, seed: "sources", gpus: { count: 2 }, faults });
  const { gpus } = simulator;
  if (!gpus) throw new Error("the simulator made no GPUs");
  const asked: Asked[] = [];
  const problems: string[] = [];
  const source = createGpuEndorsementSource({
    rimUrl: "https://rim.invalid",
    ocspUrl: "https://ocsp.invalid",
    nrasUrl: "https://nras.invalid",
    nowMs: () => NOW_MS,
    wait: async () => {},
    async fetch(url, init) {
      const { host, pathname } = new URL(url);
      const body = init?.body instanceof Uint8Array ? init.body : new Uint8Array();
      asked.push({ path: `${host}${pathname}`, body: new TextDecoder().decode(body) });
      if (down.some((name) => host.startsWith(name))) return new Response("", { status: 404 });
      if (host === "rim.invalid") return rimAnswer(gpus.rimsById, pathname.split("/").at(-1) ?? "");
      if (host === "ocsp.invalid") return new Response(await gpus.answerOcsp(body));
      const { answer, jwks } = await gpus.nras(bytes);
      return Response.json(pathname.endsWith("jwks.json") ? jwks : answer);
    },
  });
  const appraiser = (gpuEndorsements: GpuEndorsementSource | undefined = source) =>
    createAppraiser({
      nowMs: () => NOW_MS,
      trustRoots: [gpus.deviceRootDer, simulator.rootDer, gpus.rimRootDer, gpus.nrasRootDer],
      gpuEndorsements,
      onGpuProblem: ({ message }) => problems.push(message),
    });
  const key = publicKeyOf(ENCLAVE_SECRET);
  const answer = {
    intel_quote: toHex(await simulator.quote(createReportData(addressOf(key), bytes))),
    signing_key: toHex(key),
    ...(await simulator.describe().then(({ eventLog, info }) => ({ event_log: eventLog, info }))),
    endorsements: await simulator.endorsements(),
    nvidia_payload: await gpus.payload(bytes),
  };
  const own = { rims: gpus.rims, ocsp: (await gpus.ocsp()).map(toBase64) };
  const evidence = (members: object = {}): Evidence => parseAttestationAnswer({ ...answer, ...members });
  const policy = (require: readonly string[] = []): Policy => parsePolicy({ ...simulator.policy("sources"), require });
  return { gpus, appraiser, asked, problems, evidence, own, policy, hosts: () => new Set(asked.map(({ path }) => path.split("/")[0])) };
}

async function rimAnswer(rims: ReadonlyMap<string, string>, id: string): Promise<Response> {
  const xml = rims.get(id);
  if (xml === undefined) return new Response("{}", { status: 404 });
  const text = new TextEncoder().encode(xml);
  const sha256 = toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", text)));
  return Response.json({ id, rim: toBase64(text), sha256, rim_format: "TCG" });
}

describe("an appraiser with a source of GPU endorsements", () => {
  it("asks for manifests and OCSP answers, and sends the evidence to nobody", async () => {
    const { appraiser, evidence, policy, hosts, problems } = await scene();
    const result = await appraiser().appraise({ evidence: evidence(), policy: policy(WITHOUT), nonce });
    expect(result.ok).toBe(true);
    expect(hosts()).toEqual(new Set(["rim.invalid", "ocsp.invalid"]));
    expect(problems).toEqual([]);
  });

  it("asks NVIDIA's service as well, with the nonce that the GPUs signed, only where the policy requires its opinion", async () => {
    const { appraiser, evidence, policy, asked } = await scene();
    const result = await appraiser().appraise({ evidence: evidence(), policy: policy(WITH_OPINION), nonce });
    expect(result.ok).toBe(true);
    const [sent, ...others] = asked.filter(({ path }) => path === "nras.invalid/v4/attest/gpu");
    expect(others).toEqual([]);
    expect(JSON.parse(sent?.body ?? "")).toMatchObject({ nonce: QUERY, arch: "HOPPER", evidence_list: [{}, {}] });
  });

  it("uses what came along, and asks nobody", async () => {
    const { appraiser, evidence, policy, asked, own } = await scene();
    const result = await appraiser().appraise({ evidence: evidence({ gpu_endorsements: own }), policy: policy(WITHOUT), nonce });
    expect(result.ok).toBe(true);
    expect(asked).toEqual([]);
  });

  it("asks for the opinion alone where the rest came along", async () => {
    const { appraiser, evidence, policy, hosts, own } = await scene();
    const result = await appraiser().appraise({ evidence: evidence({ gpu_endorsements: own }), policy: policy(WITH_OPINION), nonce });
    expect(result.ok).toBe(true);
    expect(hosts()).toEqual(new Set(["nras.invalid"]));
  });

  it("asks for what did not come along, and uses both", async () => {
    const { appraiser, evidence, policy, own, hosts } = await scene();
    const served = evidence({ gpu_endorsements: { ...own, ocsp: [] } });
    const found = await appraiser().gpuEndorsements({ evidence: served, policy: policy(), nonce });
    expect(new Set(found?.rims)).toEqual(new Set(own.rims));
    expect(found?.ocsp.length).toBeGreaterThan(0);
    expect(hosts()).toEqual(new Set(["ocsp.invalid"]));
    expect((await appraiser().appraise({ evidence: served, policy: policy(WITHOUT), nonce })).ok).toBe(true);
  });

  it("lets bad news come along with good: what the source says counts too", async () => {
    const revoked = await scene({ faults: { ocsp: { "device-provisioner": { status: "revoked" } } } });
    const { own } = await scene();
    const evidence = revoked.evidence({ gpu_endorsements: { rims: own.rims, ocsp: [] } });
    const { ok, checks } = await revoked.appraiser().appraise({ evidence, policy: revoked.policy(), nonce });
    expect(ok).toBe(false);
    expect(checks.filter(({ status }) => status === "fail").map(({ id }) => id)).toEqual(["gpu.revocation"]);
  });

  const stranger = () => createSimulator({ nowMs: NOW_MS, seed: "another machine's", gpus: { driver: "1.2.3", vbios: "00.00.00.00.01" } });
  it.each([
    [
      "is about other GPUs",
      async () => ({ rims: stranger().gpus?.rims ?? [], ocsp: (await stranger().gpus?.ocsp())?.map(toBase64) ?? [] }),
    ],
    ["cannot be read", async () => ({ rims: ["<SoftwareIdentity/>"], ocsp: [toBase64(Uint8Array.of(0x30, 0))] })],
    [
      "is out of date",
      async () => {
        const { gpus } = createSimulator({ nowMs: NOW_MS - 7 * 24 * 60 * 60_000, seed: "sources", gpus: { count: 2 } });
        return { rims: gpus?.rims ?? [], ocsp: (await gpus?.ocsp())?.map(toBase64) ?? [] };
      },
    ],
  ] as const)("does not let a server spare it the bad news by sending what %s", async (_, served) => {
    const { appraiser, evidence, policy } = await scene({ faults: { ocsp: { "device-provisioner": { status: "revoked" } } } });
    const answer = evidence({ gpu_endorsements: await served() });
    const { ok, checks } = await appraiser().appraise({ evidence: answer, policy: policy(), nonce });
    expect(ok).toBe(false);
    expect(checks.find(({ id }) => id === "gpu.revocation")?.reason).toContain("NVIDIA has revoked");
  });

  it("asks for the status of a manifest's signers where only the devices' came along", async () => {
    const { appraiser, evidence, policy, own, gpus, hosts } = await scene();
    const ofDevices = own.ocsp.slice(0, own.ocsp.length - 1);
    const served = evidence({ gpu_endorsements: { ...own, ocsp: ofDevices } });
    const result = await appraiser().appraise({ evidence: served, policy: policy(WITHOUT), nonce });
    expect([gpus.rims.length, result.ok]).toEqual([own.rims.length, true]);
    expect(hosts()).toEqual(new Set(["ocsp.invalid"]));
  });

  it("hears what it asked for also beside as many answers as a server may send", async () => {
    const revoked = await scene({ faults: { ocsp: { "device-provisioner": { status: "revoked" } } } });
    const [other = ""] = (await stranger().gpus?.ocsp())?.map(toBase64) ?? [];
    const ocsp = Array.from({ length: 128 }, () => other);
    const evidence = revoked.evidence({ gpu_endorsements: { rims: [], ocsp } });
    const { ok, checks } = await revoked.appraiser().appraise({ evidence, policy: revoked.policy(), nonce });
    expect([ok, checks.find(({ id }) => id === "gpu.revocation")?.status]).toEqual([false, "fail"]);
  });

  it("takes the caller's own in their place", async () => {
    const { appraiser, evidence, policy, asked, gpus } = await scene();
    const given = { rims: gpus.rims, ocsp: await gpus.ocsp() };
    const result = await appraiser().appraise({ evidence: evidence(), gpuEndorsements: given, policy: policy(WITHOUT), nonce });
    expect(result.ok).toBe(true);
    expect(asked).toEqual([]);
    const { ok } = await appraiser().appraise({
      evidence: evidence(),
      gpuEndorsements: { rims: [], ocsp: [] },
      policy: policy(WITHOUT),
      nonce,
    });
    expect(ok).toBe(false);
    expect(asked).toEqual([]);
  });

  it.each([
    ["rim", "gpu.rim-driver", ["gpu.rim-driver", "gpu.rim-vbios"]],
    ["ocsp", "gpu.revocation", ["gpu.revocation"]],
    ["nras", "gpu.nras", ["gpu.nras"]],
  ] as const)("leaves out what %s cannot give, says so, and fails closed where it is required", async (name, _, missing) => {
    const { appraiser, evidence, policy, problems } = await scene({ down: [name] });
    const result = await appraiser().appraise({ evidence: evidence(), policy: policy(WITH_OPINION), nonce });
    expect(result.ok).toBe(false);
    expect(result.signingKey).toBeUndefined();
    expect(
      result.checks
        .filter(({ required, status }) => required && status === "not-checked")
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual([...missing].toSorted());
    expect(result.checks.filter(({ status }) => status === "fail")).toEqual([]);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.join("\n")).toContain(name);
    const lenient = await appraiser().appraise({ evidence: evidence(), policy: policy(), nonce });
    expect(lenient.ok).toBe(true);
  });

  it("asks for nothing without GPU evidence, for evidence that cannot be read, or for a platform alone", async () => {
    const { appraiser, evidence, policy, asked, own } = await scene();
    const without = evidence({ nvidia_payload: null, gpu_endorsements: own });
    expect(await appraiser().gpuEndorsements({ evidence: without, policy: policy(WITH_OPINION), nonce })).toEqual(without.gpuEndorsements);
    expect(await appraiser().gpuEndorsements({ evidence: evidence({ nvidia_payload: "[" }), policy: policy(), nonce })).toBeUndefined();
    await appraiser().appraise({ evidence: evidence(), policy: policy(), scope: "platform" });
    expect(asked).toEqual([]);
  });

  it("asks for no opinion under a nonce that no model takes", async () => {
    const { appraiser, evidence, policy, asked } = await scene();
    await appraiser().gpuEndorsements({ evidence: evidence(), policy: policy(WITH_OPINION), nonce: { query: "c7", sealed: true } });
    expect(asked.filter(({ path }) => path.startsWith("nras"))).toEqual([]);
  });

  it("stops asking when its caller does", async () => {
    const { appraiser, evidence, policy } = await scene();
    const stopped = AbortSignal.abort(new Error("the caller hung up"));
    await expect(appraiser().appraise({ evidence: evidence(), policy: policy(), nonce }, stopped)).rejects.toThrow("the caller hung up");
  });

  it("has only the evidence's own without a source", async () => {
    const { evidence, policy, own, gpus } = await scene();
    const alone = createAppraiser({ nowMs: () => NOW_MS, trustRoots: [gpus.deviceRootDer] });
    const served = evidence({ gpu_endorsements: own });
    expect(await alone.gpuEndorsements({ evidence: served, policy: policy(WITH_OPINION), nonce })).toBe(served.gpuEndorsements);
    expect(await alone.gpuEndorsements({ evidence: evidence(), policy: policy(WITH_OPINION), nonce })).toBeUndefined();
  });
});
