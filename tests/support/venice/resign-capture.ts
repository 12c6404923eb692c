import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { AppraisalInput } from "../../../packages/attestation/src/appraise.ts";
import type { Collateral } from "../../../packages/attestation/src/collateral/collateral.ts";
import { parseAttestationAnswer } from "../../../packages/attestation/src/evidence/attestation-answer.ts";
import { parseCrl } from "../../../packages/attestation/src/x509/crl.ts";
import { parseCertificate } from "../../../packages/attestation/src/x509/x509.ts";
import type { Json, VeniceCapture } from "../venice-capture.ts";
import { readPem, writePem } from "./quote-certificates.ts";
import {
  ATTESTATION_KEY,
  PEM_BYTES_OFFSET,
  QE_AUTHENTICATION_DATA,
  QE_REPORT,
  QE_REPORT_BYTES,
  REPORT,
  SIGNED_BYTES,
} from "./quote-offsets.ts";

const ECDSA_WITH_SHA256 = Buffer.from("300a06082a8648ce3d040302", "hex");
const BODY_TYPE_TD_15 = 3;

/** What somebody who holds every key, down from the root, could have changed. Each edit works on a copy, in place. */
export interface Edits {
  /** The answer's JSON; its quotes are not read from it. */
  readonly answer?: (body: Json) => void;
  /** The TD report of both quotes, 584 bytes. */
  readonly report?: (report: Buffer) => void;
  /** That of the first or the second quote alone, after `report`. */
  readonly first?: (report: Buffer) => void;
  readonly second?: (report: Buffer) => void;
  /** Makes both quotes version 5 with a TD 1.5 report, which ends in TEE_TCB_SVN_2 and MRSERVICETD. */
  readonly mrServiceTd?: Uint8Array;
  readonly qeReport?: (report: Buffer) => void;
  /** The PCK certificate's signed part; lengths have to stay. */
  readonly pck?: (tbs: Buffer) => void;
  readonly tcbInfo?: (info: Json) => void;
  readonly qeIdentity?: (identity: Json) => void;
  /** Certificates that the revocation lists withdraw. */
  readonly revoked?: readonly ("pck" | "ca" | "tcb")[];
}

interface Key {
  readonly secret: KeyObject;
  /** x ‖ y */
  readonly point: Buffer;
}

/** The keys of one PKI: made once, since which they are makes no difference. */
let keys: Readonly<Record<"root" | "ca" | "pck" | "attestation" | "tcb", Key>> | undefined;

/**
 * Signs the whole capture anew under a root of our own. Certificates, lists, collateral and quotes keep every byte but
 * keys and signatures, and what was edited. What the caller appraises has to name the root, and is SIMULATED.
 */
export function resignCapture(capture: VeniceCapture, edits: Edits = {}): Partial<AppraisalInput> {
  keys ??= { root: makeKey(), ca: makeKey(), pck: makeKey(), attestation: makeKey(), tcb: makeKey() };
  const { root, ca, pck, tcb } = keys;
  const pem = Buffer.from(capture.evidence.quote).toString("latin1", PEM_BYTES_OFFSET);
  const [oldPck, oldCa, oldRoot] = readPem(pem);
  const [oldTcb] = readPem(capture.endorsements.tcb_info_issuer_chain);
  if (!oldPck || !oldCa || !oldRoot || !oldTcb) throw new Error("the capture lacks certificates");
  const rootDer = resignCertificate(oldRoot, root, root);
  const caDer = resignCertificate(oldCa, ca, root);
  const tcbDer = resignCertificate(oldTcb, tcb, root);
  const pckDer = resignCertificate(oldPck, pck, ca, edits.pck);
  const chain = Buffer.from(`${writePem([pckDer, caDer, rootDer])}\0`, "latin1");

  const body = structuredClone(capture.answer);
  edits.answer?.(body);
  const manager = body["compose_manager_attestation"];
  body["intel_quote"] = resignQuote(Buffer.from(body["intel_quote"], "hex"), chain, edits, edits.first).toString("hex");
  if (manager) manager.quote = resignQuote(Buffer.from(manager.quote, "hex"), chain, edits, edits.second).toString("hex");
  const serials = (of: readonly string[]) =>
    [["pck", pckDer] as const, ["ca", caDer] as const, ["tcb", tcbDer] as const].flatMap(([name, der]) =>
      of.includes(name) && edits.revoked?.includes(name) ? [parseCertificate(der).serial] : [],
    );
  const { endorsements: old } = capture;
  const signerChain = writePem([tcbDer, rootDer]);
  const tcbInfo = editJson(old.tcb_info, edits.tcbInfo);
  const qeIdentity = editJson(old.qe_identity, edits.qeIdentity);
  const endorsements: Collateral = {
    tcb_info: tcbInfo,
    tcb_info_signature: signRaw(tcb, Buffer.from(tcbInfo)).toString("hex"),
    tcb_info_issuer_chain: signerChain,
    qe_identity: qeIdentity,
    qe_identity_signature: signRaw(tcb, Buffer.from(qeIdentity)).toString("hex"),
    qe_identity_issuer_chain: signerChain,
    pck_crl: resignList(old.pck_crl, ca, serials(["pck"])),
    pck_crl_issuer_chain: writePem([caDer, rootDer]),
    root_ca_crl: resignList(old.root_ca_crl, root, serials(["ca", "tcb"])),
  };
  return { evidence: parseAttestationAnswer(body), endorsements, trustRoots: [rootDer] };
}

function makeKey(): Key {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { secret: privateKey, point: publicKey.export({ type: "spki", format: "der" }).subarray(-64) };
}

function signRaw({ secret }: Key, bytes: Uint8Array): Buffer {
  return sign("sha256", bytes, { key: secret, dsaEncoding: "ieee-p1363" });
}

function resignQuote(old: Buffer, chain: Buffer, { report, qeReport, mrServiceTd }: Edits, alone?: (report: Buffer) => void): Buffer {
  if (!keys) throw new Error("no keys");
  const header = Buffer.from(old.subarray(0, REPORT));
  const body = Buffer.from(old.subarray(REPORT, SIGNED_BYTES));
  report?.(body);
  alone?.(body);
  const parts: Buffer[] = [header, body];
  if (mrServiceTd) {
    header.writeUInt16LE(5, 0);
    const extended = Buffer.concat([body, body.subarray(0, 16), mrServiceTd]);
    parts.splice(1, 1, u16(BODY_TYPE_TD_15), u32(extended.length), extended);
  }
  const signed = Buffer.concat(parts);
  const authentication = old.subarray(QE_AUTHENTICATION_DATA, QE_AUTHENTICATION_DATA + 32);
  const enclave = Buffer.from(old.subarray(QE_REPORT, QE_REPORT + QE_REPORT_BYTES));
  enclave.set(createHash("sha256").update(keys.attestation.point).update(authentication).digest(), 320);
  qeReport?.(enclave);
  const certification = Buffer.concat([
    enclave,
    signRaw(keys.pck, enclave),
    u16(authentication.length),
    authentication,
    u16(5),
    u32(chain.length),
    chain,
  ]);
  const head = old.subarray(ATTESTATION_KEY + 64, ATTESTATION_KEY + 66);
  const data = Buffer.concat([signRaw(keys.attestation, signed), keys.attestation.point, head, u32(certification.length), certification]);
  return Buffer.concat([signed, u32(data.length), data]);
}

function resignCertificate(old: Buffer, key: Key, issuer: Key, edit?: (tbs: Buffer) => void): Buffer {
  const { tbs, publicKey } = parseCertificate(old);
  const copy = Buffer.from(tbs);
  copy.set(key.point, copy.indexOf(publicKey) + 1);
  edit?.(copy);
  return signedDer(copy, issuer);
}

function resignList(hex: string, issuer: Key, serials: readonly string[]): string {
  const der = Buffer.from(hex, "hex");
  const { tbs } = parseCrl(der);
  return signedDer(serials.length > 0 ? withEntries(Buffer.from(tbs), serials) : Buffer.from(tbs), issuer).toString("hex");
}

/** Puts entries before all others: behind the second of the list's two dates. */
function withEntries(tbs: Buffer, serials: readonly string[]): Buffer {
  const contents = tbs.subarray(headBytes(tbs));
  const date = contents.subarray(contents.indexOf(Buffer.from("170d", "hex")), contents.length).subarray(0, 15);
  const behindDates = contents.indexOf(date) + 30;
  const entries = serials.map((serial) => {
    const bytes = Buffer.from(serial.padStart(serial.length + (serial.length % 2), "0"), "hex");
    return tlv(0x30, Buffer.concat([tlv(0x02, (bytes[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.of(0), bytes]) : bytes), date]));
  });
  const rest = contents.subarray(behindDates);
  const hasEntries = rest[0] === 0x30;
  const oldEntries = hasEntries ? rest.subarray(headBytes(rest), elementBytes(rest)) : Buffer.alloc(0);
  return tlv(
    0x30,
    Buffer.concat([
      contents.subarray(0, behindDates),
      tlv(0x30, Buffer.concat([...entries, oldEntries])),
      hasEntries ? rest.subarray(elementBytes(rest)) : rest,
    ]),
  );
}

function signedDer(tbs: Buffer, { secret }: Key): Buffer {
  const signature = sign("sha256", tbs, { key: secret, dsaEncoding: "der" });
  return tlv(0x30, Buffer.concat([tbs, ECDSA_WITH_SHA256, tlv(0x03, Buffer.concat([Buffer.of(0), signature]))]));
}

function tlv(tag: number, body: Buffer): Buffer {
  const { length } = body;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...head), body]);
}

function headBytes(der: Buffer): number {
  const first = der[1] ?? 0;
  return first < 0x80 ? 2 : 2 + (first & 0x7f);
}

function elementBytes(der: Buffer): number {
  const head = headBytes(der);
  return head + (head === 2 ? (der[1] ?? 0) : der.readUIntBE(2, head - 2));
}

function editJson(text: string, edit: ((value: Json) => void) | undefined): string {
  if (!edit) return text;
  const value = JSON.parse(text) as Json;
  edit(value);
  return JSON.stringify(value);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
