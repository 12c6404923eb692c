import type { Evidence } from "@bauta/attestation";
import type { Command } from "commander";
import { CommandError, EXIT } from "./exit.ts";
import { readInputFile } from "./input-file.ts";

/** As much as a client takes from a server. */
export const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/** What `--policy` takes, in words for a help text. */
export const POLICY_FLAG = "which enclaves are acceptable: a policy file (YAML or JSON), or a built-in one's name";

/** How a person names evidence that was saved before, and the moment to judge it for. */
export interface EvidenceFlags {
  readonly attestation?: string | undefined;
  readonly nonce?: string | undefined;
  readonly collateral?: string | undefined;
  readonly rims?: string | undefined;
  readonly at?: string | undefined;
  readonly trustRoot?: readonly string[] | undefined;
  readonly policy?: string | undefined;
  readonly json?: true | undefined;
}

/**
 * Adds the flags for saved evidence; `--policy` and `--json` too, where the command has not got them yet.
 * @param options.policy false for a command that takes no policy
 */
export function withEvidenceFlags(command: Command, { policy = true }: { readonly policy?: boolean } = {}): Command {
  const has = (flag: string) => command.options.some(({ long }) => long === flag);
  command
    .option("--attestation <file>", "judge a saved answer of /tee/attestation (JSON) instead of asking for one")
    .option("--nonce <hex>", "the nonce that the saved answer was asked with, or that GPUs signed")
    .option("--collateral <path>", "Intel's collateral: a JSON file, or a folder of recorded answers")
    .option("--rims <path>", "NVIDIA's manifests and OCSP answers for GPUs: a file, or a folder, also the collateral's")
    .option("--at <time>", "the moment to judge for, such as 2026-01-31T12:00:00Z; now unless given");
  if (policy && !has("--policy")) command.option("--policy <file>", POLICY_FLAG);
  if (!has("--json")) command.option("--json", "print JSON");
  return command;
}

/**
 * The moment that `--at` names, else now; milliseconds since 1970.
 * @throws {CommandError} when it is no moment; status 2
 */
export function readMoment({ at }: EvidenceFlags): number {
  if (at === undefined) return Date.now();
  const ms = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))?$/.test(at) ? Date.parse(at) : NaN;
  if (!Number.isFinite(ms)) throw new CommandError(`--at ${at}: not a moment; write it as 2026-01-31T12:00:00Z`, EXIT.usage);
  return ms;
}

/**
 * The evidence in a saved answer.
 * @throws {CommandError} naming the file and the member at fault; status 2
 */
export async function readAttestationAnswer(path: string): Promise<Evidence> {
  // Not loaded for a help text.
  const { EvidenceError, parseAttestationAnswer } = await import("@bauta/attestation");
  const bytes = await readInputFile(path, MAX_ANSWER_BYTES);
  let answer: unknown;
  try {
    // Also with the byte order mark of Windows' tools, which this leaves out.
    answer = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new CommandError(`${path}: not an attestation answer, which is JSON`, EXIT.usage, error);
  }
  try {
    return parseAttestationAnswer(answer);
  } catch (error) {
    if (error instanceof EvidenceError) throw new CommandError(`${path}: ${error.message}`, EXIT.usage, error);
    throw error;
  }
}
