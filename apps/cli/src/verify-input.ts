import { basename } from "node:path";
import { type AppraisalInput, parsePolicy, type Policy, type RollbackMemory } from "@bauta/attestation";
import { protectionOf } from "@bauta/client";
import { backend } from "@bauta/protocol/backend";
import type { ConnectionFlags } from "./connection-flags.ts";
import { type EvidenceFlags, readAttestationAnswer, readMoment } from "./evidence-flags.ts";
import { CommandError, EXIT } from "./exit.ts";
import { readInputFile } from "./input-file.ts";
import { type CollateralFlags, obtainCollateral } from "./obtain-collateral.ts";
import { resolvePolicy } from "./policy-file.ts";
import { withProgress } from "./progress.ts";
import { MAX_QUOTE_FILE_BYTES, readQuoteInput } from "./quote-input.ts";
import { readTrustRoots } from "./trust-root-files.ts";

export interface VerifyFlags
  extends EvidenceFlags, Omit<CollateralFlags, keyof EvidenceFlags>, Pick<ConnectionFlags, "baseUrl" | "apiKey" | "allowUnpinned"> {
  readonly quote?: string;
}

/** What is to be judged, and by what. */
export interface VerifyInput {
  readonly appraisal: AppraisalInput;
  /** The model's id or the file. */
  readonly subject: string;
  /** Where collateral and policy came from, for people. */
  readonly collateralFrom: string;
  readonly policyFrom: string;
  /** Takes the numbers of this collateral once they are proven. */
  readonly memory?: RollbackMemory;
}

/** What is judged, before its collateral is at hand. */
type Judged = Pick<AppraisalInput, "scope" | "evidence" | "nonce" | "model"> & Pick<VerifyInput, "subject">;

/**
 * Reads what the flags name: a quote by itself, a saved answer, or a running enclave's answer to a fresh nonce.
 * @throws {CommandError} naming the flag or file at fault, status 2; one with status 1 when Intel's collateral cannot be
 *   fetched; ClientError when the enclave cannot be asked
 */
export async function readVerifyInput(model: string | undefined, flags: VerifyFlags): Promise<VerifyInput> {
  checkMode(model, flags);
  const { policy, policyFrom } = await choosePolicy(flags);
  const nowMs = readMoment(flags);
  const trustRoots = await readTrustRoots(flags.trustRoot ?? []);
  const { subject, ...judged } = await readJudged(model, flags);
  const { endorsements, from: collateralFrom, memory } = await obtainCollateral(judged.evidence, flags);
  const appraisal = { ...judged, endorsements, policy, nowMs, trustRoots, backend, remembered: memory?.remembered };
  return { appraisal, subject, collateralFrom, policyFrom, ...(memory && { memory }) };
}

/** @throws {CommandError} when nothing is to be verified, or two things are */
function checkMode(model: string | undefined, { quote, attestation, nonce }: VerifyFlags): void {
  const named = [
    model !== undefined && `the model ${model}`,
    quote !== undefined && "--quote",
    attestation !== undefined && "--attestation",
  ].filter((name) => name !== false);
  if (named.length === 0)
    throw new CommandError(
      "nothing to verify: name a model, or give --quote or --attestation (bauta verify --help has examples)",
      EXIT.usage,
    );
  if (named.length > 1) throw new CommandError(`${named.join(" and ")} are different things to verify: give one of them`, EXIT.usage);
  if (attestation !== undefined && nonce === undefined)
    throw new CommandError("--attestation needs --nonce: the nonce that the answer was asked with", EXIT.usage);
  if (attestation === undefined && nonce !== undefined)
    throw new CommandError(
      quote === undefined
        ? "--nonce is for --attestation: a running enclave is asked with a fresh nonce"
        : "--nonce is for --attestation: --quote judges the platform alone",
      EXIT.usage,
    );
}

async function choosePolicy({ policy, allowUnpinned, quote }: VerifyFlags): Promise<{ policy: Policy; policyFrom: string }> {
  if (policy !== undefined && allowUnpinned)
    throw new CommandError("--allow-unpinned and --policy contradict each other: give one", EXIT.usage);
  if (policy !== undefined) return { policy: await resolvePolicy(policy), policyFrom: policy };
  if (allowUnpinned) return { policy: parsePolicy({ version: 1, measurements: "any" }), policyFrom: "any measurements (--allow-unpinned)" };
  return {
    policy: parsePolicy({ version: 1, builds: [] }),
    policyFrom: quote === undefined ? "none: no build is known, so none is acceptable" : "none: TCB status UpToDate, nothing else",
  };
}

async function readJudged(model: string | undefined, flags: VerifyFlags): Promise<Judged> {
  if (model !== undefined) return askEnclave(model, flags);
  if (flags.quote !== undefined) {
    const subject = basename(flags.quote);
    const quote = readQuoteInput(await readInputFile(flags.quote, MAX_QUOTE_FILE_BYTES), flags.quote);
    return { subject, scope: "platform", evidence: { quote, signingKey: "" } };
  }
  const { attestation = "", nonce: query = "" } = flags;
  const evidence = await readAttestationAnswer(attestation);
  // Says only which forms of a nonce the model takes; without a name, the fewest.
  const sealed = evidence.model === undefined || protectionOf(evidence.model) === "sealed";
  if (sealed && !/^[0-9a-fA-F]{64}$/.test(query))
    throw new CommandError(`--nonce: a nonce has 64 hex digits, and this has ${query.length} characters`, EXIT.usage);
  return { subject: basename(attestation), scope: "enclave", evidence, nonce: { query, sealed } };
}

/** Asks a running enclave with a fresh nonce. */
async function askEnclave(model: string, { baseUrl, apiKey }: VerifyFlags): Promise<Judged> {
  const { connectToAsk } = await import("./connect.ts");
  // Judged below by the caller's policy and collateral; the client's own appraisal does not count here.
  const client = connectToAsk({ baseUrl, apiKey });
  const { evidence, nonce } = await withProgress(`asking ${model} for evidence`, client.attest(model));
  return { subject: model, scope: "enclave", evidence, model, nonce: { query: nonce, sealed: protectionOf(model) === "sealed" } };
}
