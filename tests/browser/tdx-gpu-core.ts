// What a page loads to appraise a machine and its GPUs: quote, collateral, evidence, manifests.
export { appraiseGpuEvidence } from "../../packages/attestation/src/nvidia/appraise-gpu-evidence.ts";
export { appraisePlatform } from "../../packages/attestation/src/tdx/platform.ts";
