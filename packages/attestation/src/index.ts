export { appraise, type AppraisalInput } from "./appraise.ts";
export { type AppraisalRequest, type Appraiser, type AppraiserOptions, createAppraiser } from "./appraiser.ts";
export type { KeysClaims } from "./binding/keys-claims.ts";
export type { RequestNonce, TlsBinding } from "./binding/report-data-binding.ts";
export { type Collateral, COLLATERAL_MEMBERS } from "./collateral/collateral.ts";
export { CollateralError, type CollateralErrorCode } from "./collateral/collateral-error.ts";
export { collateralNeed, type CollateralNeed, type PckCa } from "./collateral/collateral-need.ts";
export type { CollateralFile } from "./collateral/collateral-piece.ts";
export { type CollateralDescription, describeCollateral } from "./collateral/describe-collateral.ts";
export { type CollateralSource, type CollateralSourceOptions, createCollateralSource } from "./collateral/fetch-collateral.ts";
export { type CollateralStore, createMemoryStore, type StoredCollateral } from "./collateral/memory-store.ts";
export { type CollateralLibrary, createCollateralLibrary } from "./collateral/offline.ts";
export { parseCollateral, parseCollateralText } from "./collateral/parse-collateral.ts";
export {
  createRollbackMemory,
  isRollbackNumber,
  openRollbackMemory,
  rollbackKey,
  type RollbackMemory,
  type RollbackNumbers,
  type RollbackStore,
} from "./collateral/rollback-memory.ts";
export { INTEL_PCS_URL, INTEL_ROOT_CRL_URL } from "./collateral/service-address.ts";
export { EvidenceError, parseAttestationAnswer } from "./evidence/attestation-answer.ts";
export type { DstackInfo, EventLogEntry, Evidence } from "./evidence/evidence.ts";
export { type CollateralCache, createCollateralCache } from "./tdx/collateral-cache.ts";
export { intelSgxRootCa } from "./tdx/intel-root.ts";
export { parsePemCertificates, PemError } from "./x509/pem.ts";
export { type BuiltInPolicy, builtInPolicies, builtInPolicy } from "./policy/built-in.ts";
export { diffBuild, diffPolicy, type PolicyDifference, type ValueDifference } from "./policy/diff.ts";
export { acceptBuild, assertProven, type BuildLabels, PinError, type PinOptions, pinPolicy, surveyPolicy } from "./policy/pin.ts";
export {
  type Allowances,
  type Build,
  parsePolicy,
  type Policy,
  PolicyError,
  TCB_STATUSES,
  type TcbRules,
  type TcbStatus,
} from "./policy/policy.ts";
export { parsePolicyDocument, type PolicyDocument, readPolicyDocument, SyntaxProblem } from "./policy/policy-document.ts";
export { createPolicySchema } from "./policy/policy-schema.ts";
export { parseQuote, type Quote, QuoteError, type TdReport } from "./tdx/quote.ts";
export { type Reader, READER_IDS, type ReaderId } from "./report/readers.ts";
export { chooseSealing, type Sealing } from "./report/sealing.ts";
export { type Part, type Quoted, type Statement, statementText } from "./report/statement.ts";
export {
  type AttestationResult,
  type AttestationScope,
  type Check,
  CHECK_IDS,
  type CheckId,
  type CheckStatus,
  type Claims,
  type Statements,
} from "./result.ts";
export { GPU_CHECKS, PLATFORM_CHECKS } from "./verdict.ts";
export { parseSgxExtension, type SgxExtension } from "./tdx/sgx-extension.ts";
export { type Certificate, CertificateError, parseCertificate } from "./x509/x509.ts";
export { appraiseGpus, type GpuAppraisal, type GpuInput } from "./nvidia/appraise-gpus.ts";
export { GPU_ARCHS, type GpuRules } from "./nvidia/gpu-rules.ts";
export { createGpuEndorsementSource, type GpuEndorsementSource } from "./nvidia/fetch-gpu-endorsements.ts";
export { parseGpuTrustRoots, type GpuTrustRoots } from "./nvidia/nvidia-roots.ts";
export type { GpuClaim } from "./nvidia/gpu-claim.ts";
export { createGpuMemoryStore, type GpuEndorsements, type GpuEndorsementStore, type StoredGpuPiece } from "./nvidia/gpu-endorsements.ts";
export { type SortedTrustRoots, sortTrustRoots } from "./trust-roots.ts";
export { gpuEndorsementNeed } from "./nvidia/gpu-need.ts";
export { NVIDIA_NRAS_URL, NVIDIA_OCSP_URL, NVIDIA_RIM_URL } from "./nvidia/gpu-service-address.ts";
export { NRAS_ISSUER } from "./nvidia/nras-token.ts";
export { nearestName } from "./policy/nearest-name.ts";
