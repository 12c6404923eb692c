import { appraise, type AttestationResult, type Policy } from "@bauta/attestation";
import { basename } from "node:path";
import { CommandError, EXIT } from "./exit.ts";
import { readVerifyInput } from "./verify-input.ts";
import type { VerifyFlags } from "./verify-mode.ts";

/** Which enclave is meant: the flags of `bauta verify`, but for those that say by what to judge it. */
export type SubjectFlags = Omit<VerifyFlags, "quote" | "gpu" | "policy" | "allowUnpinned">;

/** An enclave that was appraised: one that answered just now, or one whose answer was saved. */
export interface Subject {
  readonly result: AttestationResult;
  /** The model's id, or the file. */
  readonly name: string;
  /** Where its evidence comes from, in words. */
  readonly source: string;
  /** The server that was asked, if one was. */
  readonly host: string | undefined;
  /** The moment that it was judged for, milliseconds since 1970. */
  readonly nowMs: number;
}

/**
 * Appraises the enclave that is meant, under a policy of the caller's.
 * @param model the one to ask for, unless the flags name a saved answer
 * @throws what reading evidence and collateral throws; {CommandError} when no enclave is meant
 */
export async function appraiseSubject(model: string | undefined, flags: SubjectFlags, policy: Policy): Promise<Subject> {
  if (model === undefined && flags.attestation === undefined)
    throw new CommandError("no enclave: name a model, or a saved answer with --attestation", EXIT.usage);
  const { appraisal, memory } = await readVerifyInput(model, flags, policy);
  const result = await appraise(appraisal);
  if (result.collateral) await memory?.note(result.collateral.numbers);
  const { nowMs, evidence } = appraisal;
  const { attestation, baseUrl } = flags;
  if (model === undefined) {
    const file = basename(attestation ?? "");
    return { result, name: evidence.model ?? file, source: `attestation answer saved in ${file}`, host: undefined, nowMs };
  }
  const { host } = new URL(baseUrl ?? process.env["BAUTA_BASE_URL"] ?? "");
  return { result, name: model, source: `attestation answer of ${host} for ${model}`, host, nowMs };
}
