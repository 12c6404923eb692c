import type { GpuEndorsementSource } from "@bauta/attestation";
import { parseHex } from "@bauta/protocol";
import { createSimulator } from "@bauta/simulator";
import { describe, expect, it } from "vitest";
import type { ClientOptions } from "./index.ts";
import { MODEL, NOW_MS, queryOf, rejection, simulator, startServer } from "./scripted-server.test.ts";

const { gpus } = createSimulator({ nowMs: NOW_MS, seed: "client gpus", gpus: {} });
if (!gpus) throw new Error("the simulator has no GPUs");
const trustRoots = [simulator.rootDer, gpus.deviceRootDer, gpus.rimRootDer, gpus.nrasRootDer];
const required = { ...simulator.policy("gpus"), require: ["gpu.present", "gpu.rim-driver", "gpu.rim-vbios", "gpu.measurements"] };

const source = (fetch: GpuEndorsementSource["fetch"]): GpuEndorsementSource => ({
  fetch,
  rim: () => Promise.reject(new Error("not asked for")),
  ocsp: () => Promise.reject(new Error("not asked for")),
  nras: () => Promise.reject(new Error("not asked for")),
  close: () => undefined,
});
const honest = source(async () => ({ endorsements: { rims: gpus.rims, ocsp: await gpus.ocsp() }, problems: [] }));
const deaf = source(() => new Promise(() => {}));

async function attest(options: Partial<ClientOptions>) {
  const server = await startServer({
    attestation: async (answer, request) => ({
      ...answer,
      nvidia_payload: await gpus!.payload(parseHex(queryOf(request).get("nonce") ?? "", 32)!),
    }),
  });
  return server.client({ trustRoots, ...options }).attest(MODEL);
}

describe("GPU evidence without what it is judged by", () => {
  it("is judged by what the source has", async () => {
    const { result } = await attest({ policy: required, gpuEndorsements: honest });
    expect(result.checks.filter(({ id, status }) => required.require.includes(id) && status !== "pass")).toEqual([]);
    expect(result).toMatchObject({ ok: true, simulated: true, claims: { gpus: [{}] } });
  });

  it.each([
    ["without a source", {}],
    ["with one that does not answer in time", { gpuEndorsements: deaf, timeouts: { answerMs: 300 } }],
  ])("is missed only where the policy asks for it: %s", async (_name, options) => {
    expect((await attest({ policy: required, ...options })).result.ok).toBe(false);
    expect((await attest(options)).result.ok).toBe(true);
  });

  it("stops at once when its caller does", async () => {
    const controller = new AbortController();
    const server = await startServer({
      attestation: async (answer, request) => ({
        ...answer,
        nvidia_payload: await gpus.payload(parseHex(queryOf(request).get("nonce") ?? "", 32)!),
      }),
    });
    const gpuEndorsements = source(() => {
      controller.abort(new Error("enough"));
      return new Promise(() => {});
    });
    const client = server.client({ trustRoots, gpuEndorsements });
    expect(await rejection(client.attest(MODEL, { signal: controller.signal }))).toBe(controller.signal.reason);
  });
});

describe("trust roots", () => {
  it.each([
    ["no certificate", [simulator.rootDer, new Uint8Array(3)], "trustRoots[1]"],
    ["too many", Array.from({ length: 100 }, () => simulator.rootDer), "trustRoots"],
  ])("%s: refused when the client is created", async (_name, roots, field) => {
    const server = await startServer();
    expect(() => server.client({ trustRoots: roots })).toThrow(expect.objectContaining({ code: "invalid_option", details: { field } }));
  });
});
