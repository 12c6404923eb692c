import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { skipUnless, vectorPath } from "../../../../tests/support/vectors.ts";
import type { SimulatorFaults } from "../faults.ts";
import { createSimulator, type SimulatorOptions } from "../simulator.ts";

const folder = vectorPath("../prototype/");
const noOracle = skipUnless(
  existsSync(`${folder}gpu.ts`),
  "oracle",
  "the measuring prototype lies beside the checkout in ../shared/prototype",
);
const NOW_MS = Date.parse("2026-11-20T12:00:00Z");
const DAY_MS = 86_400_000;
const NONCE = new Uint8Array(32).fill(7);

interface Rim {
  readonly version: string;
  readonly product: string;
  readonly m: Map<number, string[]>;
}
interface Verified {
  readonly s: { readonly nonce: Uint8Array; readonly meas: Map<number, Uint8Array> };
  readonly id: { readonly driver: string; readonly vbios: string; readonly feature: number | null };
  readonly hwmodel: string;
}
interface Oracle {
  readonly verifyEvidence: (
    evidence: Uint8Array,
    pem: string,
    nonce: Uint8Array,
    root: unknown,
    nowMs: number,
    crypto: unknown,
  ) => Promise<Verified>;
  readonly verifyRim: (xml: string, root: unknown, nowMs: number, crypto: unknown) => Promise<Rim>;
  readonly compare: (spdm: Verified["s"], driver: Rim["m"], vbios: Rim["m"]) => number[];
  readonly parseCert: (der: Uint8Array) => unknown;
  readonly webcrypto: object;
}

async function loadOracle(): Promise<Oracle> {
  const load = async (file: string) => (await import(/* @vite-ignore */ `${folder}${file}`)) as Partial<Oracle>;
  return { ...(await load("gpu.ts")), ...(await load("x509.ts")), ...(await load("backends.ts")) } as Oracle;
}

type Gpus = Omit<SimulatorOptions, "nowMs">;

/** What another verifier makes of the first GPU (or another), of both RIMs, and of how they fit. */
async function judge(options: Gpus = {}, { atMs = NOW_MS, device = 0 } = {}) {
  const oracle = await loadOracle();
  const crypto = { ...oracle.webcrypto, sha384: (bytes: Uint8Array) => new Uint8Array(createHash("sha384").update(bytes).digest()) };
  const { gpus } = createSimulator({ nowMs: NOW_MS, gpus: {}, ...options });
  if (!gpus) throw new Error("no GPUs were simulated");
  const payload = JSON.parse(await gpus.payload(NONCE)) as { evidence_list: { certificate: string; evidence: string }[] };
  const entry = payload.evidence_list[device];
  if (!entry) throw new Error(`there is no GPU ${device}`);
  const { certificate, evidence } = entry;
  const pem = Buffer.from(certificate, "base64").toString();
  const root = oracle.parseCert(gpus.deviceRootDer);
  const verified = await oracle.verifyEvidence(new Uint8Array(Buffer.from(evidence, "base64")), pem, NONCE, root, atMs, crypto);
  const rimRoot = oracle.parseCert(gpus.rimRootDer);
  const [driver, vbios] = await Promise.all(gpus.rims.map((xml) => oracle.verifyRim(xml, rimRoot, atMs, crypto)));
  if (!driver || !vbios) throw new Error("a RIM is missing");
  return { ...verified, driver, vbios, mismatches: oracle.compare(verified.s, driver.m, vbios.m) };
}

describe.skipIf(noOracle)("a verifier of GPUs that was not written here", () => {
  it("accepts a Hopper GPU with both RIMs, without a mismatch", async () => {
    expect(await judge()).toMatchObject({
      hwmodel: "GH100 A01 GSP BROM",
      id: { driver: "999.53.77", vbios: "53.49.4D.00.01", project: "sim0", feature: 1 },
      driver: { version: "999.53.77", product: "GH100" },
      vbios: { version: "53.49.4D.00.01", product: "GH100" },
      mismatches: [],
    });
  });

  it("accepts a Blackwell GPU, whose certificate names its firmware otherwise", async () => {
    expect(await judge({ gpus: { arch: "BLACKWELL", mode: "mpt" } })).toMatchObject({ hwmodel: "GB100 A01 GSP BROM", mismatches: [] });
  });

  it("accepts each of eight GPUs", async () => {
    for (const device of [0, 1, 7]) expect((await judge({ gpus: { count: 8, mode: "ppcie" } }, { device })).mismatches).toEqual([]);
  });

  const refusals: readonly (readonly [string, string, SimulatorFaults, number?])[] = [
    ["another nonce", "NONCE", { gpuEvidence: { nonce: (asked) => asked.map((byte) => byte ^ 1) } }],
    ["a signature by another key", "SIGNATURE", { gpuEvidence: { foreignSigner: true } }],
    ["a changed signature", "SIGNATURE", { gpuEvidence: { signature: (raw) => raw.map((byte, at) => (at === 9 ? byte ^ 1 : byte)) } }],
    ["a report that is cut", "SPDM_TRUNCATED", { gpuEvidence: { report: (report) => report.subarray(0, -1) } }],
    ["bytes behind a report", "SPDM_TRAILING", { gpuEvidence: { report: (report) => Buffer.concat([report, Buffer.of(0)]) } }],
    ["another FWID in the report", "FWID", { gpuEvidence: { fwid: "01".repeat(48) } }],
    ["another FWID in the certificate", "FWID", { gpuEvidence: { certifiedFwid: "01".repeat(48) } }],
    [
      "a chain without the root",
      "ROOT",
      { gpuEvidence: { chain: ["device-report", "device", "device-provisioner", "device-family", "device"] } },
    ],
    [
      "a chain that is too short",
      "CHAIN_LEN",
      { gpuEvidence: { chain: ["device-report", "device", "device-provisioner", "device-root"] } },
    ],
    ["a foreign device root", "ROOT", { foreignGpuRoots: ["device-root"] }],
    ["a device certificate by another key", "bad signature", { gpuCertificates: { device: { foreignSigner: true } } }],
    ["an expired provisioner", "CERT_TIME", { gpuCertificates: { "device-provisioner": { notAfterMs: NOW_MS - DAY_MS } } }],
    ["a report certificate that is a CA", "LEAF_CA", { gpuCertificates: { "device-report": { ca: true } } }],
    ["a device that is no CA", "issuer is not a CA", { gpuCertificates: { device: { ca: false } } }],
    ["a device that a RIM issuer certified", "issuer name mismatch", { gpuCertificates: { device: { issuer: "rim-issuer" } } }],
    ["a tampered RIM", "RIM_DIGEST", { driverRim: { text: (xml) => xml.replace("999.53.77", "999.53.78") } }],
    [
      "a RIM with a changed signature",
      "RIM_SIGNATURE",
      { vbiosRim: { signature: (raw) => raw.map((byte, at) => (at === 9 ? byte ^ 1 : byte)) } },
    ],
    ["a RIM by a stranger", "RIM_SIGNATURE", { driverRim: { signer: "stranger" } }],
    ["a RIM that a device's CA certified", "issuer name mismatch", { driverRim: { signer: "device-provisioner" } }],
    ["a foreign RIM root", "issuer keyUsage|bad signature|issuer name", { foreignGpuRoots: ["rim-root"] }],
    ["an expired RIM signer", "CERT_TIME", { gpuCertificates: { "rim-signer": { notAfterMs: NOW_MS - DAY_MS } } }],
    ["a RIM past its signer's time", "CERT_TIME", {}, NOW_MS + 3 * 365 * DAY_MS],
    [
      "RIMs of one index",
      "RIM_INDEX_CONFLICT",
      {
        driverRim: {
          contents: (rim) => ({ ...rim, measurements: rim.measurements.map((m) => (m.index === 9 ? { ...m, active: true } : m)) }),
        },
      },
    ],
  ];
  for (const [what, code, faults, atMs] of refusals) {
    it(`refuses ${what} with ${code}`, async () => {
      await expect(judge({ faults }, { atMs: atMs ?? NOW_MS })).rejects.toThrow(new RegExp(code));
    });
  }

  const mismatches: readonly (readonly [string, number[], SimulatorFaults])[] = [
    ["the GPU measured something else", [9, 21], { gpuEvidence: { measurements: { 9: "01".repeat(48), 21: "02".repeat(48) } } }],
    ["the GPU left a measurement out", [30], { gpuEvidence: { measurements: { 30: null } } }],
    [
      "a RIM expects another value",
      [7],
      {
        driverRim: {
          contents: (rim) => ({
            ...rim,
            measurements: rim.measurements.map((m) => (m.index === 7 ? { ...m, values: ["03".repeat(48)] } : m)),
          }),
        },
      },
    ],
    [
      "NVDEC0 is enabled with its firmware unmeasured",
      [35],
      { gpuEvidence: { opaque: (fields) => new Map([...fields, [11, Buffer.of(0xaa)]]) } },
    ],
  ];
  for (const [what, indexes, faults] of mismatches) {
    it(`finds indexes ${indexes.join(", ")} when ${what}`, async () => {
      expect((await judge({ faults })).mismatches.sort((a, b) => a - b)).toEqual(indexes);
    });
  }

  it("finds a fault of one GPU at that GPU alone", async () => {
    const faulty = { gpus: { count: 2 }, faults: { gpuEvidence: { devices: [1], foreignSigner: true } } };
    await expect(judge(faulty, { device: 1 })).rejects.toThrow("SIGNATURE");
    expect((await judge(faulty, { device: 0 })).mismatches).toEqual([]);
  });
});
