import { appraiseGpus, sortTrustRoots } from "@bauta/attestation";
import { basename } from "node:path";
import { readMoment } from "./evidence-flags.ts";
import { readGpuInput } from "./gpu-input.ts";
import { type GpuResult, judgeGpus } from "./gpu-result.ts";
import { type ObtainedGpuEndorsements, obtainGpuEndorsements } from "./obtain-gpu-endorsements.ts";
import type { ShownResult } from "./show-result.ts";
import { readTrustRoots } from "./trust-root-files.ts";
import { choosePolicy } from "./verify-input.ts";
import type { VerifyFlags } from "./verify-mode.ts";
import { checkMode, checkNonce } from "./verify-mode.ts";
import { describeMoment } from "./verify-words.ts";

/** A result with what it was reached from; how it is shown is the caller's matter. */
export interface JudgedGpus {
  readonly result: GpuResult;
  readonly shown: Omit<ShownResult, "all">;
}

const ALONE =
  "The GPUs alone were judged: nothing here says whose machine they are in, what runs on it, or who sees a prompt that is sent to it. Any genuine GPU signs any nonce.";

/**
 * Judges GPU evidence by itself.
 * @throws {CommandError} naming the flag or file at fault; status 2
 */
export async function verifyGpus(model: string | undefined, flags: VerifyFlags): Promise<JudgedGpus> {
  checkMode(model, flags);
  const { gpu: path = "", nonce = "", at } = flags;
  checkNonce(nonce);
  const { policy, policyFrom } = await choosePolicy(flags);
  const nowMs = readMoment(flags);
  const trustRoots = await readTrustRoots(flags.trustRoot ?? []);
  const { nvidiaPayload: payload, gpuEndorsements } = await readGpuInput(path);
  const evidence = { quote: new Uint8Array(), signingKey: "", nvidiaPayload: payload, ...(gpuEndorsements && { gpuEndorsements }) };
  const obtained = await obtainGpuEndorsements({ evidence, policy, nonce: { query: nonce, sealed: true }, trustRoots }, flags);
  const appraisal = await appraiseGpus({
    payload,
    nonce: new Uint8Array(Buffer.from(nonce, "hex")),
    endorsements: obtained.endorsements,
    rules: policy.gpu,
    nowMs,
    roots: sortTrustRoots(trustRoots).gpu,
  });
  const result = judgeGpus(appraisal, policy, obtained);
  return {
    result,
    shown: {
      subject: basename(path),
      result: { ...result, pinned: true, debug: false, stated: {}, couldRead: [] },
      basis: [
        ["judged for", describeMoment(nowMs, at !== undefined)],
        ["manifests", obtained.from],
        ["policy", policyFrom],
      ],
      notes: [ALONE, ...describeGaps(result, obtained)],
    },
  };
}

/** What a reader could take for proven though nobody was asked. */
function describeGaps({ ok }: GpuResult, { source, endorsements }: ObtainedGpuEndorsements): string[] {
  if (!ok) return [];
  if (source === "none")
    return [
      "They are genuine, but which firmware they run, and whether NVIDIA has withdrawn them, was not looked at: give --rims, or leave out --offline and --at.",
    ];
  return (endorsements?.ocsp.length ?? 0) > 0
    ? []
    : ["Nothing at hand says whether NVIDIA has withdrawn a certificate: no OCSP answers came with the manifests."];
}
