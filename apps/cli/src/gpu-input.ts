import { CollateralError, type Evidence } from "@bauta/attestation";
import { MAX_ANSWER_BYTES } from "./evidence-flags.ts";
import { CommandError, EXIT } from "./exit.ts";
import { readGpuPiece } from "./gpu-piece.ts";
import { readInputFile } from "./input-file.ts";

/** Evidence of GPUs by themselves, and what came along with it. */
export type GpuInputFile = Required<Pick<Evidence, "nvidiaPayload">> & Pick<Evidence, "gpuEndorsements">;

const FORMS = 'NVIDIA\'s {"nonce", "arch", "evidence_list"}, the array of their SDK, the output of nvattest, or a whole attestation answer';

/**
 * Finds the GPU evidence in a file: in NVIDIA's form, as their SDK writes it, or in an attestation answer. What is wrong with
 * a device's evidence is the appraisal's matter; here it must be such a list at all.
 * @throws {CommandError} naming the file and what it is instead; status 2
 */
export async function readGpuInput(path: string): Promise<GpuInputFile> {
  const bytes = await readInputFile(path, MAX_ANSWER_BYTES);
  let text: string;
  let value: unknown;
  try {
    // Also with the byte order mark of Windows' tools, which this leaves out.
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    value = JSON.parse(text);
    // What `jq .nvidia_payload` prints: the payload as a text of JSON.
    if (typeof value === "string") {
      text = value;
      value = JSON.parse(text);
    }
  } catch (error) {
    throw new CommandError(`${path}: not GPU evidence, which is JSON: ${FORMS}`, EXIT.usage, error);
  }
  if (!isObject(value)) throw notEvidence(path);
  if (typeof value["nvidia_payload"] === "string") {
    assertList(path, parse(path, value["nvidia_payload"]));
    const gpuEndorsements = readAlong(path, bytes);
    return { nvidiaPayload: value["nvidia_payload"], ...(gpuEndorsements && { gpuEndorsements }) };
  }
  if ("intel_quote" in value) throw new CommandError(`${path}: this attestation answer has no GPU evidence (nvidia_payload)`, EXIT.usage);
  assertList(path, value);
  return { nvidiaPayload: text };
}

function parse(path: string, payload: string): unknown {
  try {
    return JSON.parse(payload);
  } catch (error) {
    throw new CommandError(`${path}: its nvidia_payload is not JSON`, EXIT.usage, error);
  }
}

function assertList(path: string, value: unknown): void {
  const list = Array.isArray(value) ? (value as unknown[]) : isObject(value) ? (value["evidence_list"] ?? value["evidences"]) : undefined;
  if (!Array.isArray(list)) throw notEvidence(path);
  const other = list.findIndex((entry: unknown) => !isObject(entry) || !("evidence" in entry && "certificate" in entry));
  if (other >= 0)
    throw new CommandError(`${path}: not GPU evidence: entry ${other} of the list has not both "evidence" and "certificate"`, EXIT.usage);
}

/** What an answer brings along of NVIDIA's word on its GPUs. */
function readAlong(path: string, bytes: Uint8Array): Evidence["gpuEndorsements"] {
  try {
    const piece = readGpuPiece({ name: path, bytes });
    return piece?.kind === "endorsements" ? piece.endorsements : undefined;
  } catch (error) {
    throw error instanceof CollateralError ? new CommandError(`${path}: ${error.problem}`, EXIT.usage, error) : error;
  }
}

function notEvidence(path: string): CommandError {
  return new CommandError(`${path}: not GPU evidence: give ${FORMS}`, EXIT.usage);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
