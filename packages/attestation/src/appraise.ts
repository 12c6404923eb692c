import type { CryptoBackend } from "@bauta/protocol";
import { type ContentAppraisal, appraiseContents, skipContents } from "./appraise-contents.ts";
import { deriveSigningKey } from "./binding/signing-key.ts";
import type { RequestNonce } from "./binding/report-data-binding.ts";
import { readClaims, readStatements } from "./claims.ts";
import type { Collateral } from "./collateral/collateral.ts";
import { nameReaders } from "./dstack/could-read.ts";
import type { Evidence } from "./evidence/evidence.ts";
import type { GpuEndorsements } from "./nvidia/gpu-endorsements.ts";
import type { Policy } from "./policy/policy.ts";
import { chooseSealing } from "./report/sealing.ts";
import { statementText } from "./report/statement.ts";
import type { AttestationResult, AttestationScope } from "./result.ts";
import { type CollateralCache, createCollateralCache } from "./tdx/collateral-cache.ts";
import { appraisePlatform, type Platform } from "./tdx/platform.ts";
import { type SortedTrustRoots, sortTrustRoots } from "./trust-roots.ts";
import { completeFindings, describeServerClaim } from "./unmade-checks.ts";
import { reachVerdict } from "./verdict.ts";

/** What an appraisal works on. Trust roots, policy, time and memory come in as arguments; nothing is fetched. */
export interface AppraisalInput {
  readonly evidence: Evidence;
  /** Intel's collateral for the machine. Without it the checks that need it are not made, and nothing is ok. */
  readonly endorsements?: Collateral | undefined;
  /** NVIDIA's manifests, OCSP answers and second opinion for the GPUs. Without them the checks that need them are not made. */
  readonly gpuEndorsements?: GpuEndorsements | undefined;
  readonly policy: Policy;
  /** From the caller's own request: what the answer says about its nonce is not believed. Not needed for a platform. */
  readonly nonce?: RequestNonce | undefined;
  /** The model that the caller asked for, which a keys statement has to name. */
  readonly model?: string | undefined;
  /** The moment to judge for, milliseconds since 1970. */
  readonly nowMs: number;
  /** Roots to accept beside Intel's and NVIDIA's, as DER: simulators. A result that rests on one is `simulated`. */
  readonly trustRoots?: readonly Uint8Array[] | undefined;
  /** `"enclave"` unless given; `"platform"` judges `evidence.quote` alone. */
  readonly scope?: AttestationScope | undefined;
  /** The highest number seen so far of a piece of collateral; see `RollbackMemory`. */
  readonly remembered?: ((key: string) => bigint | undefined) | undefined;
  /** Spares the verification of collateral that was verified before. */
  readonly cache?: CollateralCache | undefined;
  /** Finds the key behind a signature. Without one a keys statement is not checked. */
  readonly backend?: CryptoBackend | undefined;
}

/**
 * Appraises evidence against a policy. Every check is made and listed, also after one has failed; one that a failed
 * check leaves without meaning is `not-checked` and says why. Bad evidence never throws.
 * @throws RangeError when `nowMs` is not a finite time, CertificateError when a trust root is not a certificate,
 *   TypeError when an enclave is to be appraised without the caller's nonce: all are the caller's faults
 * @see spec/verification.md, and RFC 9334 §8 for the terms
 */
export async function appraise(input: AppraisalInput): Promise<AttestationResult> {
  const { evidence, policy, nonce, nowMs, scope = "enclave" } = input;
  if (!Number.isFinite(nowMs) || Math.abs(nowMs) > MAX_TIME_MS)
    throw new RangeError(`nowMs must be a finite time in milliseconds, not ${nowMs}`);
  if (scope === "enclave" && !nonce) throw new TypeError("nonce: an enclave is appraised for the nonce of the caller's own request");
  const roots = sortTrustRoots(input.trustRoots ?? []);
  const appraiseQuote = platformAppraisal(input, roots);

  // 1. The key that the client would encrypt to, and its address.
  const signing = deriveSigningKey(evidence);
  // 2. The machine: who signed the quote, whether Intel vouches for it, whether the TD is shut against its host.
  //    A compose manager's second quote goes the same way.
  const [platform, manager] = await Promise.all([
    appraiseQuote(evidence.quote),
    evidence.composeManager && scope === "enclave" ? appraiseQuote(evidence.composeManager.quote) : undefined,
  ]);
  // 3. What the quote says, which means something only if the machine is genuine: nonce, key, measurements, what was
  //    booted, and the GPUs that the enclave says are its own.
  const { quote, doubt } = platform;
  const contents: ContentAppraisal =
    quote && !doubt
      ? await appraiseContents(quote, { ...input, scope, signing, platform, manager, gpuRoots: roots.gpu })
      : skipContents(doubt?.id ?? "tdx.parse", scope, signing);
  // 4. What this version does not look at, and what the server says about itself.
  const findings = completeFindings([...platform.findings, ...contents.findings, describeServerClaim(evidence.verified)]);
  // 5. The verdict, what may be claimed on the strength of it, and who could read all the same.
  const verdict = reachVerdict({ findings, policy, scope, build: contents.build, quote });
  const simulated = platform.simulated || contents.gpus?.simulated === true;
  const sealing = scope === "enclave" ? chooseSealing(policy, nonce?.sealed === true ? "messages" : "none") : undefined;
  const readers = sealing ? nameReaders({ ...contents, ...verdict, findings, simulated, sealing }) : [];
  return {
    ...verdict,
    scope,
    simulated,
    claims: readClaims({ platform, contents, verdict, signing }),
    stated: readStatements(evidence),
    readers,
    couldRead: readers.map(statementText),
    ...(sealing && { sealing }),
    ...(platform.collateral && { collateral: platform.collateral }),
    ...(verdict.ok && scope === "enclave" && signing.key && { signingKey: signing.key }),
    ...(verdict.ok && contents.keys?.hpkeKeyConfig && { hpkeKeyConfig: contents.keys.hpkeKeyConfig }),
  };
}

/** The farthest moment that a Date can hold. */
const MAX_TIME_MS = 8.64e15;

/** Judges quotes by the same rules, and their common collateral once. */
function platformAppraisal(input: AppraisalInput, { platform: roots }: SortedTrustRoots): (quote: Uint8Array) => Promise<Platform> {
  const { endorsements, policy, nowMs, remembered, cache = createCollateralCache() } = input;
  return (quote) => appraisePlatform({ quote, endorsements, tcb: policy.tcb, allow: policy.allow, nowMs, roots, remembered, cache });
}
