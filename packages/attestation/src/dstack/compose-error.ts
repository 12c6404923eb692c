/** A compose document that this version does not read. What it starts is then not known. */
export class ComposeError extends Error {
  override readonly name = "ComposeError";
  readonly code = "compose_unreadable";
  readonly action = "stop";

  constructor(problem: string) {
    super(`compose document: ${problem}`);
  }
}
