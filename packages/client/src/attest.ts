import {
  type Appraiser,
  type AttestationResult,
  type Collateral,
  CollateralError,
  type Evidence,
  EvidenceError,
  parseAttestationAnswer,
  type Policy,
} from "@bauta/attestation";
import { type CryptoBackend, LIMITS, protectionOf, toHex } from "@bauta/protocol";
import type { Attestation } from "./attestation.ts";
import { createDeadline } from "./deadline.ts";
import { ClientError } from "./errors.ts";
import type { Transport } from "./http.ts";

/** What an appraisal rests on, beside the evidence. */
export interface AttestOptions {
  readonly transport: Transport;
  readonly backend: CryptoBackend;
  readonly policy: Policy;
  readonly appraiser: Appraiser;
  readonly nowMs: () => number;
  /** For the answer, and again for the collateral where it brings none. */
  readonly timeoutMs: number;
}

/**
 * Asks for evidence with a fresh nonce and appraises it. Evidence that is not acceptable is a result, not an error.
 * @throws {ClientError} of the transport, `evidence_malformed` when the answer holds no evidence to appraise,
 * `collateral_unavailable`, or `timeout` when the source of collateral takes too long
 * @see spec/protocol.md, "Attestation"
 */
export async function attestModel(model: string, options: AttestOptions, signal: AbortSignal | undefined): Promise<Attestation> {
  const { transport, backend, policy, appraiser, nowMs, timeoutMs } = options;
  // 1. A nonce that nobody could have foreseen.
  const nonce = toHex(backend.randomBytes(32));
  // 2. The evidence.
  const answer = await transport.getJson(
    { path: "tee/attestation", query: { model, nonce } },
    { maxBytes: LIMITS.attestationAnswerBytes, timeoutMs, signal },
  );
  const evidence = parseEvidence(answer);
  // 3. The appraisal, by what our own request implies; the answer's nonce, method and verdict are not believed.
  const endorsements = await findEndorsements(evidence, options, signal);
  const attestedAtMs = nowMs();
  const request = { evidence, endorsements, policy, model, nonce: { query: nonce, sealed: protectionOf(model) === "sealed" } };
  const result = await appraiser.appraise(request, signal).catch(rethrowCollateral);
  const modelKey = result.ok ? result.signingKey : undefined;
  return { model, result, modelKey, evidence, nonce, attestedAtMs, expiresMs: endOf(result, policy) };
}

/** However slow a source is, and whether or not it heeds its signal: nobody waits for it longer than for an answer. */
async function findEndorsements(
  evidence: Evidence,
  { appraiser, timeoutMs }: AttestOptions,
  signal: AbortSignal | undefined,
): Promise<Collateral | undefined> {
  const deadline = createDeadline(signal, timeoutMs);
  try {
    return await deadline.race(appraiser.endorsements(evidence, deadline.signal));
  } catch (error) {
    deadline.throwIfStopped("collateral");
    return rethrowCollateral(error);
  } finally {
    deadline.dispose();
  }
}

/** The moment from which what was accepted no longer would be; Infinity where nothing of it ends. */
function endOf({ claims, collateral }: AttestationResult, { builds }: Policy): number {
  const ends = builds.flatMap(({ name, expires }) => (expires !== undefined && name === claims.build ? [Date.parse(expires)] : []));
  // Collateral and keys count up to and with their last millisecond, a build until before it.
  if (collateral) ends.push(collateral.expiresMs + 1);
  if (claims.keys_expire !== undefined) ends.push(Date.parse(claims.keys_expire) + 1);
  return Math.min(...ends, Infinity);
}

function parseEvidence(answer: unknown): Evidence {
  try {
    return parseAttestationAnswer(answer);
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    throw new ClientError("evidence_malformed", error.message, { field: error.field });
  }
}

function rethrowCollateral(error: unknown): never {
  if (!(error instanceof CollateralError)) throw error;
  throw new ClientError("collateral_unavailable", error.message, {}, error.action);
}

/** The error that stops a request whose enclave was not accepted; names the checks that did not pass. */
export function attestationRefused(attestation: Attestation): ClientError {
  const open = attestation.result.checks.filter((check) => check.required && check.status !== "pass");
  const failed = open.filter((check) => check.status === "fail");
  const shown = (failed.length > 0 ? failed : open).slice(0, 3).map((check) => `${check.id}: ${check.reason}`);
  const message = `${attestation.model}: the enclave's evidence is not acceptable, so nothing was sent; ${shown.join("; ") || "no key was attested"}`;
  return new ClientError("attestation_refused", message, { attestation });
}
