import { createHash } from "node:crypto";
import { extension } from "./certificates.ts";
import { boolean, enumerated, integer, octetString, oid, sequence } from "./der-writer.ts";
import type { SecretSource } from "./keys.ts";

const SGX_EXTENSION = "1.2.840.113741.1.13.1";
/**
 * What verifiers demand of a TD quoting enclave: Intel's signer and product. Anyone may write these values under a root
 * of his own, so they prove nothing here: it is the root that tells a simulator from a machine.
 */
const INTEL_TD_QE = { mrSigner: "dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5", isvProdId: 2 };

/** Which of Intel's two CAs certifies the machine: Platform for multi-package servers, Processor for single packages. */
export type PckCaKind = "platform" | "processor";

/** The made-up machine: what its PCK certificate, its quotes and its TCB info all have to agree on. */
export interface Machine {
  /** 16 bytes. */
  readonly ppid: Buffer;
  readonly platformInstanceId: Buffer;
  /** 6 bytes; no Intel platform has it: "SIM" and zeros. */
  readonly fmspc: Buffer;
  readonly pceId: Buffer;
  /** 16 SVNs. */
  readonly componentSvns: readonly number[];
  readonly pceSvn: number;
  /** 16 bytes: TDX module SVN, module major version, SEAM loader SVN, … */
  readonly teeTcbSvn: Buffer;
  readonly mrSeam: Buffer;
  readonly quotingEnclave: {
    readonly mrEnclave: Buffer;
    readonly mrSigner: Buffer;
    readonly isvProdId: number;
    readonly isvSvn: number;
    /** SGX attributes, 16 bytes. */
    readonly attributes: Buffer;
  };
}

export function createMachine(secrets: SecretSource, changes: Partial<Machine> = {}): Machine {
  return {
    ppid: secrets("ppid", 16),
    platformInstanceId: secrets("platform-instance-id", 16),
    fmspc: Buffer.from("53494d000000", "hex"),
    pceId: Buffer.from("0000", "hex"),
    componentSvns: [2, 2, 2, 2, 3, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0],
    pceSvn: 11,
    teeTcbSvn: Buffer.from("05010200000000000000000000000000", "hex"),
    mrSeam: simulatedDigest("sha384", "TDX module"),
    quotingEnclave: {
      mrEnclave: simulatedDigest("sha256", "quoting enclave"),
      mrSigner: Buffer.from(INTEL_TD_QE.mrSigner, "hex"),
      isvProdId: INTEL_TD_QE.isvProdId,
      isvSvn: 4,
      attributes: Buffer.from("1500000000000000e700000000000000", "hex"),
    },
    ...changes,
  };
}

/**
 * Intel's SGX extension as a PCK Platform CA issues it; a Processor CA leaves the last two members out.
 * @see Intel SGX PCK Certificate and CRL Profile Specification §1.3.5
 */
export function sgxExtension(machine: Machine, ca: PckCaKind = "platform"): Buffer {
  const member = (suffix: string, value: Buffer) => sequence(oid(`${SGX_EXTENSION}.${suffix}`), value);
  return extension(
    SGX_EXTENSION,
    sequence(
      member("1", octetString(machine.ppid)),
      member(
        "2",
        sequence(
          ...machine.componentSvns.map((svn, index) => member(`2.${index + 1}`, integer(svn))),
          member("2.17", integer(machine.pceSvn)),
          member("2.18", octetString(Buffer.from(machine.componentSvns))),
        ),
      ),
      member("3", octetString(machine.pceId)),
      member("4", octetString(machine.fmspc)),
      member("5", enumerated(ca === "platform" ? 1 : 0)),
      ...(ca === "platform"
        ? [
            member("6", octetString(machine.platformInstanceId)),
            member("7", sequence(member("7.1", boolean(true)), member("7.2", boolean(true)), member("7.3", boolean(true)))),
          ]
        : []),
    ),
  );
}

/** A measurement of something that does not exist. */
export function simulatedDigest(algorithm: "sha256" | "sha384", what: string): Buffer {
  return createHash(algorithm).update(`bauta simulator (SIMULATED): ${what}`).digest();
}
