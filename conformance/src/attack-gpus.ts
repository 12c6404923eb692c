import { createHash } from "node:crypto";
import type { GpuFaults } from "@bauta/simulator";
import type { AttestationAsked, ConformanceCase, Misbehaviour, Scene } from "./case.ts";
import type { JsonObject } from "./relayed-answer.ts";
import { nonceBytes } from "./mint-evidence.ts";

type Change = (genuine: JsonObject, asked: AttestationAsked, scene: Scene) => JsonObject | Promise<JsonObject>;
interface GpuEndorsementsJson {
  readonly rims: readonly string[];
  readonly ocsp: readonly string[];
}

const refused = (id: string, title: string, misbehaviour: Misbehaviour, more: Partial<ConformanceCase> = {}): ConformanceCase => ({
  id: `gpus/${id}`,
  cases: ["11"],
  title,
  expected: "refused",
  gpus: {},
  misbehaviour,
  ...more,
});
/** The gateway changes what the enclave serves. */
const relayed = (id: string, title: string, attest: Change) => refused(id, title, { attest });
/** The machine's host stands between GPUs and enclave, which names in its statement what it was given. */
const hosted = (id: string, title: string, gpuFaults: GpuFaults) => refused(id, title, { gpuFaults });
const endorsements = (genuine: JsonObject) => genuine["gpu_endorsements"] as GpuEndorsementsJson;

/** Evidence of GPUs that is another request's, another machine's, incomplete, or of what NVIDIA did not release. */
export const gpuAttacks: readonly ConformanceCase[] = [
  // What the enclave did not say
  relayed("earlier", "shows the GPU evidence of an hour ago", (genuine, _asked, scene) => ({
    ...genuine,
    nvidia_payload: scene.genuine.earlierAttestation["nvidia_payload"],
  })),
  relayed("unnamed", "has the GPUs sign the client's nonce itself, past the enclave", async (genuine, { nonce }, scene) => ({
    ...genuine,
    nvidia_payload: await scene.genuine.gpus?.payload(nonceBytes(nonce)),
  })),
  relayed(
    "unnamed-statement",
    "has the GPUs sign the client's nonce, and names that in the statement",
    async (genuine, { nonce }, scene) => {
      const payload = await scene.genuine.gpus?.payload(nonceBytes(nonce));
      const statement = JSON.parse(String(genuine["keys"])) as object;
      return {
        ...genuine,
        nvidia_payload: payload,
        keys: JSON.stringify({ ...statement, gpu_evidence_sha256: sha256Hex(String(payload)) }),
      };
    },
  ),
  relayed("stripped", "leaves the GPU evidence out", ({ nvidia_payload: _payload, ...rest }) => rest),
  relayed(
    "stripped-with-statement",
    "leaves out the GPU evidence, and the statement that names it",
    ({ nvidia_payload: _payload, keys: _keys, keys_signature: _signature, ...rest }) => rest,
  ),
  relayed("one-dropped", "drops one of the GPUs", (genuine) => editList(genuine, (list) => list.slice(1))),
  relayed("one-repeated", "shows one GPU in the place of another", (genuine) =>
    editList(genuine, (list) => [...list.slice(0, 1), ...list.slice(0, 1)]),
  ),

  // What the enclave was made to say
  hosted("other-nonce", "has the GPUs sign another nonce than the client's", { gpuEvidence: { nonce: () => new Uint8Array(32) } }),
  hosted("one-other-nonce", "has one of the GPUs sign another nonce than the client's", {
    gpuEvidence: { devices: [1], nonce: () => new Uint8Array(32) },
  }),
  hosted("twice", "gives the enclave one GPU twice", { gpuEvidenceList: (list) => [...list.slice(0, 1), ...list.slice(0, 1)] }),
  hosted("shared-key", "gives the enclave one GPU under two serial numbers", { sharedGpuKeys: ["device", "device-report"] }),
  hosted("missing", "gives the enclave one GPU of two", { gpuEvidenceList: (list) => list.slice(0, 1) }),
  hosted("no-gpus", "gives the enclave a list without GPUs", { gpuEvidenceList: () => [] }),
  hosted("foreign-root", "gives the enclave GPUs under a root of the right name with another key", { foreignGpuRoots: ["device-root"] }),
  hosted("foreign-signer", "signs a GPU's report with a key of its own", { gpuEvidence: { devices: [1], foreignSigner: true } }),
  hosted("other-firmware", "certifies a GPU for another firmware than it runs", {
    gpuEvidence: { devices: [1], certifiedFwid: "ab".repeat(48) },
  }),
  hosted("changed-firmware", "runs firmware on a GPU that NVIDIA did not release", {
    gpuEvidence: { devices: [1], measurements: { 9: "ab".repeat(48) } },
  }),

  // What NVIDIA says
  relayed("manifest-tampered", "changes the manifest that firmware is compared with", (genuine) => {
    const { rims, ocsp } = endorsements(genuine);
    return { ...genuine, gpu_endorsements: { ocsp, rims: rims.map((xml) => xml.replace('active="True"', 'active="False"')) } };
  }),
  relayed("manifests-stripped", "leaves the manifests out", (genuine) => ({
    ...genuine,
    gpu_endorsements: { ...endorsements(genuine), rims: [] },
  })),
  relayed("ocsp-stripped", "leaves the OCSP answers out", (genuine) => ({
    ...genuine,
    gpu_endorsements: { ...endorsements(genuine), ocsp: [] },
  })),
  hosted("manifest-own", "signs a manifest of its own firmware itself", { driverRim: { signer: "stranger" } }),
  hosted("revoked", "goes on with a GPU that NVIDIA has revoked", { ocsp: { device: { status: "revoked" } } }),
  hosted("revoked-above", "goes on with GPUs whose provisioner NVIDIA has revoked", {
    ocsp: { "device-provisioner": { status: "revoked" } },
  }),
  hosted("hold", "goes on with a GPU that NVIDIA has put on hold", { ocsp: { device: { status: "hold" } } }),
  hosted("ocsp-old", "shows OCSP answers of last week", { ocsp: { device: { thisUpdateMs: 0, nextUpdateMs: 1 } } }),
  refused(
    "nras-down",
    "keeps NVIDIA's service from answering, whose opinion the policy requires",
    {},
    {
      gpus: { require: ["gpu.nras"] },
      // The evidence is genuine: what is missing is somebody's word on it.
      refusesGenuine: true,
    },
  ),
];

function sha256Hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function editList(genuine: JsonObject, edit: (list: readonly unknown[]) => readonly unknown[]): JsonObject {
  const payload = JSON.parse(String(genuine["nvidia_payload"])) as { readonly evidence_list: readonly unknown[] };
  return { ...genuine, nvidia_payload: JSON.stringify({ ...payload, evidence_list: edit(payload.evidence_list) }) };
}
