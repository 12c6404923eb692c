import { appraise } from "../../packages/attestation/src/appraise.ts";
import { parseAttestationAnswer } from "../../packages/attestation/src/evidence/attestation-answer.ts";
import { appraiseGpuEvidence } from "../../packages/attestation/src/nvidia/appraise-gpu-evidence.ts";
import { parseGpuTrustRoots } from "../../packages/attestation/src/nvidia/nvidia-roots.ts";
import { parsePolicy } from "../../packages/attestation/src/policy/policy.ts";
import { parseHex } from "../../packages/protocol/src/index.ts";

/** Everything that the evidence shows, each time from the text of the payload. */
function evidence({ payload, nonceHex, nowMs, rims = [] }, expected) {
  const roots = parseGpuTrustRoots();
  const nonce = parseHex(nonceHex, 32);
  return async () => {
    const { findings, claims } = await appraiseGpuEvidence({ payload, nonce, nowMs, rims, roots, rules: { allow_hold: false } });
    const failed = findings.find(({ status }) => status === "fail");
    if (failed || claims.gpus?.length !== expected) throw new Error(failed?.reason ?? "no verdict");
  };
}

export const one = async ({ one }) => evidence(one, 1);
export const manifest = async ({ manifest }) => evidence(manifest, 1);
export const eight = async ({ eight }) => evidence(eight, 8);

/** The answer as it was parsed from its JSON: quote and collateral, event log, compose document, eight GPUs. */
export async function whole({ whole: { answer, endorsements, nonceHex, nowMs } }) {
  const policy = parsePolicy({ version: 1, measurements: "any", gpu: { count: 8 }, require: ["gpu.fwid", "eventlog.replay"] });
  return async () => {
    const { ok, checks } = await appraise({
      evidence: parseAttestationAnswer(answer),
      endorsements,
      policy,
      nonce: { query: nonceHex, sealed: true },
      nowMs,
    });
    if (!ok) throw new Error(checks.find(({ required, status }) => required && status !== "pass")?.reason);
  };
}
