import { toHex } from "@bauta/protocol";
import { type DerElement, DerError, readBody, readElement, readOid, readSequence, readUnsigned } from "../x509/der.ts";
import { asCertificateError, type Certificate } from "../x509/x509.ts";

/** Root of the OIDs that Intel uses in PCK certificates, 1.2.840.113741.1.13.1 as encoded. */
const SGX_EXTENSION_OID = "2a864886f84d010d01";
const OCTET_STRING = 0x04;
const ENUMERATED = 0x0a;
const TCB_COMPONENTS = 16;
/** Intel puts 7 members into the extension and 18 into its TCB. */
const MAX_MEMBERS = 64;

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
    const members = readMembers(readElement(value));
    const tcb = readMembers(member(members, "02"));
    const componentSvns = Array.from({ length: TCB_COMPONENTS }, (_, index) => svn(tcb, `02${toHex(Uint8Array.of(index + 1))}`, 0xff));
    return {
      ppid: octets(members, "01", 16),
      componentSvns,
      pceSvn: svn(tcb, "0211", 0xffff),
      cpuSvn: octets(tcb, "0212", 16),
      pceId: octets(members, "03", 2),
      fmspc: octets(members, "04", 6),
      sgxType: readUnsigned(member(members, "05"), ENUMERATED),
    };
  });
}

type Members = ReadonlyMap<string, DerElement>;

function readMembers(list: DerElement | undefined): Members {
  const members = new Map<string, DerElement>();
  for (const pair of readSequence(list, 0, MAX_MEMBERS)) {
    const [type, value] = readSequence(pair, 2);
    const oid = readOid(type);
    if (!value || members.has(oid)) throw new DerError(`${oid} appears twice`);
    members.set(oid, value);
  }
  return members;
}

/** @param suffix the rest of the member's OID, as encoded */
function member(members: Members, suffix: string): DerElement {
  const found = members.get(SGX_EXTENSION_OID + suffix);
  if (!found) throw new DerError(`member ${suffix} is missing`);
  return found;
}

function octets(members: Members, suffix: string, length: number): string {
  const value = readBody(member(members, suffix), OCTET_STRING);
  return inBounds(value.length === length, toHex(value));
}

function svn(members: Members, suffix: string, max: number): number {
  const value = readUnsigned(member(members, suffix));
  return inBounds(value <= max, value);
}

function inBounds<T>(holds: boolean, value: T): T {
  if (!holds) throw new DerError("a malformed member");
  return value;
}
