import { parseHex, toBase64, utf8 } from "@bauta/protocol";
import { describe, expect, it } from "vitest";
import { noVectors, readJsonVector, readVector } from "../../../../tests/support/vectors.ts";
import type { CheckId, Finding } from "../result.ts";
import { readVeniceAnswer } from "../testing/venice.ts";
import { appraiseGpus, type GpuAppraisal, type GpuInput } from "./appraise-gpus.ts";
import { gpuEndorsementNeed } from "./gpu-need.ts";
import { parseGpuTrustRoots } from "./nvidia-roots.ts";

const SAMPLE_NONCE = "931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb";
const HOPPER_NONCE = "27a328247bf7935c993341cf587be6f05986ccce4fe7ba2c54100bd616a58f66";
const PPCIE_NONCE = "4760e30534a0621357d458b1a7936551b5dc4cd1e69718adf7ed9fb0252a537e";
const RIMS_AT = Date.UTC(2025, 5, 15);

const roots = parseGpuTrustRoots();
const text = (path: string) => new TextDecoder().decode(readVector(`nvidia/${path}`));
const bytes = (hex: string) => parseHex(hex.trim(), 16_384) ?? new Uint8Array();
const json = (path: string) => text(`evidence/${path}.json`);

/** One device in the SDK's form, from a report in hex and a chain in PEM. */
function sample(report: string, chain: string, arch: string): string {
  return JSON.stringify([
    { arch, certificate: toBase64(utf8(text(`evidence/${chain}`))), evidence: toBase64(bytes(text(`evidence/${report}`))) },
  ]);
}

function appraise(payload: string, nonce: string, input: Partial<GpuInput> = {}): Promise<GpuAppraisal> {
  return appraiseGpus({ payload, nonce: bytes(nonce), rules: { allow_hold: false }, nowMs: RIMS_AT, roots, ...input });
}

const idsOf = ({ findings }: GpuAppraisal, status: Finding["status"]): CheckId[] =>
  findings.filter((finding) => finding.status === status).map(({ id }) => id);
const finding = ({ findings }: GpuAppraisal, id: CheckId) => findings.find((each) => each.id === id);

const EVIDENCE: readonly CheckId[] = ["gpu.present", "gpu.cert-chain", "gpu.report-signature", "gpu.nonce"];
const WITH_FWID: readonly CheckId[] = [...EVIDENCE, "gpu.fwid"];

interface Sample {
  readonly name: string;
  readonly payload: () => string;
  readonly nonce?: string;
  readonly pass: readonly CheckId[];
  readonly fail?: readonly CheckId[];
  readonly modes?: readonly (string | undefined)[];
}

const hopper = (report: string, chain = "hopperCertChain") => sample(`sdk_gpu/${report}.txt`, `sdk_gpu/${chain}.txt`, "HOPPER");
const lsSwitch = (report: string) => sample(`sdk_switch/${report}.txt`, "sdk_switch/switchCertChain.txt", "LS10");
const spdmNonce = "e97b23a1718095a0e9e35edca810768c70a6a5a389b705e753b197912bc11576";

const SAMPLES: readonly Sample[] = [
  { name: "a Hopper of driver 590.12", payload: () => json("evidence_hopper_590_12"), nonce: spdmNonce, pass: WITH_FWID, modes: ["PPCIE"] },
  { name: "a Hopper", payload: () => json("hopper_evidence"), nonce: spdmNonce, pass: WITH_FWID, modes: ["PPCIE"] },
  // That it is on hold only NVIDIA's OCSP responder says.
  { name: "a Hopper on hold", payload: () => json("hopper_evidence_cert_hold"), pass: WITH_FWID, modes: ["SPT"] },
  {
    name: "four Hoppers",
    payload: () => json("multi_gpu_hopper"),
    nonce: spdmNonce,
    pass: WITH_FWID,
    modes: ["PPCIE", "PPCIE", "PPCIE", "PPCIE"],
  },
  {
    name: "eight Hoppers",
    payload: () => json("ppcie_gpu_evidence_8x"),
    nonce: PPCIE_NONCE,
    pass: WITH_FWID,
    modes: Array.from({ length: 8 }, () => "PPCIE"),
  },
  {
    name: "a Hopper of nvtrust",
    payload: () => sample("nvtrust_hopper_550.90.07.report.hex", "nvtrust_hopper_550.90.07.chain.pem", "HOPPER"),
    pass: WITH_FWID,
    modes: ["SPT"],
  },
  // Its driver is too old to report a firmware identity.
  { name: "the SDK's Hopper", payload: () => hopper("hopperAttestationReport"), nonce: HOPPER_NONCE, pass: EVIDENCE, modes: [undefined] },
  // What has expired is the driver's manifest: the certificates are for good.
  {
    name: "the SDK's expired Hopper",
    payload: () => hopper("hopperAttestationReportExpired", "hopperCertChainExpired"),
    pass: WITH_FWID,
    modes: ["SPT"],
  },
  {
    name: "the SDK's Hopper with a bad signature",
    payload: () => hopper("hopperAttestationReportInvalidSignature"),
    pass: ["gpu.present", "gpu.cert-chain"],
    fail: ["gpu.report-signature"],
  },
  {
    name: "a Blackwell",
    payload: () => sample("sdk_gpu/blackwellAttestationReport.txt", "sdk_gpu/blackwellCertChain.txt", "BLACKWELL"),
    pass: WITH_FWID,
    modes: [undefined],
  },
  {
    name: "another client's Hopper",
    payload: () => json("hopper_evidence"),
    pass: ["gpu.present", "gpu.cert-chain", "gpu.report-signature", "gpu.fwid"],
    fail: ["gpu.nonce"],
  },
  { name: "a switch alone", payload: () => json("switch_evidence_ls10"), pass: [], fail: ["gpu.present"] },
  { name: "the SDK's switch alone", payload: () => lsSwitch("switchAttestationReport"), pass: [], fail: ["gpu.present"] },
  {
    name: "a switch with a bad signature",
    payload: () => lsSwitch("switchAttestationReportInvalidSignature"),
    pass: [],
    fail: ["gpu.present", "gpu.switches"],
  },
  // The same switch, four times.
  { name: "four switches that are one", payload: () => json("multi_switch_ls10"), pass: [], fail: ["gpu.present", "gpu.switches"] },
  {
    name: "four switches without their GPUs",
    payload: () => json("ppcie_switch_evidence_4x"),
    nonce: PPCIE_NONCE,
    pass: [],
    fail: ["gpu.present"],
  },
];

describe.skipIf(noVectors)("recorded GPU evidence", () => {
  it.each(SAMPLES)("$name: $pass pass, $fail fail", async ({ payload, nonce = SAMPLE_NONCE, pass, fail = [], modes }) => {
    const result = await appraise(payload(), nonce);
    expect(idsOf(result, "fail").toSorted()).toEqual(fail.toSorted());
    expect(idsOf(result, "pass").toSorted()).toEqual(pass.toSorted());
    expect(result.simulated).toBe(false);
    expect(result.claims.gpus?.map(({ mode }) => mode)).toEqual(modes);
  });

  it("says who a switch's signature is not by", async () => {
    const result = await appraise(lsSwitch("switchAttestationReportInvalidSignature"), SAMPLE_NONCE);
    expect(finding(result, "gpu.switches")?.reason).toContain("switch 0: the report's signature is not by the key of its certificate");
  });

  it("in PPCIE mode: eight GPUs and the four switches between them", async () => {
    const [gpus, switches] = [json("ppcie_gpu_evidence_8x"), json("ppcie_switch_evidence_4x")].map((each) => JSON.parse(each) as unknown[]);
    const whole = await appraise(JSON.stringify([...(gpus ?? []), ...(switches ?? [])]), PPCIE_NONCE);
    expect(idsOf(whole, "pass").toSorted()).toEqual([...WITH_FWID, "gpu.switches"].toSorted());
    for (const [some, others] of [
      [gpus, switches?.slice(1)],
      [gpus?.slice(1), switches],
    ]) {
      const result = await appraise(JSON.stringify([...(some ?? []), ...(others ?? [])]), PPCIE_NONCE);
      expect(idsOf(result, "fail")).toEqual(["gpu.switches"]);
    }
  });

  it("names what a client has to fetch", () => {
    const need = gpuEndorsementNeed(json("multi_gpu_hopper"), roots);
    expect(need?.rimIds).toEqual(["NV_GPU_DRIVER_GH100_590.12", "NV_GPU_VBIOS_G520_0200_885_9600A50001"]);
    expect(need?.paths.map((path) => path.map(({ commonName }) => commonName))).toEqual(
      Array.from({ length: 4 }, () => [
        "GH100 A01 GSP BROM",
        "NVIDIA GH100 Provisioner ICA 1",
        "NVIDIA GH100 Identity",
        "NVIDIA Device Identity CA",
      ]),
    );
    expect(gpuEndorsementNeed("[", roots)).toBeUndefined();
  });

  it("is of one GPU, whichever firmware it answers with", async () => {
    const device = JSON.parse(sample("sdk_unit_hopper_580.159.03.report.hex", "sdk_unit_hopper.chain.pem", "HOPPER")) as unknown[];
    const before = JSON.parse(hopper("hopperAttestationReportExpired", "hopperCertChainExpired")) as unknown[];
    const result = await appraise(JSON.stringify([...device, ...before]), SAMPLE_NONCE);
    expect(finding(result, "gpu.present")).toMatchObject({ status: "fail", reason: "GPU 1 is GPU 0 again" });
  });
});

describe.skipIf(noVectors)("recorded manifests", () => {
  const MATCHING = "1010_0200_882_96005E0001_PROD.swidtag";
  const judge = (payload: string, nonce: string, ...names: readonly string[]) =>
    appraise(payload, nonce, { endorsements: { rims: names.map((name) => text(`rims/${name}`)), ocsp: [] } });

  it("match the VBIOS of the SDK's Hopper, which leaves the driver open", async () => {
    const result = await judge(hopper("hopperAttestationReport"), HOPPER_NONCE, MATCHING);
    expect(idsOf(result, "fail")).toEqual([]);
    expect(finding(result, "gpu.rim-vbios")).toMatchObject({ status: "pass" });
    expect(finding(result, "gpu.measurements")).toMatchObject({
      status: "not-checked",
      reason: expect.stringContaining("measurements match, but") as string,
    });
    expect(finding(result, "gpu.debug-off")).toMatchObject({ status: "not-checked" });
  });

  it("name the index at which they differ", async () => {
    const result = await judge(
      hopper("hopperAttestationReport"),
      HOPPER_NONCE,
      "NV_GPU_VBIOS_1010_0200_882_96005E0001_measurement_mismatch.xml",
    );
    expect(idsOf(result, "fail")).toEqual(["gpu.measurements"]);
    expect(finding(result, "gpu.measurements")?.reason).toMatch(/^GPU 0: 1 of \d+ differ from NVIDIA's manifests, at index 9$/);
  });

  it("that were changed after they were signed are not compared with", async () => {
    const result = await judge(
      hopper("hopperAttestationReport"),
      HOPPER_NONCE,
      MATCHING,
      "NV_GPU_DRIVER_GH100_535.86.09_measurement_mismatch.xml",
    );
    expect(idsOf(result, "fail")).toEqual(["gpu.rim-driver"]);
    expect(finding(result, "gpu.rim-driver")?.reason).toContain("its contents are not those that were signed");
    expect(finding(result, "gpu.rim-vbios")).toMatchObject({ status: "pass" });
  });

  it("that have expired are not used", async () => {
    const payload = hopper("hopperAttestationReportExpired", "hopperCertChainExpired");
    const result = await judge(payload, SAMPLE_NONCE, "NV_GPU_DRIVER_GH100_570.124.03_expired.xml");
    expect(idsOf(result, "fail")).toEqual(["gpu.rim-driver"]);
    expect(finding(result, "gpu.rim-driver")?.reason).toContain("was valid only until");
  });

  it("that are changed are not used", async () => {
    const changed = text(`rims/${MATCHING}`).replace('active="True"', 'active="False"');
    const result = await appraise(hopper("hopperAttestationReport"), HOPPER_NONCE, { endorsements: { rims: [changed], ocsp: [] } });
    expect(idsOf(result, "fail")).toEqual(["gpu.rim-vbios"]);
    expect(finding(result, "gpu.measurements")).toMatchObject({ status: "not-checked" });
  });

  it("of other devices, or none at all, leave the checks open", async () => {
    const result = await judge(hopper("hopperAttestationReport"), HOPPER_NONCE, "g520_0200_885_9600740001_PROD.swidtag");
    expect(idsOf(result, "fail")).toEqual([]);
    expect(finding(result, "gpu.rim-vbios")?.reason).toContain("NV_GPU_VBIOS_1010_0200_882_96005E0001");
    const broken = await appraise(hopper("hopperAttestationReport"), HOPPER_NONCE, { endorsements: { rims: ["<"], ocsp: [] } });
    expect(finding(broken, "gpu.rim-vbios")).toMatchObject({
      status: "not-checked",
      reason: expect.stringContaining("cannot be read") as string,
    });
  });
});

describe.skipIf(noVectors)("the eight GPUs of the recorded enclave", () => {
  const capture = () => readVeniceAnswer()["nvidia_payload"] as string;
  const manifest = () => readJsonVector("venice-2026-04-24/manifest.json") as { readonly nonce_hex: string };
  const opinion = () => ({
    token: readJsonVector("venice-2026-04-24/0006_nras.attestation.nvidia.com_v3_attest_gpu.body"),
    jwks: readJsonVector("venice-2026-04-24/0007_nras.attestation.nvidia.com_.well-known_jwks.json.body"),
  });
  /** When NRAS issued its tokens. */
  const nowMs = 1_776_995_913_000 + 1000;
  const judge = (payload: string, nonce: string, atMs = nowMs) =>
    appraise(payload, nonce, { nowMs: atMs, endorsements: { rims: [], ocsp: [], nras: opinion() } });

  it("verify by chain, firmware identity, nonce and signature, and NVIDIA's service agrees", async () => {
    const result = await judge(capture(), manifest().nonce_hex);
    expect(idsOf(result, "fail")).toEqual([]);
    expect(idsOf(result, "pass").toSorted()).toEqual([...WITH_FWID, "gpu.nras"].toSorted());
    expect(result.claims.gpus).toHaveLength(8);
    expect(new Set(result.claims.gpus?.map(({ driver, vbios, mode }) => `${driver} ${vbios} ${mode}`))).toEqual(
      new Set(["570.172.08 96.00.CF.00.02 PPCIE"]),
    );
    expect(new Set(result.claims.gpus?.map(({ ueid }) => ueid)).size).toBe(8);
    expect(finding(result, "gpu.switches")?.reason).toContain("in PPCIE mode");
  });

  it("answer this client and no other", async () => {
    const result = await judge(capture(), SAMPLE_NONCE);
    expect(idsOf(result, "fail").toSorted()).toEqual(["gpu.nonce", "gpu.nras"]);
    expect(finding(result, "gpu.nonce")?.reason).toMatch(/^all 8 GPUs: the report answers another nonce/);
    expect(result.claims).toEqual({});
  });

  it("are vouched for by NVIDIA's service only for its hour, and only all of them", async () => {
    expect(idsOf(await judge(capture(), manifest().nonce_hex, nowMs + 3_600_000), "fail")).toEqual(["gpu.nras"]);
    const payload = JSON.parse(capture()) as { evidence_list: unknown[] };
    const seven = await judge(JSON.stringify({ ...payload, evidence_list: payload.evidence_list.slice(1) }), manifest().nonce_hex);
    expect(idsOf(seven, "fail")).toEqual(["gpu.nras"]);
    expect(finding(seven, "gpu.nras")?.reason).toContain("other GPUs than those of the evidence");
  });

  it("are judged fast, however often their shared certificates appear", async () => {
    const verify = crypto.subtle.verify.bind(crypto.subtle);
    let verified = 0;
    crypto.subtle.verify = ((...args: Parameters<typeof verify>) => {
      verified++;
      return verify(...args);
    }) as typeof verify;
    try {
      await appraise(capture(), manifest().nonce_hex, { nowMs });
    } finally {
      crypto.subtle.verify = verify;
    }
    // Of each GPU its report and its two own certificates; of all of them provisioner and family.
    expect(verified).toBe(8 * 3 + 2);
  });

  it("fail wherever a bit of a report, a signature or a certificate is another one", async () => {
    const payload = JSON.parse(capture()) as { evidence_list: { certificate: string; evidence: string }[] };
    const [first] = payload.evidence_list;
    if (!first) throw new Error("the capture has eight GPUs");
    const flip = (base64: string, at: number) => {
      const copy = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
      const index = Math.floor(at * (copy.length - 1));
      copy[index] = (copy[index] ?? 0) ^ 1;
      return toBase64(copy);
    };
    const outcomes = new Set<CheckId>();
    for (let step = 0; step <= 24; step++) {
      for (const member of ["certificate", "evidence"] as const) {
        const [, ...others] = payload.evidence_list;
        const changed = { ...first, [member]: flip(first[member], step / 24) };
        const result = await appraise(JSON.stringify([changed, ...others]), manifest().nonce_hex, { nowMs });
        // White space around a certificate's base64 is free to change.
        const failed = idsOf(result, "fail");
        if (member === "evidence") expect(failed.length, `${member} ${step}`).toBeGreaterThan(0);
        for (const id of failed) outcomes.add(id);
      }
    }
    expect([...outcomes].toSorted()).toEqual(["gpu.cert-chain", "gpu.present", "gpu.report-signature"]);
  });
});
