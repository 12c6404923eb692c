import { equalBytes, toHex } from "@bauta/protocol";
import {
  type DerElement,
  DerError,
  readBody,
  readElement,
  readMagnitude,
  readOid,
  readSequence,
  readTime,
  readUnsigned,
  readWholeBits,
} from "../x509/der.ts";
import { MAX_NAME_PARTS, readExtensions } from "../x509/fields.ts";
import { type CertId, OCSP_OID } from "./ocsp-request.ts";
import { OID, readP384Signature } from "./p384-certificate.ts";

/** NVIDIA's answers have about 1,300 bytes, most of them the responder's certificate. */
export const MAX_OCSP_BYTES = 16 * 1024;
const MAX_SINGLE_RESPONSES = 16;
const MAX_RESPONDER_CERTIFICATES = 4;
/** @see RFC 9654 §2.1 */
const MAX_NONCE_BYTES = 128;

/** Tags. `[n]` is a context-specific one, constructed or not. @see RFC 6960 §4.2.1, appendix B.1 */
const OCTET_STRING = 0x04;
const NULL = 0x05;
const ENUMERATED = 0x0a;
const GENERALIZED_TIME = 0x18;
const [GOOD, REVOKED, UNKNOWN] = [0x80, 0xa1, 0x82];
const [EXPLICIT_0, EXPLICIT_1, EXPLICIT_2] = [0xa0, 0xa1, 0xa2];
/** No reason has this number. @see RFC 5280 §5.3.1 */
const MAX_REASON = 10;

const RESPONSE_STATUS = new Map([
  [1, "malformedRequest"],
  [2, "internalError"],
  [3, "tryLater"],
  [5, "sigRequired"],
  [6, "unauthorized"],
]);

/** An OCSP answer that is malformed, or outside the profile that is read: ECDSA on P-384 with SHA-384, SHA-384 CertIDs. */
export class OcspError extends Error {
  override readonly name = "OcspError";
  readonly code = "ocsp_malformed";
  readonly action = "stop";
}

/** The status of one certificate. */
export interface OcspSingleResponse {
  readonly certId: CertId;
  readonly status: "good" | "revoked" | "unknown";
  readonly revokedMs?: number;
  /** CRLReason, where a revoked one has it. @see RFC 5280 §5.3.1 */
  readonly reason?: number;
  readonly thisUpdateMs: number;
  /** An answer without one is never out of date, which is not accepted. */
  readonly nextUpdateMs?: number;
}

/** A parsed answer; nothing in it has been verified. */
export interface OcspResponse {
  /** What the signature covers. */
  readonly tbs: Uint8Array<ArrayBuffer>;
  /** The responder by its name, DER, or by the SHA-1 of its public key. */
  readonly responder: { readonly name: Uint8Array<ArrayBuffer> } | { readonly keyHash: Uint8Array<ArrayBuffer> };
  readonly producedMs: number;
  readonly responses: readonly OcspSingleResponse[];
  readonly nonce?: Uint8Array<ArrayBuffer>;
  /** r ‖ s, 96 bytes. */
  readonly signature: Uint8Array<ArrayBuffer>;
  /** DER, unparsed. */
  readonly certificates: readonly Uint8Array<ArrayBuffer>[];
}

/**
 * Reads one OCSP answer of the basic type.
 * @param der at most {@link MAX_OCSP_BYTES}
 * @throws OcspError, also when the responder answers that it cannot or will not say
 * @see RFC 6960 §4.2
 */
export function parseOcspResponse(der: Uint8Array): OcspResponse {
  if (der.length > MAX_OCSP_BYTES) throw new OcspError(`OCSP answer: more than ${MAX_OCSP_BYTES} bytes`);
  try {
    return readResponse(new Uint8Array(der));
  } catch (error) {
    if (error instanceof DerError) throw new OcspError(`OCSP answer: ${error.message}`, { cause: error });
    throw error;
  }
}

function readResponse(der: Uint8Array<ArrayBuffer>): OcspResponse {
  const [status, wrapped] = readSequence(readElement(der), 1, 2);
  const code = readUnsigned(status, ENUMERATED);
  if (code !== 0) throw new OcspError(`the responder answers "${RESPONSE_STATUS.get(code) ?? "unknown"}" (${code}), and no status`);
  const [type, basic] = readSequence(only(wrapped, EXPLICIT_0), 2);
  if (readOid(type) !== OCSP_OID.basic) throw new DerError("the answer is not of the basic type");
  const [tbs, algorithm, signature, certificates] = readSequence(readElement(readBody(basic, OCTET_STRING)), 3, 4);
  const [oid, parameters] = readSequence(algorithm, 1, 2);
  if (readOid(oid) !== OID.ecdsaWithSha384) throw new DerError("signature algorithm is not ECDSA with SHA-384");
  if (parameters) throw new DerError("a signature algorithm with parameters");
  const list = certificates && readSequence(only(certificates, EXPLICIT_0), 0, MAX_RESPONDER_CERTIFICATES);
  return {
    tbs: tbs?.der ?? der,
    ...readResponseData(tbs),
    signature: readP384Signature(readWholeBits(signature)),
    certificates: list?.map((certificate) => certificate.der) ?? [],
  };
}

/** The version is not written where it is 1, and there is no other. */
function readResponseData(data: DerElement | undefined): Pick<OcspResponse, "responder" | "producedMs" | "responses" | "nonce"> {
  const [responder, produced, responses, wrapper] = readSequence(data, 3, 4);
  const extensions = wrapper && readExtensions(only(wrapper, EXPLICIT_1), [OCSP_OID.nonce]);
  const nonce = extensions?.get(OCSP_OID.nonce);
  return {
    responder: readResponderId(responder),
    producedMs: readGeneralizedTime(produced),
    responses: readSequence(responses, 1, MAX_SINGLE_RESPONSES).map(readSingleResponse),
    ...(nonce && { nonce: readNonce(nonce) }),
  };
}

function readResponderId(id: DerElement | undefined): OcspResponse["responder"] {
  if (id?.tag === EXPLICIT_2) return { keyHash: readBody(only(id, EXPLICIT_2), OCTET_STRING) };
  const name = only(id, EXPLICIT_1);
  readSequence(name, 0, MAX_NAME_PARTS);
  return { name: name.der };
}

function readSingleResponse(single: DerElement): OcspSingleResponse {
  const [certId, status, thisUpdate, ...optional] = readSequence(single, 3, 5);
  const nextUpdate = optional[0]?.tag === EXPLICIT_0 ? optional.shift() : undefined;
  const extensions = optional.shift();
  if (optional.length > 0) throw new DerError("members of a response in the wrong order");
  // None is used; critical ones are refused.
  if (extensions) readExtensions(only(extensions, EXPLICIT_1), []);
  return {
    certId: readCertId(certId),
    ...readStatus(status),
    thisUpdateMs: readGeneralizedTime(thisUpdate),
    ...(nextUpdate && { nextUpdateMs: readGeneralizedTime(only(nextUpdate, EXPLICIT_0)) }),
  };
}

function readCertId(certId: DerElement | undefined): CertId {
  const [algorithm, nameHash, keyHash, serial] = readSequence(certId, 4);
  const [oid, parameters] = readSequence(algorithm, 1, 2);
  if (readOid(oid) !== OCSP_OID.sha384) throw new DerError("it names certificates by another hash than SHA-384");
  if (parameters && readBody(parameters, NULL).length > 0) throw new DerError("SHA-384 with parameters");
  return {
    issuerNameHash: readBody(nameHash, OCTET_STRING),
    issuerKeyHash: readBody(keyHash, OCTET_STRING),
    serial: toHex(readMagnitude(serial)),
  };
}

function readStatus(status: DerElement | undefined): Pick<OcspSingleResponse, "status" | "revokedMs" | "reason"> {
  if (status?.tag === REVOKED) {
    const [time, wrapper] = readSequence(status, 1, 2, REVOKED);
    const revokedMs = readGeneralizedTime(time);
    if (!wrapper) return { status: "revoked", revokedMs };
    const reason = readUnsigned(only(wrapper, EXPLICIT_0), ENUMERATED);
    if (reason > MAX_REASON) throw new DerError("a reason for revocation that does not exist");
    return { status: "revoked", revokedMs, reason };
  }
  const good = status?.tag === GOOD;
  if (readBody(status, good ? GOOD : UNKNOWN).length > 0) throw new DerError("a malformed status");
  return { status: good ? "good" : "unknown" };
}

function readNonce(value: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const nonce = readBody(readElement(value), OCTET_STRING);
  if (nonce.length < 1 || nonce.length > MAX_NONCE_BYTES) throw new DerError(`a nonce of ${nonce.length} bytes`);
  return nonce;
}

function readGeneralizedTime(time: DerElement | undefined): number {
  readBody(time, GENERALIZED_TIME);
  return readTime(time);
}

/** The one element inside an explicit tag. */
function only(wrapper: DerElement | undefined, tag: number): DerElement {
  const [element] = readSequence(wrapper, 1, 1, tag);
  if (!element) throw new DerError("an empty wrapper");
  return element;
}

/** Whether two names of certificates in OCSP name the same one. */
export function isSameCertId(a: CertId, b: CertId): boolean {
  return a.serial === b.serial && equalBytes(a.issuerNameHash, b.issuerNameHash) && equalBytes(a.issuerKeyHash, b.issuerKeyHash);
}
