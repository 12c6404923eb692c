import { readClaims, readStatements } from "./claims.ts";
import { readComposeHash, verifyComposeHash } from "./dstack/compose-hash.ts";
import type { Collateral, Evidence } from "./evidence/evidence.ts";
import { nearestBuild, readMeasurements, REGISTERS, verifyMeasurements } from "./policy/measurements.ts";
import { verifyPckChain } from "./tdx/pck-chain.ts";
import type { Build, Policy } from "./policy/policy.ts";
import { parseQuote, type Quote, QuoteError } from "./tdx/quote.ts";
import { verifyAttestationKeyBinding, verifyQeReportSignature, verifyQuoteSignature } from "./tdx/quote-signature.ts";
import { verifyQuotingEnclave } from "./tdx/quoting-enclave.ts";
import { type RequestNonce, verifyKeyBinding, verifyNonceBinding } from "./binding/report-data-binding.ts";
import { type AttestationResult, failed, type Finding, notChecked, passed } from "./result.ts";
import type { SgxExtension } from "./tdx/sgx-extension.ts";
import { deriveSigningKey, type SigningKey } from "./binding/signing-key.ts";
import { verifyDebugOff } from "./tdx/td-attributes.ts";
import { parseTrustRoots, type TrustRoots } from "./tdx/trust-roots.ts";
import { completeFindings, describeServerClaim } from "./unmade-checks.ts";
import { ORIGIN_IDS, reachVerdict } from "./verdict.ts";

/** What an appraisal works on. Trust roots, policy and time come in as arguments; nothing is fetched. */
export interface AppraisalInput {
  readonly evidence: Evidence;
  /** Intel's collateral. This version reads none; the checks that need it are listed as not made. */
  readonly endorsements?: Collateral | undefined;
  readonly policy: Policy;
  /** From the caller's own request: what the answer says about its nonce is not believed. */
  readonly nonce: RequestNonce;
  /** The moment to judge for, milliseconds since 1970. */
  readonly nowMs: number;
  /** Roots to accept beside Intel's, as DER: simulators. A result that rests on one is `simulated`. */
  readonly trustRoots?: readonly Uint8Array[] | undefined;
}

/**
 * Appraises evidence against a policy. Every check is made and listed, also after one has failed; one that a failed
 * check leaves without meaning is `not-checked` and says why. Bad evidence never throws.
 * @throws RangeError when `nowMs` is not a finite time, CertificateError when a trust root is not a certificate:
 *   both are the caller's faults
 * @see RFC 9334 §8 for the terms
 */
export async function appraise(input: AppraisalInput): Promise<AttestationResult> {
  const { evidence, policy, nonce, nowMs } = input;
  if (!Number.isFinite(nowMs) || Math.abs(nowMs) > MAX_TIME_MS)
    throw new RangeError(`nowMs must be a finite time in milliseconds, not ${nowMs}`);
  const roots = parseTrustRoots(input.trustRoots ?? []);

  // 1. The key that the client would encrypt to, and its address.
  const signing = deriveSigningKey(evidence);
  // 2. The quote's bytes.
  const parsed = readQuote(evidence.quote);
  // 3. Who signed it: quote ← attestation key ← Intel's quoting enclave ← PCK ← root.
  const origin = await verifyOrigin(parsed.quote, roots, nowMs);
  // 4. What it says, which means something only if the signatures hold.
  const doubt = [parsed.finding, ...origin.findings].find((finding) => finding.status !== "pass");
  const contents =
    parsed.quote && !doubt ? await verifyContents(parsed.quote, { evidence, policy, nonce, nowMs, signing }) : skipContents(doubt);
  // 5. What this version does not look at, and what the server says about itself.
  const findings = completeFindings([
    signing.finding,
    parsed.finding,
    ...origin.findings,
    ...contents.findings,
    describeServerClaim(evidence.verified),
  ]);
  // 6. The verdict, and what may be claimed on the strength of it.
  const { build } = contents;
  const verdict = reachVerdict({ findings, policy, build, quote: parsed.quote });
  return {
    ...verdict,
    simulated: origin.simulated,
    claims: doubt || !parsed.quote ? {} : readClaims(parsed.quote, origin.machine, verdict, { signing, build }),
    stated: readStatements(evidence),
    couldRead: [],
    ...(verdict.ok && signing.key && { signingKey: signing.key }),
  };
}

/** The farthest moment that a Date can hold. */
const MAX_TIME_MS = 8.64e15;

const CONTENT_IDS = [
  "nonce.bound",
  "key.bound-to-report-data",
  "td.debug-off",
  ...REGISTERS.map((register) => `measure.${register}` as const),
  "dstack.compose-hash",
] as const;

function readQuote(bytes: Uint8Array): { readonly finding: Finding; readonly quote?: Quote } {
  try {
    const quote = parseQuote(bytes);
    return { finding: passed("tdx.parse", `a TDX quote of version ${quote.version}`), quote };
  } catch (error) {
    if (error instanceof QuoteError) return { finding: failed("tdx.parse", error.message) };
    throw error;
  }
}

interface Origin {
  readonly findings: readonly Finding[];
  readonly simulated: boolean;
  readonly machine?: SgxExtension;
}

async function verifyOrigin(quote: Quote | undefined, roots: TrustRoots, nowMs: number): Promise<Origin> {
  if (!quote)
    return { findings: ORIGIN_IDS.map((id) => notChecked(id, "not checked: the quote cannot be read (tdx.parse)")), simulated: false };
  const chain = await verifyPckChain(quote.pckChain, roots, nowMs);
  const [quoteSignature, keyBinding, reportSignature] = await Promise.all([
    verifyQuoteSignature(quote),
    verifyAttestationKeyBinding(quote),
    verifyQeReportSignature(quote, chain.leaf),
  ]);
  const identity = verifyQuotingEnclave(quote.qeReport, reportSignature);
  return {
    findings: [quoteSignature, keyBinding, reportSignature, chain.finding, identity],
    simulated: chain.simulated,
    ...(chain.machine && { machine: chain.machine }),
  };
}

interface Contents {
  readonly findings: readonly Finding[];
  /** The build that the measurements were compared with. */
  readonly build?: Build;
}

type ContentContext = Pick<AppraisalInput, "evidence" | "policy" | "nonce" | "nowMs"> & { readonly signing: SigningKey };

async function verifyContents(quote: Quote, { evidence, policy, nonce, nowMs, signing }: ContentContext): Promise<Contents> {
  const { report } = quote;
  const measured = readMeasurements(report);
  const compose = await readComposeHash(report, evidence.info);
  const build = nearestBuild(measured, compose.measured, policy, nowMs);
  return {
    findings: [
      verifyNonceBinding(report, nonce, evidence.nonce),
      verifyKeyBinding(report, signing),
      verifyDebugOff(report),
      ...verifyMeasurements(measured, build, policy, nowMs),
      verifyComposeHash(compose, build),
    ],
    ...(build && { build }),
  };
}

function skipContents(doubt: Finding | undefined): Contents {
  const reason = `not checked: nothing proves that an enclave said this, since ${doubt?.id ?? "tdx.parse"} did not pass`;
  return { findings: CONTENT_IDS.map((id) => notChecked(id, reason)) };
}
