import { randomBytes } from "node:crypto";
import type { GpuCertificateRole } from "../faults/gpu-certificate-faults.ts";
import { evidenceChanges, type GpuEvidenceEntry } from "../faults/gpu-evidence-faults.ts";
import type { GpuFaults } from "../faults/gpu-faults.ts";
import { createKeyPair, createSecretSource } from "../keys.ts";
import { hexBytes } from "../quote-layout.ts";
import type { GpuModel } from "./gpu-model.ts";
import type { GpuPki } from "./gpu-pki.ts";
import { writeMeasurementReport } from "./measurement-report.ts";
import { OPAQUE, opaqueFields } from "./opaque-data.ts";
import { FWID_BYTES, firmwareId, goldenMeasurements } from "./reference-values.ts";

const NONCE_BYTES = 32;
const CHAIN: readonly GpuCertificateRole[] = ["device-report", "device", "device-provisioner", "device-family", "device-root"];

/** What evidence is minted from. */
export interface SimulatedDevices {
  readonly model: GpuModel;
  readonly count: number;
  readonly pki: GpuPki;
  readonly faults: GpuFaults;
}

/**
 * Mints the evidence of all GPUs over a nonce.
 * @returns the `nvidia_payload` text: `{nonce, arch, evidence_list}`, as NVIDIA's attestation service takes it
 * @throws RangeError when the nonce is not 32 bytes
 */
export function mintGpuPayload(devices: SimulatedDevices, nonce: Uint8Array): string {
  const { model, faults } = devices;
  if (nonce.length !== NONCE_BYTES) throw new RangeError(`a GPU's nonce is ${NONCE_BYTES} bytes, not ${nonce.length}`);
  const list = Array.from({ length: devices.count }, (_, device) => mintEvidence(devices, device, nonce));
  const payload = {
    nonce: Buffer.from(nonce).toString("hex"),
    arch: model.arch,
    evidence_list: faults.gpuEvidenceList?.(list) ?? list,
  };
  const json = JSON.stringify(payload);
  return faults.gpuPayload?.(json) ?? json;
}

function mintEvidence(devices: SimulatedDevices, device: number, nonce: Uint8Array): GpuEvidenceEntry {
  const { model, pki, faults } = devices;
  const changes = evidenceChanges(faults, device);
  const fwid = changes.fwid === undefined ? firmwareId(model) : hexBytes(changes.fwid, FWID_BYTES);
  const opaque = opaqueFields(model, fwid);
  // Blackwell with one GPU and older Hopper drivers do not report it; the mode is in the feature flag as well.
  if (model.arch === "BLACKWELL") opaque.delete(OPAQUE.protectedPcie);
  const report = writeMeasurementReport(
    {
      nonce: changes.nonce?.(nonce) ?? nonce,
      responseNonce: randomBytes(NONCE_BYTES),
      measurements: goldenMeasurements(model).map((golden, index) => {
        const changed = changes.measurements?.[index];
        return changed === undefined ? golden : changed;
      }),
      opaque: changes.opaque?.(opaque) ?? opaque,
    },
    changes.foreignSigner
      ? createKeyPair(createSecretSource(undefined), "stranger", "P-384")
      : pki.certificate("device-report", device).key,
    changes,
  );
  const pem = pki.pem(changes.chain ?? CHAIN, device);
  return {
    certificate: Buffer.from(changes.chainText?.(pem) ?? pem).toString("base64"),
    evidence: report.toString("base64"),
    arch: model.arch,
  };
}
