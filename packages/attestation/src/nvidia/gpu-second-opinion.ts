import { printable } from "../dstack/printable.ts";
import { failed, type Finding, notChecked, passed } from "../result.ts";
import type { DeviceAppraisal } from "./appraise-gpu.ts";
import type { GpuEndorsements } from "./gpu-endorsements.ts";
import { type NrasQuestion, verifyNrasAnswer } from "./nras-token.ts";

const ID = "gpu.nras";
const MAX_REASON_CHARACTERS = 640;

/** NVIDIA's opinion beside our own; it never stands in for a check that was not made here. */
export interface OpinionAppraisal {
  readonly finding: Finding;
  /** It is signed under a root that the caller named. */
  readonly simulated: boolean;
}

/** Judges what NVIDIA's service says, and that it says it of these GPUs. */
export async function appraiseSecondOpinion(
  opinion: GpuEndorsements["nras"],
  gpus: readonly DeviceAppraisal[],
  question: NrasQuestion,
): Promise<OpinionAppraisal> {
  if (!opinion)
    return {
      finding: notChecked(ID, "there is no second opinion of NVIDIA's attestation service: it was not asked, or gave none"),
      simulated: false,
    };
  const result = await verifyNrasAnswer(opinion.token, opinion.jwks, question);
  const serials = new Set(gpus.map(({ chain }) => chain.certificates[0]?.serial));
  const judged = new Set(result.gpus.map(({ serial }) => serial));
  const others = result.gpus.length > 0 && (judged.size !== serials.size || ![...judged].every((serial) => serials.has(serial)));
  const reasons = [...result.reasons, ...(others ? ["NRAS judged other GPUs than those of the evidence"] : [])];
  const simulated = result.anchor === "named";
  if (!result.ok || reasons.length > 0)
    return { finding: failed(ID, printable(reasons.join("; ") || "NRAS does not vouch for the GPUs", MAX_REASON_CHARACTERS)), simulated };
  const warnings = [...new Set(result.gpus.flatMap(({ warning }) => warning ?? []))].map((warning) => `; it warns: ${printable(warning)}`);
  const whose = simulated ? "a service under a root that you named (SIMULATED)" : "NVIDIA's attestation service";
  return {
    finding: passed(ID, `${whose} vouches for ${gpus.length === 1 ? "the GPU" : `all ${gpus.length} GPUs`}${warnings.join("")}`),
    simulated,
  };
}
