import type { GpuFaults } from "../faults/gpu-faults.ts";
import type { SecretSource } from "../keys.ts";
import { mintGpuPayload, type SimulatedDevices } from "./gpu-evidence.ts";
import { gpuModel, type GpuOptions } from "./gpu-model.ts";
import { createGpuPki } from "./gpu-pki.ts";
import { issueSecondOpinion, type SecondOpinion } from "./nras.ts";
import { createOcspResponder } from "./ocsp-responder.ts";
import { driverReferenceValues, vbiosReferenceValues } from "./reference-values.ts";
import { issueRim } from "./rim.ts";

const MAX_GPUS = 8;
const NVIDIA_MANUFACTURER_ID = "5703";

/** The `iss` of tokens, by which verifiers recognise them; it is the root that tells a simulator from NVIDIA's service. */
const NRAS_ISSUER = "https://nras.attestation.nvidia.com";

/** GPUs that do not exist: real formats and real cryptography under roots that nobody trusts by default. */
export interface SimulatedGpus {
  readonly simulated: true;
  readonly count: number;
  /** What the payload and NVIDIA's services call the architecture: HOPPER or BLACKWELL. */
  readonly arch: string;
  readonly driver: string;
  readonly vbios: string;
  /** The roots' certificates, DER: what a verifier has to be told. */
  readonly deviceRootDer: Uint8Array<ArrayBuffer>;
  readonly rimRootDer: Uint8Array<ArrayBuffer>;
  readonly nrasRootDer: Uint8Array<ArrayBuffer>;
  /** Who the tokens of `nras()` say has issued them. */
  readonly nrasIssuer: string;
  /** Mints the evidence of all GPUs over a nonce of 32 bytes, as the text of `nvidia_payload`. */
  payload(nonce: Uint8Array): Promise<string>;
  /** The driver's RIM and the VBIOS's, XML texts. */
  readonly rims: readonly string[];
  /** The same RIMs by the names that a RIM service knows them by. */
  readonly rimsById: ReadonlyMap<string, string>;
  /** OCSP answers, DER, about every certificate that can be withdrawn; with a nonce where one was asked for. */
  ocsp(nonce?: Uint8Array): Promise<Uint8Array<ArrayBuffer>[]>;
  /** Answers one OCSP request, DER for DER, as a responder does. */
  answerOcsp(request: Uint8Array): Promise<Uint8Array<ArrayBuffer>>;
  /** What NVIDIA's attestation service would answer, version 3, and its key set. */
  nras(nonce: Uint8Array): Promise<SecondOpinion>;
}

/**
 * Makes GPUs with their keys and certificates, and all that is said about them.
 * @param now the clock that OCSP answers and tokens are dated by
 * @throws RangeError unless there are one to eight of them
 */
export function createSimulatedGpus(
  secrets: SecretSource,
  options: GpuOptions,
  { nowMs, now, faults }: { readonly nowMs: number; readonly now: () => number; readonly faults: GpuFaults },
): SimulatedGpus {
  const { count = 1 } = options;
  if (!Number.isInteger(count) || count < 1 || count > MAX_GPUS)
    throw new RangeError(`there may be 1 to ${MAX_GPUS} simulated GPUs, not ${count}`);
  const model = gpuModel(options);
  const pki = createGpuPki(secrets, model, nowMs, faults);
  const devices: SimulatedDevices = { model, count, pki, faults };
  const responder = createOcspResponder(devices, secrets, now);
  const stated = { product: model.chip, manufacturerId: NVIDIA_MANUFACTURER_ID };
  const rimsById = new Map([
    [model.driverRimId, issueRim(pki, { ...stated, version: model.driver, measurements: driverReferenceValues(model) }, faults.driverRim)],
    [model.vbiosRimId, issueRim(pki, { ...stated, version: model.vbios, measurements: vbiosReferenceValues(model) }, faults.vbiosRim)],
  ]);
  return {
    simulated: true,
    count,
    arch: model.arch,
    driver: model.driver,
    vbios: model.vbios,
    deviceRootDer: new Uint8Array(pki.trustedRoot("device-root").der),
    rimRootDer: new Uint8Array(pki.trustedRoot("rim-root").der),
    nrasRootDer: new Uint8Array(pki.trustedRoot("nras-root").der),
    nrasIssuer: NRAS_ISSUER,
    payload: async (nonce) => mintGpuPayload(devices, nonce),
    rims: [...rimsById.values()],
    rimsById,
    ocsp: async (nonce) => responder.answers(nonce).map((der) => new Uint8Array(der)),
    answerOcsp: async (request) => new Uint8Array(responder.answer(request)),
    nras: async (nonce) => issueSecondOpinion(devices, { nonce, issuer: NRAS_ISSUER, nowMs: now(), secrets }),
  };
}
