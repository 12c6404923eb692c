import { createHash } from "node:crypto";
import type { SimulatedBuild } from "./build.ts";
import type { SimulatorFaults } from "./faults.ts";
import { createKeyPair, type SecretSource, type SigningKeyPair, signRaw } from "./keys.ts";
import type { Machine } from "./machine.ts";
import type { Pki } from "./pki.ts";

const QUOTE_VERSION = 4;
const ATTESTATION_KEY_TYPE_P256 = 2;
const TEE_TYPE_TDX = 0x81;
const INTEL_QE_VENDOR_ID = Buffer.from("939a7233f79c4ca9940a0db3957f0607", "hex");
const CERTIFICATION_TYPE_PCK_CHAIN = 5;
const CERTIFICATION_TYPE_QE_REPORT = 6;
const XFAM = Buffer.from("e702060000000000", "hex");
/** SEPT_VE_DISABLE, and nothing else. */
const TD_ATTRIBUTES = "0000001000000000";
const TD_ATTRIBUTES_DEBUG = "0100001000000000";
const REPORT_DATA_BYTES = 64;
/** In the first byte of an SGX enclave's attributes. */
const SGX_DEBUG = 0x02;

/** Writes quotes. All but the report data and its signature is made once. */
export type QuoteWriter = (reportData: Uint8Array) => Buffer;

export interface QuoteSubject {
  readonly machine: Machine;
  readonly pki: Pki;
  readonly build: SimulatedBuild;
  readonly debug: boolean;
  readonly faults: SimulatorFaults;
}

/**
 * Sets up a quoting enclave: its attestation key, its report that commits to the key, and the PCK's signature over that.
 * @see Intel TDX DCAP Quoting Library API, appendix A.3 (quote version 4)
 */
export function createQuoteWriter(secrets: SecretSource, subject: QuoteSubject): QuoteWriter {
  const { pki, faults } = subject;
  const attestationKey = createKeyPair(secrets, "attestation key");
  const signer = faults.foreignQuoteSigner ? createKeyPair(secrets, "foreign quote signer") : attestationKey;
  const beforeReportData = Buffer.concat([quoteHeader(secrets), ...reportFields(subject)]);
  const certification = certificationData(subject, secrets, attestationKey);
  const behindSignature = Buffer.concat([
    attestationKey.point,
    u16(CERTIFICATION_TYPE_QE_REPORT),
    u32(certification.length),
    certification,
  ]);
  const signatureDataLength = u32(REPORT_DATA_BYTES + behindSignature.length);
  return (asked) => {
    const reportData = faults.reportData?.(asked) ?? asked;
    if (reportData.length !== REPORT_DATA_BYTES) throw new RangeError(`report data has 64 bytes, not ${reportData.length}`);
    const signedBytes = Buffer.concat([beforeReportData, reportData]);
    const quote = Buffer.concat([signedBytes, signatureDataLength, signRaw(signer, signedBytes), behindSignature]);
    return faults.quoteBytes ? Buffer.from(faults.quoteBytes(quote)) : quote;
  };

  function certificationData(of: QuoteSubject, source: SecretSource, key: SigningKeyPair): Buffer {
    const authenticationData = source("qe authentication data");
    const committed = faults.foreignAttestationKey ? createKeyPair(source, "foreign attestation key") : key;
    const pck = faults.foreignPck ? createKeyPair(source, "foreign pck") : pki.pck.key;
    const report = qeReport(of, committed, authenticationData);
    // Intel's quoting enclaves end the chain with a NUL.
    const chain = Buffer.from(`${pki.pckChainPem}\0`);
    return Buffer.concat([
      report,
      signRaw(pck, report),
      u16(authenticationData.length),
      authenticationData,
      u16(CERTIFICATION_TYPE_PCK_CHAIN),
      u32(chain.length),
      chain,
    ]);
  }
}

function quoteHeader(secrets: SecretSource): Buffer {
  return Buffer.concat([
    u16(QUOTE_VERSION),
    u16(ATTESTATION_KEY_TYPE_P256),
    u32(TEE_TYPE_TDX),
    Buffer.alloc(4),
    INTEL_QE_VENDOR_ID,
    secrets("quoting enclave id", 16),
    Buffer.alloc(4),
  ]);
}

/** The TD report up to its report data. */
function reportFields({ machine, build, debug, faults }: QuoteSubject): Buffer[] {
  const register = (name: "mrtd" | "rtmr0" | "rtmr1" | "rtmr2" | "rtmr3") => hex(faults.measurements?.[name] ?? build[name], 48);
  return [
    machine.teeTcbSvn,
    machine.mrSeam,
    Buffer.alloc(48), // MRSIGNERSEAM: zero for Intel's modules
    Buffer.alloc(8), // SEAM attributes
    hex(faults.tdAttributes ?? (debug ? TD_ATTRIBUTES_DEBUG : TD_ATTRIBUTES), 8),
    XFAM,
    register("mrtd"),
    hex(faults.mrConfigId ?? `01${build.composeHash}${"00".repeat(15)}`, 48),
    Buffer.alloc(48), // MROWNER
    Buffer.alloc(48), // MROWNERCONFIG
    register("rtmr0"),
    register("rtmr1"),
    register("rtmr2"),
    register("rtmr3"),
  ];
}

/** The quoting enclave's SGX report. @see Intel SGX SDK, sgx_report_body_t */
function qeReport({ machine, faults }: QuoteSubject, attestationKey: SigningKeyPair, authenticationData: Buffer): Buffer {
  const qe = machine.quotingEnclave;
  const report = Buffer.alloc(384);
  report.set(machine.componentSvns, 0);
  report.set(qe.attributes, 48);
  if (faults.qeDebug) report.writeUInt8(report.readUInt8(48) | SGX_DEBUG, 48);
  report.set(qe.mrEnclave, 64);
  report.set(faults.qeMrSigner === undefined ? qe.mrSigner : hex(faults.qeMrSigner, 32), 128);
  report.writeUInt16LE(faults.qeProductId ?? qe.isvProdId, 256);
  report.writeUInt16LE(qe.isvSvn, 258);
  report.set(createHash("sha256").update(attestationKey.point).update(authenticationData).digest(), 320);
  return report;
}

function hex(digits: string, length: number): Buffer {
  const bytes = Buffer.from(digits, "hex");
  if (bytes.length !== length || digits.length !== 2 * length)
    throw new RangeError(`${length} bytes in hex are ${2 * length} digits, not "${digits}"`);
  return bytes;
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
