/** GPU evidence that is not what this project reads: a payload, or one device's report. */
export class GpuEvidenceError extends Error {
  override readonly name = "GpuEvidenceError";
  readonly code = "gpu_evidence_malformed";
  readonly action = "stop";
}
