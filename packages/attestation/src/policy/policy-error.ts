/** A policy that cannot be used; the message names the field. */
export class PolicyError extends Error {
  override readonly name = "PolicyError";
  readonly code = "policy_invalid";
  readonly action = "fix-request";
  /** Path of the field at fault, such as `builds[1].mrtd`. */
  readonly field: string;
  /** What is wrong with it, without the path. */
  readonly problem: string;

  constructor(field: string, problem: string) {
    super(`policy: ${field}: ${problem}`);
    this.field = field;
    this.problem = problem;
  }
}
