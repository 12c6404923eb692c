import {
  type Appraiser,
  type AttestationResult,
  type Check,
  type CheckId,
  type Collateral,
  CollateralError,
  type Evidence,
  EvidenceError,
  type GpuEndorsements,
  parseAttestationAnswer,
  type Policy,
} from "@bauta/attestation";
import { LIMITS, WireError, type WireErrorCode } from "@bauta/protocol";
import { type Askable, EnclaveLinkError } from "./enclave-channel.ts";

/** What an enclave is held against. */
export interface Expectation {
  /** The model that it shall answer for. */
  readonly model: string;
  /** True for `e2ee-*`: such a model takes 32-byte nonces only. */
  readonly sealed: boolean;
  readonly policy: Policy;
  /** Has the trust roots, the collateral and the memory. Its source of GPU endorsements ends by itself: see `withinTime`. */
  readonly appraiser: Appraiser;
  readonly timeoutMs: number;
}

/** An enclave's evidence with what came of appraising it. */
export interface Appraisal {
  /** The answer as the enclave gave it. */
  readonly answer: Readonly<Record<string, unknown>>;
  readonly evidence: Evidence;
  /** What it was appraised with: the enclave's own, or from the gateway's source. */
  readonly endorsements: Collateral | undefined;
  /** The same of its GPUs. */
  readonly gpuEndorsements: GpuEndorsements | undefined;
  readonly result: AttestationResult;
  /** When it was appraised, milliseconds since 1970. */
  readonly atMs: number;
  readonly durationMs: number;
}

/** The enclave answered with an error of its own; the gateway hands it on as it is. */
export class EnclaveRefusal extends Error {
  override readonly name = "EnclaveRefusal";
  readonly code = "enclave_refused";
  readonly status: number;
  readonly body: Buffer;

  constructor(status: number, body: Buffer) {
    super(`the enclave answered with status ${status}`);
    this.status = status;
    this.body = body;
  }
}

/**
 * Asks an enclave for evidence that answers `nonce`, and appraises it.
 * @param link an address, or the one connection that the evidence is to speak for
 * @param nonce the nonce as it goes into the query, not encoded
 * @returns the appraisal, whether or not its result is ok
 * @throws EnclaveLinkError when there is no answer; EnclaveRefusal when it is an error; WireError `attestation_failed`
 * when it is not evidence, or its collateral cannot be had; the cause says which
 */
export async function appraiseEnclave(link: Askable, expected: Expectation, nonce: string, nowMs: () => number): Promise<Appraisal> {
  const query = `model=${encodeURIComponent(expected.model)}&nonce=${encodeURIComponent(nonce)}`;
  const { status, body } = await link.get(`/v1/tee/attestation?${query}`, expected.timeoutMs, LIMITS.attestationAnswerBytes);
  const answer = parseJsonObject(body);
  if (status !== 200) {
    if (!answer || !("error" in answer) || status < 400) throw new EnclaveLinkError("malformed", link.origin);
    throw new EnclaveRefusal(status, body);
  }
  if (!answer) throw new WireError("attestation_failed", { cause: new EnclaveLinkError("malformed", link.origin) });
  const evidence = readEvidence(answer);
  const { appraiser, policy, model, sealed } = expected;
  const request = { evidence, policy, model, nonce: { query: nonce, sealed } };
  const [endorsements, gpuEndorsements] = await Promise.all([
    findEndorsements(appraiser, evidence, expected.timeoutMs),
    appraiser.gpuEndorsements(request),
  ]);
  const startedMs = performance.now();
  const atMs = nowMs();
  const result = await appraiser.appraise({ ...request, endorsements, gpuEndorsements });
  return { answer, evidence, endorsements, gpuEndorsements, result, atMs, durationMs: Math.round(performance.now() - startedMs) };
}

/** Which of the documented errors an appraisal that is not ok amounts to. */
export function refusalCode(checks: readonly Check[]): WireErrorCode {
  const failed = (id: CheckId) => checks.some((check) => check.id === id && check.status === "fail");
  if (failed("nonce.bound") || failed("gpu.nonce")) return "nonce_mismatch";
  return failed("td.debug-off") ? "debug_mode" : "attestation_failed";
}

/** The checks that keep a result from being ok, for a log. */
export function failedChecks(result: AttestationResult): string[] {
  return result.checks.filter((check) => check.status === "fail" || (check.required && check.status !== "pass")).map((check) => check.id);
}

async function findEndorsements(appraiser: Appraiser, evidence: Evidence, timeoutMs: number): Promise<Collateral | undefined> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    // Not on the source's good will alone: a verification that never ends would never be made again.
    const late = new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true }));
    return await Promise.race([appraiser.endorsements(evidence, signal), late]);
  } catch (error) {
    const cause = signal.aborted
      ? new CollateralError("collateral_unreachable", "(whole)", `did not come within ${timeoutMs} ms`, { cause: error })
      : error;
    // Without collateral the enclave is not accepted: that is the gateway's fault, and passes.
    if (cause instanceof CollateralError) throw new WireError("attestation_failed", { cause });
    throw cause;
  }
}

function readEvidence(answer: unknown): Evidence {
  try {
    return parseAttestationAnswer(answer);
  } catch (cause) {
    if (cause instanceof EvidenceError) throw new WireError("attestation_failed", { cause });
    throw cause;
  }
}

function parseJsonObject(body: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
