import { X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createSimulator, type SimulatorOptions } from "../simulator.ts";

const NOW_MS = Date.parse("2026-11-20T12:00:00Z");
const NONCE = new Uint8Array(32).fill(7);

interface Payload {
  readonly nonce: string;
  readonly arch: string;
  readonly evidence_list: readonly { readonly arch: string; readonly certificate: string; readonly evidence: string }[];
}

function gpusOf(options: Omit<SimulatorOptions, "nowMs"> = {}) {
  const { gpus } = createSimulator({ nowMs: NOW_MS, gpus: {}, seed: "gpus", ...options });
  if (!gpus) throw new Error("no GPUs were simulated");
  return gpus;
}
const payloadOf = async (options?: Omit<SimulatorOptions, "nowMs">) => JSON.parse(await gpusOf(options).payload(NONCE)) as Payload;
const leafOf = (entry?: { readonly certificate: string }) => new X509Certificate(Buffer.from(entry?.certificate ?? "", "base64"));

describe("simulated GPUs", () => {
  it("are not there unless they are asked for", () => {
    expect("gpus" in createSimulator({ nowMs: NOW_MS })).toBe(false);
  });

  it("leave all else as it is without them", () => {
    const [without, having] = [{}, { gpus: { count: 2 } }].map((more) => createSimulator({ nowMs: NOW_MS, seed: "gpus", ...more }));
    expect(having?.policy("demo")).toEqual(without?.policy("demo"));
    const keyOf = (der: Uint8Array | undefined) => new X509Certificate(der ?? new Uint8Array()).publicKey.export({ format: "jwk" });
    expect(keyOf(having?.rootDer)).toEqual(keyOf(without?.rootDer));
  });

  it("belong to every TD on the machine", () => {
    const simulator = createSimulator({ nowMs: NOW_MS, gpus: {} });
    expect(simulator.launch({ buildName: "another" }).gpus).toBe(simulator.gpus);
  });

  it("give evidence in NVIDIA's form, each under a name and key of its own", async () => {
    const { nonce, arch, evidence_list: list } = await payloadOf({ gpus: { count: 8 } });
    expect({ nonce, arch, length: list.length }).toEqual({ nonce: "07".repeat(32), arch: "HOPPER", length: 8 });
    expect(new Set(list.map((entry) => leafOf(entry).serialNumber)).size).toBe(8);
    expect(new Set(list.map((entry) => JSON.stringify(leafOf(entry).publicKey.export({ format: "jwk" })))).size).toBe(8);
    for (const { evidence } of list) expect(Buffer.from(evidence, "base64").subarray(4, 36)).toEqual(Buffer.from(NONCE));
  });

  it("say in every certificate whose they are", async () => {
    const gpus = gpusOf();
    for (const der of [gpus.deviceRootDer, gpus.rimRootDer, gpus.nrasRootDer])
      expect(new X509Certificate(der).subject).toContain("SIMULATED");
    for (const xml of gpus.rims) expect(xml).toContain("SIMULATED");
    expect(leafOf((await payloadOf()).evidence_list[0]).subject).toContain("SIMULATED - not NVIDIA");
  });

  it("are the same each time for one seed, and others without", async () => {
    const keys = async (options?: Omit<SimulatorOptions, "nowMs">) =>
      JSON.stringify(leafOf((await payloadOf(options)).evidence_list[0]).publicKey.export({ format: "jwk" }));
    expect(await keys()).toBe(await keys());
    expect(await keys({ seed: undefined })).not.toBe(await keys({ seed: undefined }));
  });

  it("date tokens and OCSP answers by the clock", async () => {
    const laterMs = NOW_MS + 40 * 86_400_000;
    const gpus = gpusOf({ now: () => laterMs });
    const { jwks, answer } = await gpus.nras(NONCE);
    expect(jwks).toHaveProperty("keys");
    const [, claims = ""] = (answer as [[string, string]])[0][1].split(".");
    expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toMatchObject({ iat: laterMs / 1000 });
    for (const der of await gpus.ocsp()) expect(Buffer.from(der).includes("20261230110000Z")).toBe(true);
  });

  it("have RIMs under the names that NVIDIA gives them", () => {
    expect([...gpusOf().rimsById.keys()]).toEqual(["NV_GPU_DRIVER_GH100_999.53.77", "NV_GPU_VBIOS_SIM0_0000_999_53494D0001"]);
    const blackwell = gpusOf({ gpus: { arch: "BLACKWELL", driver: "999.1", vbios: "01.02.03.04.05" } });
    expect([...blackwell.rimsById.keys()]).toEqual(["NV_GPU_CC_DRIVER_GB100_999.1", "NV_GPU_VBIOS_SIM0_0000_999_0102030405"]);
    expect([...blackwell.rimsById.values()]).toEqual(blackwell.rims);
  });

  it("can be duplicated, missing, or share a key", async () => {
    const gpus = { count: 3 };
    const twice = await payloadOf({ gpus, faults: { gpuEvidenceList: ([first, second]) => [first, second, first] } });
    expect(twice.evidence_list[2]).toEqual(twice.evidence_list[0]);
    const missing = await payloadOf({ gpus, faults: { gpuEvidenceList: (list) => list.slice(1) } });
    expect(missing.evidence_list).toHaveLength(2);
    const shared = await payloadOf({ gpus, faults: { sharedGpuKeys: ["device-report"] } });
    const [first, second] = shared.evidence_list.map(leafOf);
    expect(second?.publicKey.export({ format: "jwk" })).toEqual(first?.publicKey.export({ format: "jwk" }));
    expect(second?.serialNumber).not.toBe(first?.serialNumber);
    await expect(gpusOf({ faults: { gpuPayload: () => "{" } }).payload(NONCE)).resolves.toBe("{");
  });

  it("refuse what they cannot be", async () => {
    for (const count of [0, 9, 1.5, Number.NaN]) expect(() => gpusOf({ gpus: { count } })).toThrow("1 to 8 simulated GPUs");
    expect(() => gpusOf({ gpus: { vbios: "96.00" } })).toThrow('not "96.00"');
    await expect(gpusOf().payload(new Uint8Array(31))).rejects.toThrow("a GPU's nonce is 32 bytes, not 31");
  });
});
