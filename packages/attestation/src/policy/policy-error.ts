/** A policy that cannot be used; the message names the field. */
export class PolicyError extends Error {
  override readonly name = "PolicyError";
  readonly code = "policy_invalid";
  readonly action = "fix-request";
  /** Path of the field at fault, such as `builds[1].mrtd`. */
  readonly field: string;
  /** What is wrong with it, without the path. */
  readonly problem: string;
  /** The line of the policy's text that the field stands in, where it was read from text. */
  readonly line: number | undefined;

  constructor(field: string, problem: string, line?: number) {
    super(`policy${line === undefined ? "" : `, line ${line}`}: ${field}: ${problem}`);
    this.field = field;
    this.problem = problem;
    this.line = line;
  }
}
