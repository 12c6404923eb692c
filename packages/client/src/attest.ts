import {
  type AppraisalRequest,
  type Appraiser,
  assertProven,
  type AttestationResult,
  type Collateral,
  CollateralError,
  diffBuild,
  type Evidence,
  EvidenceError,
  parseAttestationAnswer,
  PinError,
  type Policy,
  type PolicyDifference,
} from "@bauta/attestation/on-demand";
import { type CryptoBackend, LIMITS, protectionOf, toHex } from "@bauta/protocol";
import type { Attestation } from "./attestation.ts";
import { createDeadline, raceAbort } from "./deadline.ts";
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

/** How often an attestation is asked for, and the pause before it is asked for again, which doubles. */
const ATTEMPTS = 3;
const PAUSE_MS = 250;

/**
 * Asks for evidence with a fresh nonce and appraises it. Gateways answer 502 where an enclave was slow to prove itself:
 * then it is asked for again, under another nonce; nothing of a conversation is in such a request. Evidence that is not
 * acceptable is a result, not an error.
 * @throws {ClientError} of the transport, `evidence_malformed` when the answer holds no evidence to appraise,
 * `collateral_unavailable`, or `timeout` when the source of collateral takes too long
 * @see spec/protocol.md, "Attestation"
 */
export async function attestModel(model: string, options: AttestOptions, signal: AbortSignal | undefined): Promise<Attestation> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attestOnce(model, options, signal);
    } catch (error) {
      if (attempt === ATTEMPTS || !isPassing(error)) throw error;
      await pause(PAUSE_MS * 2 ** (attempt - 1), signal);
    }
  }
}

function isPassing(error: unknown): boolean {
  const server = error instanceof ClientError ? error.details.server : undefined;
  return server?.status === 502 && server.code !== "debug_mode";
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await (signal ? raceAbort(over, signal) : over);
  } finally {
    clearTimeout(timer);
  }
}

async function attestOnce(model: string, options: AttestOptions, signal: AbortSignal | undefined): Promise<Attestation> {
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
  const question = { evidence, policy, model, nonce: { query: nonce, sealed: protectionOf(model) === "sealed" } };
  const [endorsements, gpuEndorsements] = await Promise.all([
    findEndorsements(evidence, options, signal),
    findGpuEndorsements(question, options, signal),
  ]);
  const attestedAtMs = nowMs();
  const result = await appraiser.appraise({ ...question, endorsements, gpuEndorsements }, signal).catch(rethrowCollateral);
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

/** As for collateral; but what cannot be had in time is left out, and is missed only where the policy asks for it. */
async function findGpuEndorsements(
  request: Pick<AppraisalRequest, "evidence" | "policy" | "nonce">,
  { appraiser, timeoutMs }: AttestOptions,
  signal: AbortSignal | undefined,
): Promise<AppraisalRequest["gpuEndorsements"]> {
  const deadline = createDeadline(signal, timeoutMs);
  try {
    return await deadline.race(appraiser.gpuEndorsements(request, deadline.signal));
  } catch (error) {
    if (deadline.cause !== "timeout") {
      deadline.throwIfStopped("gpu endorsements");
      throw error;
    }
    return request.evidence.gpuEndorsements ?? { rims: [], ocsp: [] };
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

/** What an error says of the caller's side. */
interface RefusedBy {
  readonly policy: Policy;
  readonly nowMs: number;
  readonly baseURL: string;
}

/**
 * The error that stops a request whose enclave was not accepted. It names the checks that did not pass; or, where nothing
 * is wrong but that the policy does not know the build, the values that changed and how to accept them.
 */
export function attestationRefused(attestation: Attestation, by: RefusedBy): ClientError {
  const { model, result } = attestation;
  const difference = findDifference(result, by);
  if (difference) return new ClientError("attestation_refused", describeBuild(model, difference, by), { attestation, difference });
  const open = result.checks.filter((check) => check.required && check.status !== "pass");
  const failed = open.filter((check) => check.status === "fail");
  const shown = (failed.length > 0 ? failed : open).slice(0, 3).map((check) => `${check.id}: ${check.reason}`);
  const message = `${model}: the enclave's evidence is not acceptable, so nothing was sent; ${shown.join("; ") || "no key was attested"}`;
  return new ClientError("attestation_refused", message, { attestation });
}

/** How the build differs from the nearest that is known, if all else that the evidence says is proven. */
function findDifference(result: AttestationResult, { policy, nowMs }: RefusedBy): PolicyDifference | undefined {
  try {
    assertProven(result);
  } catch (error) {
    if (error instanceof PinError) return undefined;
    throw error;
  }
  // A platform that the policy refuses is refused whatever it runs, and a build that has expired is known.
  if (policy.builds.length === 0 || result.checks.some(({ id, status }) => status === "fail" && id.startsWith("tdx."))) return undefined;
  const difference = diffBuild(result.claims, policy, nowMs);
  return difference.values.some(({ name }) => name !== "expires") ? difference : undefined;
}

function describeBuild(model: string, { build, values }: PolicyDifference, { baseURL }: RefusedBy): string {
  const changed = values.map(
    ({ name, expected, actual }) => `${name} is ${actual === undefined ? "not proven" : short(actual)}, not ${short(expected)}`,
  );
  const line = `bauta policy accept ${shellWord(model)} --policy <policy file> --base-url ${shellWord(baseURL)}`;
  return (
    `${model}: the enclave's evidence holds, but it runs a build that the policy does not know, so nothing was sent. ` +
    `Nearest is ${build ? `"${build.name}"` : "none"}: ${changed.join("; ")}. If you know why it changed: ${line}`
  );
}

/** A word of a command that people copy: what is no plain name is quoted, since servers choose the names of models. */
function shellWord(text: string): string {
  return /^[\w.:/@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Enough of a digest to see which one it is; the error's details have it whole. */
function short(value: string): string {
  return value.length > 24 ? `${value.slice(0, 16)}…` : value;
}
