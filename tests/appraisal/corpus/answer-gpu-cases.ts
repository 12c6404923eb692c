import type { CheckId } from "../../../packages/attestation/src/result.ts";
import { toHex } from "../../../packages/protocol/src/index.ts";
import {
  createGpuMint,
  type DeviceChanges,
  HOPPER_OPAQUE,
  type MintedDevice,
} from "../../../packages/attestation/src/testing/minted-gpus.ts";
import type { GpuOptions, SimulatorFaults } from "../../../packages/simulator/src/index.ts";
import type { AnswerCase, AnswerFamily, GpuChanges } from "../answer-case.ts";
import { NOW_MS } from "../platform-case.ts";
import { omit } from "../omit.ts";

const OTHER = "ab".repeat(48);
const DAY_MS = 86_400_000;
/** Everything that the simulator's GPUs can show; switches it has none, and no vendor binds GPUs to a TD. */
const SHOWN: readonly CheckId[] = [
  "gpu.present",
  "gpu.named-by-enclave",
  "gpu.nonce",
  "gpu.cert-chain",
  "gpu.revocation",
  "gpu.report-signature",
  "gpu.fwid",
  "gpu.rim-driver",
  "gpu.rim-vbios",
  "gpu.measurements",
  "gpu.debug-off",
];

/** Two GPUs on a machine, with what a case breaks of them. */
const two = (faults: SimulatorFaults = {}, gpus: GpuOptions = {}): Pick<AnswerCase, "simulator" | "faults"> => ({
  simulator: { gpus: { count: 2, ...gpus } },
  faults,
});
/** The second of two. */
const second = (changes: NonNullable<SimulatorFaults["gpuEvidence"]>) => two({ gpuEvidence: { devices: [1], ...changes } });
const requires = (...require: readonly CheckId[]): Pick<AnswerCase, "policy"> => ({ policy: (policy) => ({ ...policy, require }) });
const rules = (gpu: object, ...require: readonly CheckId[]): Pick<AnswerCase, "policy"> => ({
  policy: (policy) => ({ ...policy, gpu, require }),
});
const unserved: Pick<AnswerCase, "answer"> = { answer: (answer) => omit(answer, "nvidia_payload") };
const endorsed = (endorsements: NonNullable<GpuChanges["endorsements"]>): Pick<AnswerCase, "gpu"> => ({ gpu: { endorsements } });

const present: readonly AnswerCase[] = [
  { name: "two GPUs that show all they can", ...two(), ...requires(...SHOWN) },
  { name: "eight GPUs", ...two({}, { count: 8 }), ...rules({ count: 8, archs: ["HOPPER"] }, ...SHOWN) },
  { name: "a Blackwell", ...two({}, { count: 1, arch: "BLACKWELL" }), ...rules({ count: 1, archs: ["BLACKWELL"] }, ...SHOWN) },
  { name: "GPUs, which no policy asks for", ...two() },
  { name: "no GPUs, which no policy asks for" },
  { name: "GPU evidence with a member that nobody knows", ...two({ gpuPayload: (json) => json.replace("{", '{"more":1,') }) },
  { name: "one GPU twice", fails: "gpu.present", ...two({ gpuEvidenceList: (list) => [...list, ...list.slice(0, 1)] }) },
  {
    name: "two GPUs with one boot ROM's key",
    fails: "gpu.present",
    ...two({ sharedGpuKeys: ["device"] }),
  },
  { name: "one GPU missing of two", fails: "gpu.present", ...two({ gpuEvidenceList: (list) => list.slice(1) }), ...rules({ count: 2 }) },
  { name: "one GPU more than the policy's one", fails: "gpu.present", ...two(), ...rules({ count: 1 }) },
  { name: "GPUs of another architecture than the policy's", fails: "gpu.present", ...two(), ...rules({ archs: ["BLACKWELL"] }) },
  { name: "nine GPUs", fails: "gpu.present", ...two({ gpuEvidenceList: (list) => Array.from({ length: 9 }, () => list[0]) }) },
  { name: "seventeen devices", fails: "gpu.present", ...two({ gpuEvidenceList: (list) => Array.from({ length: 17 }, () => list[0]) }) },
  { name: "an empty list of GPUs", fails: "gpu.present", ...two({ gpuEvidenceList: () => [] }) },
  { name: "GPU evidence that is cut short", fails: "gpu.present", ...two({ gpuPayload: (json) => json.slice(0, -1) }) },
  { name: "a GPU's report that is cut short", fails: "gpu.present", ...second({ report: (report) => report.subarray(0, -1) }) },
  {
    name: "no GPU evidence, where the policy counts GPUs",
    fails: "gpu.present",
    ...rules({ count: 1 }),
  },
  { name: "no GPU evidence, where the policy requires it", unmet: "gpu.present", ...requires("gpu.present") },
  {
    name: "no GPU evidence, where the policy names architectures",
    unmet: "gpu.present",
    alsoUnmet: ["gpu.nonce", "gpu.cert-chain", "gpu.report-signature"],
    ...rules({ archs: ["HOPPER", "BLACKWELL"] }),
  },
];

const named: readonly AnswerCase[] = [
  { name: "GPU evidence that the enclave names", ...two(), ...requires("gpu.named-by-enclave") },
  {
    name: "GPU evidence with a space more than the enclave names",
    fails: "gpu.named-by-enclave",
    ...two(),
    answer: (answer) => ({ ...answer, nvidia_payload: `${String(answer["nvidia_payload"])} ` }),
  },
  {
    name: "other GPU evidence than the enclave names",
    fails: "gpu.named-by-enclave",
    ...two(),
    keys: { gpu_evidence_sha256: "cd".repeat(32) },
  },
  {
    name: "GPU evidence that the enclave names, left out",
    fails: "gpu.named-by-enclave",
    ...two(),
    ...unserved,
  },
  {
    name: "GPU evidence beside a keys statement that says that there is none, also where nobody asks for GPUs",
    fails: "gpu.named-by-enclave",
    ...two(),
    keys: { gpu_evidence_sha256: null },
  },
  {
    name: "GPU evidence without a keys statement, where it has to be named",
    unmet: "gpu.named-by-enclave",
    ...two(),
    keys: null,
    ...requires("gpu.named-by-enclave"),
  },
  { name: "GPU evidence without a keys statement, where nobody asks for one", ...two(), keys: null },
];

const absent = (id: CheckId): AnswerCase => ({ name: `no GPU evidence, where the policy requires ${id}`, unmet: id, ...requires(id) });

const devices: readonly AnswerCase[] = [
  { name: "GPUs that show who they are", ...two(), ...requires("gpu.nonce", "gpu.cert-chain", "gpu.report-signature", "gpu.fwid") },
  { name: "a GPU that answers another nonce", fails: "gpu.nonce", ...second({ nonce: () => new Uint8Array(32) }) },
  { name: "GPUs that all answer another nonce", fails: "gpu.nonce", ...two({ gpuEvidence: { nonce: () => new Uint8Array(32).fill(1) } }) },
  absent("gpu.nonce"),
  { name: "GPUs under a root that nobody named", fails: "gpu.cert-chain", ...two(), gpu: { unnamed: ["device"] } },
  { name: "GPUs under another root of the same name", fails: "gpu.cert-chain", ...two({ foreignGpuRoots: ["device-root"] }) },
  {
    name: "GPUs whose provisioner has expired",
    fails: "gpu.cert-chain",
    ...two({ gpuCertificates: { "device-provisioner": { notBeforeMs: NOW_MS - 9 * DAY_MS, notAfterMs: NOW_MS - DAY_MS } } }),
  },
  {
    name: "GPUs whose provisioner is no CA",
    fails: "gpu.cert-chain",
    ...two({ gpuCertificates: { "device-provisioner": { ca: false } } }),
  },
  {
    name: "GPUs whose boot ROM nobody certified",
    fails: "gpu.cert-chain",
    ...two({ gpuCertificates: { device: { foreignSigner: true } } }),
  },
  {
    name: "a GPU without its root in its chain",
    fails: "gpu.cert-chain",
    ...second({ chain: ["device-report", "device", "device-provisioner", "device-family"] }),
  },
  absent("gpu.cert-chain"),
  { name: "a report that another key signed", fails: "gpu.report-signature", ...second({ foreignSigner: true }) },
  {
    name: "a report that was changed after it was signed",
    fails: "gpu.report-signature",
    ...second({ report: (report) => report.map((byte, index) => (index === 60 ? byte ^ 1 : byte)) }),
  },
  absent("gpu.report-signature"),
  { name: "a report of another firmware than the certificate's", fails: "gpu.fwid", ...second({ fwid: OTHER }) },
  { name: "a certificate of another firmware than the report's", fails: "gpu.fwid", ...second({ certifiedFwid: OTHER }) },
  {
    name: "a report that names no firmware, as old drivers' do not",
    unmet: "gpu.fwid",
    ...second({ opaque: (fields) => new Map([...fields].filter(([type]) => type !== 20)) }),
    ...requires("gpu.fwid"),
  },
];

const revocation: readonly AnswerCase[] = [
  { name: "certificates that all stand", ...two(), ...requires("gpu.revocation") },
  { name: "a provisioner that was revoked", fails: "gpu.revocation", ...two({ ocsp: { "device-provisioner": { status: "revoked" } } }) },
  { name: "a GPU that was revoked", fails: "gpu.revocation", ...two({ ocsp: { device: { status: "revoked" } } }) },
  { name: "a manifest's signer that was revoked", fails: "gpu.revocation", ...two({ ocsp: { "rim-signer": { status: "revoked" } } }) },
  { name: "a GPU on hold", fails: "gpu.revocation", ...two({ ocsp: { device: { status: "hold" } } }) },
  {
    name: "a GPU on hold, which the policy allows",
    ...two({ ocsp: { device: { status: "hold" } } }),
    ...rules({ allow_hold: true }, "gpu.revocation"),
  },
  {
    name: "a GPU that was revoked, where the policy allows those on hold",
    fails: "gpu.revocation",
    ...two({ ocsp: { device: { status: "revoked" } } }),
    ...rules({ allow_hold: true }),
  },
  {
    name: "an OCSP answer that is past its time",
    fails: "gpu.revocation",
    ...two({ ocsp: { "device-family": { thisUpdateMs: NOW_MS - 3 * DAY_MS, nextUpdateMs: NOW_MS - 2 * DAY_MS } } }),
  },
  { name: "an OCSP answer that nobody signed", fails: "gpu.revocation", ...two({ ocsp: { device: { foreignSigner: true } } }) },
  {
    name: "an OCSP answer by a stranger",
    fails: "gpu.revocation",
    ...two({ ocsp: { device: { responder: "stranger" } } }),
  },
  {
    name: "no OCSP answer about a GPU, where the policy requires one",
    unmet: "gpu.revocation",
    ...two({ ocsp: { device: { missing: true } } }),
    ...requires("gpu.revocation"),
  },
  {
    name: "no OCSP answers, where the policy requires them",
    unmet: "gpu.revocation",
    ...two(),
    ...requires("gpu.revocation"),
    ...endorsed(({ rims }) => ({ rims, ocsp: [] })),
  },
];

const manifests: readonly AnswerCase[] = [
  { name: "measurements as released", ...two(), ...requires("gpu.rim-driver", "gpu.rim-vbios", "gpu.measurements", "gpu.debug-off") },
  {
    name: "a driver's manifest that was changed after it was signed",
    fails: "gpu.rim-driver",
    ...two({ driverRim: { text: (xml) => xml.replace('active="True"', 'active="False"') } }),
  },
  { name: "a driver's manifest that a stranger signed", fails: "gpu.rim-driver", ...two({ driverRim: { signer: "stranger" } }) },
  { name: "a VBIOS's manifest that a stranger signed", fails: "gpu.rim-vbios", ...two({ vbiosRim: { signer: "stranger" } }) },
  {
    name: "manifests under a root that nobody named",
    fails: "gpu.rim-driver",
    alsoFails: ["gpu.rim-vbios"],
    ...two(),
    gpu: { unnamed: ["rim"] },
  },
  {
    name: "no manifest for the driver, where the policy requires one",
    unmet: "gpu.rim-driver",
    ...two(),
    ...requires("gpu.rim-driver"),
    ...endorsed(({ rims, ocsp }) => ({ rims: rims.slice(1), ocsp })),
  },
  {
    name: "no manifest for the VBIOS, where the policy requires one",
    unmet: "gpu.rim-vbios",
    ...two(),
    ...requires("gpu.rim-vbios"),
    ...endorsed(({ rims, ocsp }) => ({ rims: rims.slice(0, 1), ocsp })),
  },
  {
    name: "a manifest for another driver, where the policy requires one for this",
    unmet: "gpu.rim-driver",
    ...two({ driverRim: { contents: (contents) => ({ ...contents, version: "1.2.3" }) } }),
    ...requires("gpu.rim-driver"),
  },
  { name: "a measurement that differs", fails: "gpu.measurements", ...second({ measurements: { 9: OTHER } }) },
  { name: "a measurement that is missing", fails: "gpu.measurements", ...second({ measurements: { 9: null } }) },
  {
    name: "manifests that both speak of one index",
    fails: "gpu.measurements",
    ...two({
      driverRim: {
        contents: (contents) => ({
          ...contents,
          measurements: Array.from({ length: 64 }, (_, index) => ({ index, active: true, values: [OTHER] })),
        }),
      },
    }),
  },
  {
    name: "measurements without manifests, where the policy requires their comparison",
    unmet: "gpu.measurements",
    ...two(),
    ...requires("gpu.measurements"),
    ...endorsed(({ ocsp }) => ({ rims: [], ocsp })),
  },
  {
    name: "a GPU that started under debug",
    fails: "gpu.debug-off",
    ...two({ gpuEvidence: { certifiedDebug: true } }, { arch: "BLACKWELL" }),
  },
  {
    name: "no manifests, where the policy requires that debugging be off",
    unmet: "gpu.debug-off",
    ...two(),
    ...requires("gpu.debug-off"),
    ...endorsed(({ ocsp }) => ({ rims: [], ocsp })),
  },
];

const opinion: readonly AnswerCase[] = [
  { name: "a second opinion that agrees", ...two(), ...requires("gpu.nras"), gpu: { opinion: "this nonce" } },
  { name: "a second opinion of another nonce", fails: "gpu.nras", ...two(), gpu: { opinion: "another nonce" } },
  {
    name: "a second opinion that something is wrong",
    fails: "gpu.nras",
    ...two({ nras: { gpuClaims: (claims, device) => (device === 1 ? { ...claims, measres: "fail" } : claims) } }),
    gpu: { opinion: "this nonce" },
  },
  {
    name: "a second opinion that nobody signed",
    fails: "gpu.nras",
    ...two({ nras: { foreignSigner: true } }),
    gpu: { opinion: "this nonce" },
  },
  {
    name: "a second opinion with GPUs swapped",
    fails: "gpu.nras",
    ...two({ nras: { answer: ([overall, gpus]) => [overall, { "GPU-0": gpus["GPU-1"], "GPU-1": gpus["GPU-0"] }] } }),
    gpu: { opinion: "this nonce" },
  },
  {
    name: "a second opinion under a root that nobody named",
    fails: "gpu.nras",
    ...two(),
    gpu: { opinion: "this nonce", unnamed: ["nras"] },
  },
  { name: "no second opinion, where the policy requires one", unmet: "gpu.nras", ...two(), ...requires("gpu.nras") },
];

/** A GPU and the switch that it is joined to, in PPCIE mode, from a mint that has switches. */
function joined(changes: DeviceChanges = {}): NonNullable<GpuChanges["evidence"]> {
  return async (nonce) => {
    const mint = await createGpuMint();
    const pdi = (byte: number) => new Uint8Array(8).fill(byte);
    const serial = (kind: number, byte: number) => Uint8Array.of(kind, ...pdi(byte));
    const others = HOPPER_OPAQUE.filter(([type]) => type !== 36);
    const gpu = await mint.device(nonce, {
      device: { serial: serial(0x41, 1) },
      opaque: [...others, [36, Uint8Array.of(2, 0)], [22, pdi(8)]],
    });
    const places = Uint8Array.from([...pdi(1), ...Array.from({ length: 7 }, () => [...pdi(0xff)]).flat()]);
    const nvswitch = await mint.device(nonce, {
      chip: "LS_10",
      device: { serial: serial(0x50, 8) },
      opaque: [
        [22, pdi(8)],
        [26, places],
      ],
      ...changes,
    });
    return { payload: payloadOf(nonce, [gpu, nvswitch]), rootDer: mint.root.der };
  };
}

function payloadOf(nonce: Uint8Array, minted: readonly MintedDevice[]): string {
  return JSON.stringify({ nonce: toHex(nonce), arch: "HOPPER", evidence_list: minted.map(({ entry }) => entry) });
}

const switches: readonly AnswerCase[] = [
  { name: "the switch that the GPU is joined to", ...two(), ...requires("gpu.switches"), gpu: { evidence: joined() } },
  {
    name: "a switch that answers another nonce",
    fails: "gpu.switches",
    ...two(),
    gpu: { evidence: joined({ nonce: new Uint8Array(32) }) },
  },
  {
    name: "a switch that joins no GPU of these",
    fails: "gpu.switches",
    ...two(),
    gpu: { evidence: joined({ opaque: [[22, new Uint8Array(8).fill(8)]] }) },
  },
  {
    name: "a GPU that poses as a switch",
    fails: "gpu.switches",
    ...two({ gpuEvidenceList: (list) => [list[0], { ...list[1], arch: "LS10" }] }),
  },
  {
    name: "no switches, where the policy requires them",
    unmet: "gpu.switches",
    ...two({}, { mode: "ppcie" }),
    ...requires("gpu.switches"),
  },
];

export const gpuFamilies: readonly AnswerFamily[] = [
  { family: "GPUs", cases: present },
  { family: "GPUs' names", cases: named },
  { family: "GPUs, each by itself", cases: devices },
  { family: "GPUs' revocation", cases: revocation },
  { family: "GPUs' manifests", cases: manifests },
  { family: "GPUs' second opinion", cases: opinion },
  { family: "GPUs' switches", cases: switches },
];
