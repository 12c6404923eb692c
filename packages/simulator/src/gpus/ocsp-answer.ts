import { createHash } from "node:crypto";
import { extension, type Issuer, signed } from "../certificates.ts";
import { enumerated, explicit, generalizedTime, implicit, integer, octetString, oid, sequence } from "../der-writer.ts";
import type { OcspChanges } from "../faults/ocsp-faults.ts";
import { createKeyPair, createSecretSource, type SecretSource } from "../keys.ts";
import { issueGpuCertificate } from "./gpu-certificate.ts";

const SHA384 = "2.16.840.1.101.3.4.2.2";
const BASIC_RESPONSE = "1.3.6.1.5.5.7.48.1.1";
const NONCE = "1.3.6.1.5.5.7.48.1.2";
const EXTENDED_KEY_USAGE = "2.5.29.37";
const OCSP_SIGNING = "1.3.6.1.5.5.7.3.9";
/** Nobody is to ask whether the responder itself was withdrawn. @see RFC 6960 §4.2.2.2.1 */
const NO_CHECK = extension("1.3.6.1.5.5.7.48.1.5", Buffer.from("0500", "hex"));
const REASONS = { revoked: 1, hold: 6 } as const;
const SUCCESSFUL = 0;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SIGNS_DATA = 0x80;

/** Whether a certificate stands, and who is to say so. */
export interface OcspQuestion {
  readonly certificate: Issuer;
  readonly issuer: Issuer;
  /** Who certifies the responder instead of the issuer. */
  readonly responderIssuer?: Issuer | undefined;
  readonly nonce?: Uint8Array | undefined;
  /** How the certificate was named in the request; left out, as `certIdOf` does. */
  readonly certId?: Buffer | undefined;
  readonly nowMs: number;
  readonly secrets: SecretSource;
}

/** What a CertID says besides its hash: the hashes of the issuer's name and key, and the serial number, DER. */
export function certIdMembers(issuer: Issuer, serial: Uint8Array): Buffer {
  const sha384 = (bytes: Uint8Array) => octetString(createHash("sha384").update(bytes).digest());
  const key = Buffer.concat([Buffer.of(0x04), issuer.key.point]);
  return Buffer.concat([sha384(issuer.name), sha384(key), integer(serial)]);
}

/** The CertID of a certificate with SHA-384, as NVIDIA's clients ask for it. @see RFC 6960 §4.1.1 */
function certIdOf(issuer: Issuer, serial: Uint8Array): Buffer {
  return sequence(sequence(oid(SHA384), Buffer.from("0500", "hex")), certIdMembers(issuer, serial));
}

/**
 * Answers for one certificate, by a responder that its issuer certified for this alone, current for a day.
 * @returns DER
 * @see RFC 6960 §4.2
 */
export function answerOcsp(question: OcspQuestion, changes: OcspChanges = {}): Buffer {
  const { certificate, issuer, nowMs } = question;
  const { responseStatus = SUCCESSFUL } = changes;
  if (responseStatus !== SUCCESSFUL) return refuseOcsp(responseStatus);
  const responder = responderOf(question, changes);
  const nonce = changes.nonce ? changes.nonce(question.nonce) : question.nonce;
  const nextUpdateMs = changes.nextUpdateMs === undefined ? nowMs + DAY_MS : changes.nextUpdateMs;
  const single = sequence(
    changes.serial || !question.certId ? certIdOf(issuer, changes.serial ?? certificate.serial) : question.certId,
    statusOf(changes.status ?? "good", nowMs - HOUR_MS),
    generalizedTime(changes.thisUpdateMs ?? nowMs - HOUR_MS),
    ...(nextUpdateMs === null ? [] : [explicit(0, generalizedTime(nextUpdateMs))]),
  );
  const tbs = sequence(
    explicit(1, responder.name),
    generalizedTime(nowMs),
    sequence(single),
    ...(nonce ? [explicit(1, sequence(extension(NONCE, octetString(nonce))))] : []),
  );
  const key = changes.foreignSigner ? createKeyPair(createSecretSource(undefined), "stranger", "P-384") : responder.key;
  const certificates = responder === issuer ? [] : [explicit(0, sequence(responder.der))];
  const basic = signed(tbs, key, changes.signature, ...certificates);
  const der = sequence(enumerated(SUCCESSFUL), explicit(0, sequence(oid(BASIC_RESPONSE), octetString(basic))));
  return Buffer.from(changes.der?.(der) ?? der);
}

/** An answer that holds nothing but why there is none. */
export function refuseOcsp(responseStatus: number): Buffer {
  return sequence(enumerated(responseStatus));
}

function statusOf(status: NonNullable<OcspChanges["status"]>, revokedMs: number): Buffer {
  if (status === "good") return implicit(0, Buffer.alloc(0));
  if (status === "unknown") return implicit(2, Buffer.alloc(0));
  return explicit(1, generalizedTime(revokedMs), explicit(0, enumerated(REASONS[status])));
}

function responderOf(question: OcspQuestion, changes: OcspChanges): Issuer {
  const { nowMs, secrets } = question;
  if (changes.responder === "issuer") return question.issuer;
  const stranger = changes.responder === "stranger";
  const certifier = question.responderIssuer ?? question.issuer;
  const label = stranger ? "OCSP responder of nobody" : `OCSP responder of ${certifier.serial.toString("hex")}`;
  return issueGpuCertificate({
    commonName: "SIMULATED OCSP Responder",
    key: createKeyPair(secrets, label, "P-384"),
    ...(!stranger && { issuer: certifier }),
    notBeforeMs: nowMs - 30 * DAY_MS,
    notAfterMs: changes.expiredResponder ? nowMs - DAY_MS : nowMs + 30 * DAY_MS,
    usage: SIGNS_DATA,
    ca: false,
    pathLength: null,
    revocable: false,
    extensions: [...(changes.unauthorisedResponder ? [] : [extension(EXTENDED_KEY_USAGE, sequence(oid(OCSP_SIGNING)))]), NO_CHECK],
  });
}
