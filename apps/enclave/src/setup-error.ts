/** Why an enclave does not start: for the operator, before any prompt exists. */
export class EnclaveSetupError extends Error {
  override readonly name = "EnclaveSetupError";
  readonly code: "invalid-option" | "debuggable-process" | "address-in-use" | "cannot-listen";

  constructor(code: EnclaveSetupError["code"], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
