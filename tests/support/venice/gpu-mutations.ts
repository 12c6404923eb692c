import { createSimulator, type GpuFaults } from "../../../packages/simulator/src/index.ts";
import type { Json } from "../venice-capture.ts";
import { answer, flipped, mutation, type Mutation, strictPolicy } from "./mutation.ts";

/** One GPU of the recorded payload: its PEM chain and its report, both in base64. */
interface GpuEntry {
  readonly arch: string;
  readonly certificate: string;
  readonly evidence: string;
}

/** What the recorded payload holds. */
interface GpuPayloadJson {
  readonly nonce: string;
  readonly arch: string;
  readonly evidence_list: readonly GpuEntry[];
}

/** Changes the text of `nvidia_payload`. */
export function gpuPayload(edit: (payload: string) => string): Mutation["change"] {
  return answer((body: Json) => (body["nvidia_payload"] = edit(String(body["nvidia_payload"]))));
}

/** Changes the list of GPUs. */
export function gpuList(edit: (list: readonly GpuEntry[]) => readonly GpuEntry[]): Mutation["change"] {
  return gpuPayload((text) => {
    const payload = JSON.parse(text) as GpuPayloadJson;
    return JSON.stringify({ ...payload, evidence_list: edit(payload.evidence_list) });
  });
}

/** Changes one GPU's entry. @param at which one, from 0 */
export function gpu(at: number, edit: (entry: GpuEntry, list: readonly GpuEntry[]) => Partial<GpuEntry>): Mutation["change"] {
  return gpuList((list) => list.map((entry, index) => (index === at ? { ...entry, ...edit(entry, list) } : entry)));
}

/** Flips a bit of what base64 holds. @param offset counted from the end if negative */
export function flippedBase64(base64: string, offset: number): string {
  const bytes = Buffer.from(base64, "base64");
  return Buffer.from(flipped(bytes, offset < 0 ? bytes.length + offset : offset)).toString("base64");
}

/** Flips a bit in the DER of one certificate of a chain, the report's own being number 0. */
function flippedCertificate(chain: string, number: number, offset: number): string {
  const pems = Buffer.from(chain, "base64")
    .toString()
    .split(/(?=-----BEGIN)/);
  const changed = pems.map((pem, index) => {
    if (index !== number) return pem;
    const base64 = pem.replace(/-----[A-Z ]+-----|\s/g, "");
    return `-----BEGIN CERTIFICATE-----\n${flippedBase64(base64, offset)}\n-----END CERTIFICATE-----\n`;
  });
  return Buffer.from(changed.join("")).toString("base64");
}

/** Offsets in a report: the request's nonce, the first measurement's value; the signature is the last 96 bytes. */
const NONCE_AT = 4;
const MEASUREMENT_AT = 60;
const SIGNATURE_FROM_END = -96;

const SIGNATURE = "gpu.report-signature";
const CHAIN = "gpu.cert-chain";
const PRESENT = "gpu.present";

const evidence = (name: string, at: number, offset: number, more: Partial<Mutation> = {}): Mutation =>
  mutation(
    name,
    SIGNATURE,
    gpu(at, (entry) => ({ evidence: flippedBase64(entry.evidence, offset) })),
    {
      says: new RegExp(`GPU ${at}:`),
      ...more,
    },
  );
const certificate = (name: string, at: number, number: number, offset: number, more: Partial<Mutation> = {}): Mutation =>
  mutation(
    name,
    CHAIN,
    gpu(at, (entry) => ({ certificate: flippedCertificate(entry.certificate, number, offset) })),
    {
      says: new RegExp(`GPU ${at}:`),
      ...more,
    },
  );

const DEVICES: readonly Mutation[] = [
  evidence("a bit of a GPU's measurement", 2, MEASUREMENT_AT),
  evidence("a bit of a GPU's signature", 5, SIGNATURE_FROM_END),
  evidence("the last bit of a GPU's signature", 7, -1),
  evidence("a bit of a GPU's opaque data", 1, SIGNATURE_FROM_END - 8),
  evidence("a bit of the nonce that a GPU signed", 0, NONCE_AT, {
    also: ["gpu.nonce"],
    why: "the report is not the one that was signed, and it answers another nonce",
  }),
  mutation(
    "a report that ends early",
    PRESENT,
    gpu(3, ({ evidence }) => ({ evidence: evidence.slice(0, -4) })),
    { says: /GPU 3: report/ },
  ),
  mutation(
    "another GPU's report in the place of a GPU's own",
    SIGNATURE,
    gpu(0, (_, list) => ({ evidence: list[1]?.evidence ?? "" })),
    {
      says: /GPU 0:/,
    },
  ),
  certificate("a bit of a device certificate's signature", 4, 1, -1),
  certificate("a bit of the shared provisioner's certificate, in one chain", 6, 2, -1),
  certificate("a bit of the root, in one chain", 0, 4, -1, { says: /GPU 0: .*nor a root that you named/ }),
  mutation(
    "another GPU's chain in the place of a GPU's own",
    PRESENT,
    gpu(0, (_, list) => ({ certificate: list[1]?.certificate ?? "" })),
    {
      also: [SIGNATURE],
      why: "the chain makes it a GPU that is there already, and its key did not sign this report",
    },
  ),
  mutation(
    "GPUs that are said to be Blackwells",
    CHAIN,
    gpuPayload((text) => text.replaceAll('"HOPPER"', '"BLACKWELL"')),
    {
      says: /those of a HOPPER/,
    },
  ),
];

const SETS: readonly Mutation[] = [
  mutation(
    "one GPU twice",
    PRESENT,
    gpuList((list) => [...list.slice(0, 7), ...list.slice(0, 1)]),
    { says: /GPU 7 is GPU 0 again/ },
  ),
  mutation(
    "one GPU dropped",
    PRESENT,
    gpuList((list) => list.slice(1)),
    { says: /of 7 GPUs, and the policy asks for 8/ },
  ),
  mutation(
    "all GPUs dropped",
    PRESENT,
    gpuList(() => []),
    { says: /of no GPU/ },
  ),
  mutation(
    "nine GPUs",
    PRESENT,
    gpuList((list) => [...list, ...list.slice(0, 1)]),
    { says: /9 GPUs, more than 8/ },
  ),
  mutation(
    "seventeen devices",
    PRESENT,
    gpuList((list) => [...list, ...list, ...list.slice(0, 1)]),
    {
      says: /17 devices are more than one machine has/,
    },
  ),
  mutation(
    "GPU evidence that is empty",
    PRESENT,
    gpuPayload(() => ""),
    { says: /no GPU evidence/ },
  ),
  mutation(
    "GPU evidence that is not JSON",
    PRESENT,
    gpuPayload((text) => text.slice(0, -1)),
    { says: /not JSON/ },
  ),
  mutation(
    "no GPU evidence, where the policy asks for GPUs",
    PRESENT,
    answer((body) => delete body["nvidia_payload"]),
    {
      says: /no GPU evidence, and the policy asks for 8/,
    },
  ),
  mutation("a policy for Blackwells", PRESENT, () => ({ policy: strictPolicy({}, { gpu: { archs: ["BLACKWELL"], allow_hold: false } }) }), {
    says: /GPU 0 is a HOPPER/,
  }),
  mutation("a policy for one GPU", PRESENT, () => ({ policy: strictPolicy({}, { gpu: { count: 1, allow_hold: false } }) })),
];

/** One of the GPUs becomes a simulated one of this fault; its root is named. */
function simulatedGpu(name: string, owner: Mutation["owner"], faults: GpuFaults, more: Partial<Mutation> = {}): Mutation {
  return mutation(name, owner, simulated(faults), more);
}

export function simulated(faults: GpuFaults = {}): Mutation["change"] {
  return async (capture) => {
    const { gpus } = createSimulator({ nowMs: capture.nowMs, seed: "one GPU of eight", gpus: { mode: "ppcie" }, faults });
    if (!gpus) throw new Error("the simulator made no GPUs");
    const minted = JSON.parse(await gpus.payload(Buffer.from(capture.nonce.query, "hex"))) as GpuPayloadJson;
    const change = gpuList((list) => [...list.slice(0, 7), ...minted.evidence_list]);
    return { ...(await change(capture)), trustRoots: [gpus.deviceRootDer] };
  };
}

const SIMULATED: readonly Mutation[] = [
  simulatedGpu(
    "a simulated GPU that signs for another's firmware",
    "gpu.fwid",
    { gpuEvidence: { fwid: "ab".repeat(48) } },
    {
      says: /GPU 7: the report names another firmware/,
    },
  ),
  simulatedGpu(
    "a simulated GPU that answers another nonce",
    "gpu.nonce",
    { gpuEvidence: { nonce: () => new Uint8Array(32) } },
    {
      says: /GPU 7: /,
    },
  ),
];

/** The eight GPUs' evidence changed, or what is asked of them. */
export const GPU_MUTATIONS: readonly Mutation[] = [...DEVICES, ...SETS, ...SIMULATED];
