import { basename } from "node:path";
import { type AppraisalInput, parsePolicy, type Policy, type RollbackMemory } from "@bauta/attestation";
import { protectionOf } from "@bauta/client";
import { backend } from "@bauta/protocol/backend";
import { readAttestationAnswer, readMoment } from "./evidence-flags.ts";
import { CommandError, EXIT } from "./exit.ts";
import { readInputFile } from "./input-file.ts";
import { obtainCollateral } from "./obtain-collateral.ts";
import { obtainGpuEndorsements } from "./obtain-gpu-endorsements.ts";
import { resolvePolicy } from "./policy-file.ts";
import { withProgress } from "./progress.ts";
import { MAX_QUOTE_FILE_BYTES, readQuoteInput } from "./quote-input.ts";
import { readTrustRoots } from "./trust-root-files.ts";
import { checkMode, checkNonce, type VerifyFlags } from "./verify-mode.ts";

/** What is to be judged, and by what. */
export interface VerifyInput {
  readonly appraisal: AppraisalInput;
  /** The model's id or the file. */
  readonly subject: string;
  /** Where collateral, NVIDIA's word on GPUs, and policy came from, for people. */
  readonly collateralFrom: string;
  /** Undefined where there are no GPUs. */
  readonly gpusFrom: string | undefined;
  readonly policyFrom: string;
  /** Takes the numbers of this collateral once they are proven. */
  readonly memory?: RollbackMemory;
}

/** What is judged, before its collateral is at hand. */
type Judged = Pick<AppraisalInput, "scope" | "evidence" | "nonce" | "model"> & Pick<VerifyInput, "subject">;

/**
 * Reads what the flags name: a quote by itself, a saved answer, or a running enclave's answer to a fresh nonce.
 * @param by a policy to judge it by, in place of the flags'
 * @throws {CommandError} naming the flag or file at fault, status 2; one with status 1 when Intel's collateral cannot be
 *   fetched; ClientError when the enclave cannot be asked
 */
export async function readVerifyInput(model: string | undefined, flags: VerifyFlags, by?: Policy): Promise<VerifyInput> {
  checkMode(model, flags);
  const { policy, policyFrom } = by ? { policy: by, policyFrom: "the command's" } : await choosePolicy(flags);
  const nowMs = readMoment(flags);
  const trustRoots = await readTrustRoots(flags.trustRoot ?? []);
  const { subject, ...judged } = await readJudged(model, flags);
  const { endorsements, from: collateralFrom, memory } = await obtainCollateral(judged.evidence, flags);
  // Files that were named are read in any case: what is wrong with them is said.
  const concernsGpus = judged.evidence.nvidiaPayload !== undefined || flags.rims !== undefined;
  const gpus = concernsGpus ? await obtainGpuEndorsements({ ...judged, policy, trustRoots }, flags) : undefined;
  const appraisal = {
    ...judged,
    endorsements,
    gpuEndorsements: gpus?.endorsements,
    policy,
    nowMs,
    trustRoots,
    backend,
    remembered: memory?.remembered,
  };
  return { appraisal, subject, collateralFrom, gpusFrom: gpus?.from, policyFrom, ...(memory && { memory }) };
}

/** The policy that the flags name, and for people where it came from. @throws {CommandError} status 2 */
export async function choosePolicy({ policy, allowUnpinned, quote, gpu }: VerifyFlags): Promise<{ policy: Policy; policyFrom: string }> {
  if (policy !== undefined && allowUnpinned)
    throw new CommandError("--allow-unpinned and --policy contradict each other: give one", EXIT.usage);
  if (policy !== undefined) return { policy: await resolvePolicy(policy), policyFrom: policy };
  if (allowUnpinned) return { policy: parsePolicy({ version: 1, measurements: "any" }), policyFrom: "any measurements (--allow-unpinned)" };
  return {
    policy: parsePolicy({ version: 1, builds: [] }),
    policyFrom:
      gpu !== undefined
        ? "none: any number of GPUs, of any architecture"
        : quote !== undefined
          ? "none: TCB status UpToDate, nothing else"
          : "none: no build is known, so none is acceptable",
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
  if (sealed) checkNonce(query);
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
