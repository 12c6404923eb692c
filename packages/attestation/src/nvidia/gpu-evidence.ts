import { parseBase64 } from "@bauta/protocol";
import { GpuEvidenceError } from "./gpu-evidence-error.ts";
import { MAX_REPORT_BYTES } from "./measurement-report.ts";

export { GpuEvidenceError } from "./gpu-evidence-error.ts";

/** Eight GPUs take about 100,000 characters, and their four switches 40,000. */
export const MAX_PAYLOAD_CHARACTERS = 512 * 1024;
const MAX_GPUS = 8;
const MAX_SWITCHES = 8;
/** NVIDIA's five certificates have 4,900 characters in PEM. */
const MAX_CHAIN_BYTES = 16 * 1024;
const MAX_NONCE_CHARACTERS = 128;

/** As NVIDIA's services name them; LS10 is the switch of a Hopper board. */
const ARCHITECTURES = ["HOPPER", "BLACKWELL", "LS10"] as const;
export type DeviceArch = (typeof ARCHITECTURES)[number];

/** What one device brings; nothing in it has been verified. */
export interface DeviceEvidence {
  /** What the payload says that the device is. */
  readonly arch?: DeviceArch;
  /** PEM, the certificate that signs reports first. */
  readonly certificateChain: string;
  /** SPDM request ‖ response. */
  readonly report: Uint8Array<ArrayBuffer>;
}

/** A machine's devices, in the order of the payload. */
export interface GpuPayload {
  /** What the payload says; the nonces that count are in the reports. */
  readonly nonce?: string;
  readonly gpus: readonly DeviceEvidence[];
  readonly switches: readonly DeviceEvidence[];
}

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads GPU evidence in NVIDIA's `{nonce, arch, evidence_list}` form, as the array that their SDK writes, or as
 * `{evidences, result_code}` of `nvattest collect-evidence`. Members that are not known are ignored.
 * @param json at most {@link MAX_PAYLOAD_CHARACTERS}
 * @throws GpuEvidenceError naming the member at fault
 * @see NVIDIA Remote Attestation Service, `POST /v3/attest/gpu`
 */
export function parseGpuPayload(json: string): GpuPayload {
  if (json.length > MAX_PAYLOAD_CHARACTERS) throw new GpuEvidenceError(`GPU evidence: more than ${MAX_PAYLOAD_CHARACTERS} characters`);
  const value = parseJson(json);
  const payload: JsonObject = Array.isArray(value) ? { evidence_list: value } : asObject(value, "GPU evidence");
  // What a tool says that failed is no evidence of anything.
  const code = own(payload, "result_code") ?? 0;
  if (code !== 0) throw new GpuEvidenceError(`result_code: ${JSON.stringify(code).slice(0, 20)}, so that nothing was collected`);
  const list = own(payload, "evidence_list") ?? own(payload, "evidences");
  if (!Array.isArray(list)) throw new GpuEvidenceError("evidence_list: must be an array of devices");
  if (list.length > MAX_GPUS + MAX_SWITCHES)
    throw new GpuEvidenceError(`evidence_list: ${list.length} devices are more than one machine has`);
  const arch = readArch(payload, "arch");
  const devices = list.map((entry: unknown, index) => readDevice(entry, `evidence_list[${index}]`, arch));
  const gpus = devices.filter((device) => device.arch !== "LS10");
  const switches = devices.filter((device) => device.arch === "LS10");
  if (gpus.length > MAX_GPUS) throw new GpuEvidenceError(`evidence_list: ${gpus.length} GPUs, more than ${MAX_GPUS}`);
  if (switches.length > MAX_SWITCHES) throw new GpuEvidenceError(`evidence_list: ${switches.length} switches, more than ${MAX_SWITCHES}`);
  const nonce = readNonce(payload, list);
  return { gpus, switches, ...(nonce !== undefined && { nonce }) };
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new GpuEvidenceError("GPU evidence: not JSON", { cause });
  }
}

function readDevice(entry: unknown, at: string, fallback: DeviceArch | undefined): DeviceEvidence {
  const device = asObject(entry, at);
  const arch = readArch(device, `${at}.arch`) ?? fallback;
  const chain = readBytes(device, "certificate", at, MAX_CHAIN_BYTES);
  return {
    certificateChain: new TextDecoder().decode(chain),
    report: readBytes(device, "evidence", at, MAX_REPORT_BYTES),
    ...(arch && { arch }),
  };
}

function readArch(of: JsonObject, at: string): DeviceArch | undefined {
  const value = own(of, "arch");
  if (value === undefined || value === null) return undefined;
  const arch = ARCHITECTURES.find((known) => known === value);
  if (!arch) throw new GpuEvidenceError(`${at}: must be one of ${ARCHITECTURES.join(", ")}`);
  return arch;
}

function readBytes(of: JsonObject, name: string, at: string, maxBytes: number): Uint8Array<ArrayBuffer> {
  const value = own(of, name);
  const bytes = typeof value === "string" ? parseBase64(value, maxBytes) : undefined;
  if (!bytes || bytes.length === 0) throw new GpuEvidenceError(`${at}.${name}: must be base64 of 1 to ${maxBytes} bytes`);
  return bytes;
}

/** The payload's own, or the one that all of the SDK's entries name. */
function readNonce(payload: JsonObject, entries: readonly unknown[]): string | undefined {
  const [nonce, ...others] = new Set(
    [payload, ...entries].map((of) => own(of as JsonObject, "nonce")).filter((said) => said !== undefined),
  );
  return typeof nonce === "string" && nonce.length <= MAX_NONCE_CHARACTERS && others.length === 0 ? nonce : undefined;
}

function asObject(value: unknown, at: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new GpuEvidenceError(`${at}: must be a JSON object`);
  return value as JsonObject;
}

function own(of: JsonObject, name: string): unknown {
  return Object.hasOwn(of, name) ? of[name] : undefined;
}
