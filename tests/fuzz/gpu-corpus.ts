import { createSimulator, type SimulatedGpus } from "../../packages/simulator/src/index.ts";
import { noVectors, readJsonVector, readVector } from "../support/vectors.ts";

/** Sound inputs about GPUs, by what they are. */
export interface GpuCorpus {
  /** Texts of `nvidia_payload`. */
  readonly payloads: readonly string[];
  /** SPDM request ‖ response. */
  readonly reports: readonly Uint8Array[];
  /** DER, of devices. */
  readonly certificates: readonly Uint8Array[];
  /** Reference manifests, XML. */
  readonly rims: readonly string[];
  /** DER. */
  readonly ocsp: readonly Uint8Array[];
  /** NRAS's answers with their key sets, parsed. */
  readonly opinions: readonly { readonly token: unknown; readonly jwks: unknown }[];
  /** What the minted payloads' GPUs signed. */
  readonly nonce: Uint8Array;
  /** DER roots of the minted inputs. */
  readonly roots: readonly Uint8Array[];
}

interface Payload {
  readonly evidence_list: readonly { readonly certificate: string; readonly evidence: string }[];
}

/** Small ones first: each mutation of a large one costs the time of many. */
const REAL_RIMS = ["1010_0200_882_96005E0001_PROD.swidtag", "NV_GPU_DRIVER_GH100_535.86.09_measurement_mismatch.xml"];

/** Minted inputs, and recorded ones where they are wanted and at hand. */
export async function collectGpuCorpus(nowMs: number, nonceHex: string, options: { readonly recorded: boolean }): Promise<GpuCorpus> {
  const nonce = Uint8Array.from(Buffer.from(nonceHex, "hex"));
  const hopper = gpusOf(nowMs, "HOPPER");
  const blackwell = gpusOf(nowMs, "BLACKWELL");
  const recorded = options.recorded && !noVectors;
  const payloads = await Promise.all([hopper.payload(nonce), blackwell.payload(nonce)]);
  const real = recorded ? [readText("nvidia/evidence/hopper_evidence.json"), readText("nvidia/evidence/switch_evidence_ls10.json")] : [];
  const lists = [...payloads, ...real].map((text) => JSON.parse(text) as Payload | Payload["evidence_list"]);
  const entries = lists.flatMap((payload) => ("evidence_list" in payload ? payload.evidence_list : payload).slice(0, 1));
  const { answer, jwks } = await hopper.nras(nonce);
  return {
    payloads: [...payloads, ...real],
    reports: entries.map(({ evidence }) => Uint8Array.from(Buffer.from(evidence, "base64"))),
    certificates: entries.flatMap(({ certificate }) => certificatesOf(Buffer.from(certificate, "base64").toString())),
    rims: [...hopper.rims, ...blackwell.rims, ...(recorded ? REAL_RIMS.map((name) => readText(`nvidia/rims/${name}`)) : [])],
    ocsp: (await hopper.ocsp(nonce)).slice(0, 3),
    opinions: [{ token: answer, jwks }, ...(recorded ? [recordedOpinion()] : [])],
    nonce,
    roots: [hopper, blackwell].flatMap((gpus) => [gpus.deviceRootDer, gpus.rimRootDer, gpus.nrasRootDer]),
  };
}

function gpusOf(nowMs: number, arch: "HOPPER" | "BLACKWELL"): SimulatedGpus {
  const { gpus } = createSimulator({ nowMs, seed: `fuzz ${arch}`, gpus: { count: 1, arch } });
  if (!gpus) throw new Error("the simulator made no GPUs");
  return gpus;
}

function recordedOpinion(): GpuCorpus["opinions"][number] {
  return {
    token: readJsonVector("venice-2026-04-24/0006_nras.attestation.nvidia.com_v3_attest_gpu.body"),
    jwks: readJsonVector("venice-2026-04-24/0007_nras.attestation.nvidia.com_.well-known_jwks.json.body"),
  };
}

function readText(path: string): string {
  return new TextDecoder().decode(readVector(path));
}

function certificatesOf(chain: string): Uint8Array[] {
  return [...chain.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END/g)].map(([, body]) =>
    Uint8Array.from(Buffer.from(body ?? "", "base64")),
  );
}
