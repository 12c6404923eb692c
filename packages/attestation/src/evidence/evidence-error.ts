/** An attestation answer that cannot be read as evidence. */
export class EvidenceError extends Error {
  override readonly name = "EvidenceError";
  readonly code = "evidence_malformed";
  readonly action = "stop";
  /** The member of the answer at fault. */
  readonly field: string;

  constructor(field: string, problem: string) {
    super(`attestation answer: ${field}: ${problem}`);
    this.field = field;
  }
}
