import { toHex } from "@bauta/protocol";
import { DerError, DerReader, parseOid, parseUnsigned, TAG } from "../x509/der.ts";
import { asCertificateError, type Certificate } from "../x509/x509.ts";

/** Root of the OIDs that Intel uses in PCK certificates. */
const SGX_EXTENSION_OID = "1.2.840.113741.1.13.1";
const TCB_COMPONENTS = 16;

/**
 * What a PCK certificate says about its machine.
 * @see Intel SGX PCK Certificate and CRL Profile Specification §1.3.5
 */
export interface SgxExtension {
  /** Hex. */
  readonly ppid: string;
  /** Security versions of the 16 TCB components, each 0–255. */
  readonly componentSvns: readonly number[];
  readonly pceSvn: number;
  /** Hex, 16 bytes. */
  readonly cpuSvn: string;
  /** Hex, 2 bytes. */
  readonly pceId: string;
  /** Hex, 6 bytes. */
  readonly fmspc: string;
  readonly sgxType: number;
}

/**
 * Reads Intel's SGX extension of a PCK certificate. Members beyond those of {@link SgxExtension} are allowed and ignored.
 * @throws CertificateError
 */
export function parseSgxExtension(certificate: Certificate): SgxExtension {
  return asCertificateError("SGX extension", () => {
    const value = certificate.extensions.get(SGX_EXTENSION_OID);
    if (!value) throw new DerError("is missing");
    const outer = new DerReader(value);
    const members = readMembers(outer.enter(TAG.sequence, "extension"));
    outer.end("extension");
    const tcb = readMembers(new DerReader(member(members, "2", TAG.sequence)));
    const componentSvns = Array.from({ length: TCB_COMPONENTS }, (_, index) => svn(tcb, `2.${index + 1}`, 0xff));
    return {
      ppid: octets(members, "1", 16),
      componentSvns,
      pceSvn: svn(tcb, "2.17", 0xffff),
      cpuSvn: octets(tcb, "2.18", 16),
      pceId: octets(members, "3", 2),
      fmspc: octets(members, "4", 6),
      sgxType: parseUnsigned(member(members, "5", TAG.enumerated)),
    };
  });
}

type Members = ReadonlyMap<string, { readonly tag: number; readonly body: Uint8Array<ArrayBuffer> }>;

function readMembers(list: DerReader): Members {
  const members = new Map<string, { tag: number; body: Uint8Array<ArrayBuffer> }>();
  while (!list.done) {
    const pair = list.enter(TAG.sequence, "member");
    const oid = parseOid(pair.read(TAG.oid, "member's OID").body);
    const value = pair.readAny(`value of ${oid}`);
    pair.end(`value of ${oid}`);
    if (members.has(oid)) throw new DerError(`${oid} appears twice`);
    members.set(oid, value);
  }
  return members;
}

function member(members: Members, suffix: string, tag: number): Uint8Array<ArrayBuffer> {
  const oid = `${SGX_EXTENSION_OID}.${suffix}`;
  const found = members.get(oid);
  if (!found) throw new DerError(`${oid} is missing`);
  if (found.tag !== tag) throw new DerError(`${oid} has an unexpected type`);
  return found.body;
}

function octets(members: Members, suffix: string, length: number): string {
  const value = member(members, suffix, TAG.octetString);
  if (value.length !== length) throw new DerError(`${SGX_EXTENSION_OID}.${suffix} has ${value.length} bytes instead of ${length}`);
  return toHex(value);
}

function svn(members: Members, suffix: string, max: number): number {
  const value = parseUnsigned(member(members, suffix, TAG.integer));
  if (value > max) throw new DerError(`${SGX_EXTENSION_OID}.${suffix} is ${value}, above ${max}`);
  return value;
}
