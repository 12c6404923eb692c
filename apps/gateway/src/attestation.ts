import { randomBytes } from "node:crypto";
import { bindNonce, toBase64, toHex, WireError } from "@bauta/protocol";
import { type Appraisal, appraiseEnclave, EnclaveRefusal, failedChecks, refusalCode } from "./appraise-enclave.ts";
import { EnclaveLinkError } from "./enclave-channel.ts";
import type { Replica } from "./replica.ts";
import type { ModelReplicas } from "./replicas.ts";
import { describeVerification } from "./server-verification.ts";

/** An attestation request, read from its query. */
export interface AttestationRequest {
  readonly model: string;
  readonly nonce: string;
  readonly nonceSource: "client" | "server";
  readonly quoteEncoding: "base64" | "hex";
}

/** An answer to hand on: a document of the gateway's, or an enclave's own error, byte for byte. */
export type AttestationReply = { readonly status: 200; readonly body: object } | { readonly status: number; readonly bytes: Buffer };

/** Told which checks kept an enclave's evidence from being accepted, for a log. */
export type RefusalListener = (enclave: string, failed: readonly string[]) => void;

/**
 * Reads the query of an attestation request.
 * @param query the parsed query; a name that stands there twice has a list for its value
 * @param sealed whether the model is `e2ee-*`
 * @throws WireError `invalid_nonce`, `invalid_field`, `unsupported_field`
 */
export function parseAttestationQuery(
  query: Readonly<Record<string, unknown>>,
  model: string,
  sealed: boolean,
  defaultEncoding: "base64" | "hex",
): AttestationRequest {
  const { nonce, quote_encoding: encoding = defaultEncoding, include_tls_fingerprint: tls = "false" } = query;
  if (encoding !== "base64" && encoding !== "hex") throw new WireError("invalid_field", { param: "quote_encoding" });
  // REPORTDATA in a form that the enclave does not make yet must not look as if it had been granted.
  if (tls !== "false") throw new WireError("unsupported_field", { param: "include_tls_fingerprint" });
  if (nonce === undefined) return { model, nonce: randomBytes(32).toString("hex"), nonceSource: "server", quoteEncoding: encoding };
  if (typeof nonce !== "string" || !bindNonce(nonce, sealed))
    throw new WireError(sealed ? "invalid_nonce" : "invalid_field", { param: "nonce" });
  return { model, nonce, nonceSource: "client", quoteEncoding: encoding };
}

/** The status of an enclave that lets its last answers finish, and takes no more work. */
const STOPPING = 503;

/**
 * Answers an attestation request: a replica's evidence, appraised, with the gateway's verdict beside it.
 * @throws WireError `nonce_mismatch`, `debug_mode` or `attestation_failed` when the evidence is not accepted;
 * `enclave_unreachable` when no replica answers
 */
export async function attest(
  replicas: ModelReplicas,
  request: AttestationRequest,
  nowMs: () => number,
  onRefusal: RefusalListener,
): Promise<AttestationReply> {
  const tried = new Set<Replica>();
  /** What the last enclave said that is about to stop. */
  let stopping: EnclaveRefusal | undefined;
  for (;;) {
    if (stopping && replicas.replicas.every((replica) => tried.has(replica))) return { status: stopping.status, bytes: stopping.body };
    const replica = await replicas.forAttestation(tried);
    let appraisal: Appraisal;
    try {
      appraisal = await appraiseEnclave(replica.link, replica.expected, request.nonce, nowMs);
    } catch (error) {
      if (error instanceof EnclaveRefusal && error.status !== STOPPING) return { status: error.status, bytes: error.body };
      if (error instanceof EnclaveRefusal) stopping = error;
      else if (!(error instanceof EnclaveLinkError)) throw error;
      tried.add(replica);
      replica.suspect();
      continue;
    }
    const { result } = appraisal;
    if (!result.ok || !result.signingKey) {
      onRefusal(replica.link.origin, failedChecks(result));
      void replica.recheck();
      throw new WireError(refusalCode(result.checks));
    }
    // An enclave that restarted has a key that nothing could be routed by yet. The caller's nonce proves nothing to the
    // gateway, so it looks again under its own before the answer goes out.
    await learnKey(replica, toHex(result.signingKey));
    return { status: 200, body: createAnswer(appraisal, request, replica.expected.sealed) };
  }
}

/** Makes sure that requests sealed to `key` can be routed. Two rounds, since one may have begun before the restart. */
async function learnKey(replica: Replica, key: string): Promise<void> {
  const known = () => replica.verified && replica.status.modelKey === key;
  for (let round = 0; round < 2 && !known(); round++) await replica.verify();
  if (!known()) throw new WireError(replica.verified ? "attestation_failed" : replica.failure);
}

function createAnswer(appraisal: Appraisal, request: AttestationRequest, sealed: boolean): object {
  const { answer, evidence, endorsements, gpuEndorsements, result } = appraisal;
  const { quote } = evidence;
  return {
    ...answer,
    verified: result.ok,
    nonce: request.nonce,
    nonce_source: request.nonceSource,
    request_nonce: request.nonce,
    model: request.model,
    intel_quote: request.quoteEncoding === "hex" ? toHex(quote) : toBase64(quote),
    quote_encoding: request.quoteEncoding,
    // So that a browser needs no other host.
    ...(endorsements && { endorsements }),
    ...(gpuEndorsements && {
      gpu_endorsements: { rims: gpuEndorsements.rims, ocsp: gpuEndorsements.ocsp.map((der) => toBase64(der)) },
    }),
    server_verification: describeVerification(appraisal, request.nonce, sealed),
  };
}
