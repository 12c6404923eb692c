import { equalBytes } from "@bauta/protocol";
import { DerError, readElement, readOid, readSequence } from "../x509/der.ts";
import { hasUsage, orFault, quotedName, validityFaults, validityOf } from "../x509/issued.ts";
import { type Certificate, KEY_USAGE, MAX_CERTIFICATE_BYTES } from "../x509/x509.ts";
import { CLOCK_SKEW_MS } from "./clock-skew.ts";
import { createCertId } from "./ocsp-request.ts";
import { isSameCertId, OcspError, type OcspResponse, type OcspSingleResponse, parseOcspResponse } from "./ocsp-response.ts";
import { verifyP384 } from "./p384.ts";
import { p384IssuerFaults, readP384Certificate } from "./p384-certificate.ts";

/** OIDs as encoded: 2.5.29.37, and 1.3.6.1.5.5.7.3.9, id-kp-OCSPSigning. */
const EXTENDED_KEY_USAGE = "551d25";
const OCSP_SIGNING = "2b06010505070309";
const MAX_PURPOSES = 8;
const CERTIFICATE_HOLD = 6;

export interface OcspQuestion {
  /** The certificate that the answer has to be about. */
  readonly cert: Certificate;
  /** Its issuer, whose own chain the caller has verified: it, or whom it certified for this, must have signed the answer. */
  readonly issuer: Certificate;
  /** The request's nonce, where one was sent and is known. */
  readonly nonce?: Uint8Array;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Insecure: a certificate that NVIDIA has put on hold counts as good. */
  readonly allowHold?: boolean;
}

/** What an answer says, and whether that is good enough. */
export interface OcspResult {
  /** Undefined where the answer is not proven to be the responder's, current and about this certificate. */
  readonly status?: "good" | "revoked" | "hold" | "unknown";
  /** Clauses: what is wrong with the answer, or what it says of the certificate. None when it may be used. */
  readonly faults: readonly string[];
  readonly thisUpdateMs?: number;
  readonly nextUpdateMs?: number;
}

/**
 * Verifies an OCSP answer: the responder and its right to answer, signature, subject, nonce, dates, then the status.
 * @param answer DER, or an answer that has been parsed already
 * @see RFC 6960 §3.2, §4.2.2
 */
export async function verifyOcspAnswer(answer: Uint8Array | OcspResponse, question: OcspQuestion): Promise<OcspResult> {
  const response = answer instanceof Uint8Array ? orFault(OcspError, () => parseOcspResponse(answer)) : answer;
  if (typeof response === "string") return { faults: [response] };
  const single = await findResponse(response, question);
  if (typeof single === "string") return { faults: [single] };
  const faults = [
    ...(await responderFaults(response, question)),
    ...nonceFaults(response, question.nonce),
    ...dateFaults(response, single, question.nowMs),
  ];
  const { thisUpdateMs, nextUpdateMs } = single;
  if (faults.length > 0 || nextUpdateMs === undefined) return { faults };
  const status = single.reason === CERTIFICATE_HOLD ? "hold" : single.status;
  return { status, faults: statusFaults(single, status, question), thisUpdateMs, nextUpdateMs };
}

/** The one response about the certificate that was asked for. */
async function findResponse(response: OcspResponse, { cert, issuer }: OcspQuestion): Promise<OcspSingleResponse | string> {
  const certId = await createCertId({ cert, issuer });
  const [found, ...more] = response.responses.filter((single) => isSameCertId(single.certId, certId));
  if (!found) return `the OCSP answer is not about ${quotedName(cert.commonName)} of ${quotedName(issuer.commonName)}`;
  return more.length > 0 ? `the OCSP answer says several things of ${quotedName(cert.commonName)}` : found;
}

async function responderFaults(response: OcspResponse, { issuer, nowMs }: OcspQuestion): Promise<string[]> {
  const signer = await findSigner(response, issuer);
  if (typeof signer === "string") return [signer];
  const [signed, delegated] = await Promise.all([
    verifyP384(signer.publicKey, response.signature, response.tbs),
    signer === issuer ? [] : delegateFaults(signer, issuer, nowMs),
  ]);
  return [...delegated, ...(signed ? [] : [`the signature of the OCSP answer is not by the key of ${quotedName(signer.commonName)}`])];
}

/** Finds whom the answer names as its responder: the issuer itself, or a certificate that comes with the answer. */
async function findSigner(response: OcspResponse, issuer: Certificate): Promise<Certificate | string> {
  const { responder } = response;
  const isResponder = async ({ subject, publicKey }: Certificate) =>
    "name" in responder ? equalBytes(responder.name, subject) : equalBytes(responder.keyHash, await sha1(publicKey));
  if (await isResponder(issuer)) return issuer;
  const certificates = orFault(DerError, () => response.certificates.map(readResponderCertificate));
  if (typeof certificates === "string") return `the OCSP responder's certificate cannot be read: ${certificates}`;
  for (const certificate of certificates) if (await isResponder(certificate)) return certificate;
  return "the OCSP answer names a responder whose certificate is not there";
}

function readResponderCertificate(der: Uint8Array<ArrayBuffer>): Certificate {
  if (der.length > MAX_CERTIFICATE_BYTES) throw new DerError(`more than ${MAX_CERTIFICATE_BYTES} bytes`);
  return readP384Certificate(der, [EXTENDED_KEY_USAGE]);
}

/** A responder's certificate comes right from the issuer, for this purpose. Its revocation is not asked for in turn. */
async function delegateFaults(delegate: Certificate, issuer: Certificate, nowMs: number): Promise<string[]> {
  const name = quotedName(delegate.commonName);
  const usage = delegate.extensions.get(EXTENDED_KEY_USAGE);
  const purposes = orFault(DerError, () => (usage ? readSequence(readElement(usage), 1, MAX_PURPOSES).map(readOid) : []));
  return [
    ...(await p384IssuerFaults(delegate, issuer)),
    ...(typeof purposes !== "string" && purposes.includes(OCSP_SIGNING) ? [] : [`${name} may not sign OCSP answers`]),
    ...(hasUsage(delegate, KEY_USAGE.digitalSignature) && !delegate.isCa ? [] : [`${name} is not a certificate for signing data`]),
    ...validityFaults(validityOf(delegate), nowMs),
  ];
}

function nonceFaults({ nonce }: OcspResponse, sent: Uint8Array | undefined): string[] {
  if (!sent) return [];
  if (!nonce) return ["the OCSP answer has no nonce, and one was sent: it may be an old answer"];
  return equalBytes(nonce, sent) ? [] : ["the OCSP answer has another nonce than was sent: it may be an old answer"];
}

function dateFaults({ producedMs }: OcspResponse, { thisUpdateMs, nextUpdateMs }: OcspSingleResponse, nowMs: number): string[] {
  if (nextUpdateMs === undefined) return ["the OCSP answer does not say until when it holds"];
  const fromMs = Math.max(thisUpdateMs, producedMs) - CLOCK_SKEW_MS;
  return validityFaults({ what: "the OCSP answer", fromMs, untilMs: nextUpdateMs }, nowMs);
}

function statusFaults(single: OcspSingleResponse, status: OcspResult["status"], { cert, allowHold }: OcspQuestion): string[] {
  const name = quotedName(cert.commonName);
  if (status === "good" || (status === "hold" && allowHold)) return [];
  if (status === "unknown") return [`the OCSP responder does not know ${name}`];
  const since = new Date(single.revokedMs ?? 0).toISOString();
  if (status === "hold") return [`NVIDIA has put ${name} on hold since ${since}`];
  return [`NVIDIA has revoked ${name} at ${since}${single.reason === undefined ? "" : `, for reason ${single.reason}`}`];
}

async function sha1(message: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-1", message));
}
