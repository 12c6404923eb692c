import { parseBase64 } from "@bauta/protocol";
import type { GpuEndorsements } from "../nvidia/gpu-endorsements.ts";
import { absent, asObject, type JsonObject } from "./answer-members.ts";
import { EvidenceError } from "./evidence-error.ts";

/** Two manifests for each of eight GPUs that have nothing in common. */
const MAX_RIMS = 16;
/** NVIDIA's manifests have about 110,000 characters. */
const MAX_RIM_CHARACTERS = 256 * 1024;
/** Four certificates for each of eight GPUs and eight switches, and for each manifest. */
const MAX_OCSP_ANSWERS = 128;
const MAX_OCSP_BYTES = 16 * 1024;

/**
 * Reads `gpu_endorsements`: NVIDIA's manifests as XML texts and OCSP answers in base64. Members that are not known are
 * ignored; nothing here has been verified.
 * @throws EvidenceError naming the member at fault
 */
export function parseGpuEndorsements(value: unknown): GpuEndorsements | undefined {
  if (absent(value)) return undefined;
  const body = asObject(value, "gpu_endorsements");
  return {
    rims: texts(body, "rims", MAX_RIMS, MAX_RIM_CHARACTERS),
    ocsp: texts(body, "ocsp", MAX_OCSP_ANSWERS, MAX_OCSP_BYTES * 2).map((text, index) => {
      const der = parseBase64(text, MAX_OCSP_BYTES);
      if (!der) throw new EvidenceError(`gpu_endorsements.ocsp[${index}]`, `must be base64 of at most ${MAX_OCSP_BYTES} bytes`);
      return der;
    }),
  };
}

function texts(body: JsonObject, name: string, maxEntries: number, maxCharacters: number): readonly string[] {
  const list = Object.hasOwn(body, name) ? body[name] : undefined;
  const field = `gpu_endorsements.${name}`;
  if (absent(list)) return [];
  if (!Array.isArray(list)) throw new EvidenceError(field, "must be an array");
  if (list.length > maxEntries) throw new EvidenceError(field, `has ${list.length} entries, more than ${maxEntries}`);
  return list.map((text: unknown, index) => {
    if (typeof text !== "string") throw new EvidenceError(`${field}[${index}]`, "must be a string");
    if (text.length > maxCharacters)
      throw new EvidenceError(`${field}[${index}]`, `has ${text.length} characters, more than ${maxCharacters}`);
    return text;
  });
}
