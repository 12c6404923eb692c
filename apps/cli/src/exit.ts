import { createTerminal } from "./terminal.ts";

/** What an exit status says. */
export const EXIT = {
  ok: 0,
  /** It ran, and the outcome is not acceptable: attestation refused, answer not verified, server unreachable. */
  failed: 1,
  /** It could not run as asked: wrong usage, or an input that cannot be read. */
  usage: 2,
} as const;

/** An error with a sentence for a person and a status for a script. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failed, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.exitCode = exitCode;
  }
}

/**
 * Errors that say a given input cannot be used. Told by name, so that asking for help does not load a gateway and an
 * engine first.
 */
const INPUT_ERRORS: ReadonlySet<string> = new Set(["ConfigError", "EngineSetupError", "PolicyError"]);

/** The status that an error ends the command with. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommandError) return error.exitCode;
  const code = codeOf(error);
  if (code === "invalid_option") return EXIT.usage;
  return error instanceof Error && INPUT_ERRORS.has(error.name) ? EXIT.usage : EXIT.failed;
}

/** Shows an error as one sentence; with BAUTA_DEBUG set, where it came from too. */
export async function showError(error: unknown, json: boolean): Promise<void> {
  const message = error instanceof Error ? error.message : String(error);
  const { printable, printableJson } = await import("@bauta/client");
  if (json) {
    process.stdout.write(`${printableJson({ error: { message, code: codeOf(error) } })}\n`);
    return;
  }
  const terminal = createTerminal(process.stderr);
  terminal.line(`${terminal.bad("error:")} ${printable(message)}`);
  if (process.env["BAUTA_DEBUG"] && error instanceof Error) terminal.line(terminal.dim(error.stack ?? ""));
}

function codeOf(error: unknown): string | null {
  const code: unknown = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : null;
}
