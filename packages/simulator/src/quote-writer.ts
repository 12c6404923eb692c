import { createHash } from "node:crypto";
import { createKeyPair, type SecretSource, type SigningKeyPair, signRaw } from "./keys.ts";
import type { Pki } from "./pki.ts";
import { hexBytes, QUOTE_FORMATS, type QuoteFormat, u16, u32 } from "./quote-layout.ts";
import { type Td, writeReportHead, writeReportTail } from "./td-report.ts";

const ATTESTATION_KEY_TYPE_P256 = 2;
const TEE_TYPE_TDX = 0x81;
const INTEL_QE_VENDOR_ID = Buffer.from("939a7233f79c4ca9940a0db3957f0607", "hex");
const CERTIFICATION_TYPE_PCK_CHAIN = 5;
const CERTIFICATION_TYPE_QE_REPORT = 6;
const REPORT_DATA_BYTES = 64;
const SIGNATURE_BYTES = 64;
/** In the first byte of an SGX enclave's attributes. */
const SGX_DEBUG = 0x02;

/** Writes quotes. All but the report data and its signature is made once. */
export type QuoteWriter = (reportData: Uint8Array) => Buffer;

export interface QuoteSubject extends Td {
  readonly pki: Pki;
  readonly format: QuoteFormat;
}

/**
 * Sets up a quoting enclave: its attestation key, its report that commits to the key, and the PCK's signature over that.
 * @see Intel TDX DCAP Quoting Library API, appendix A.3 (quote version 4) and A.4 (version 5)
 */
export function createQuoteWriter(secrets: SecretSource, subject: QuoteSubject): QuoteWriter {
  const { faults, format } = subject;
  const attestationKey = createKeyPair(secrets, "attestation key");
  const signer = faults.foreignQuoteSigner ? createKeyPair(secrets, "foreign quote signer") : attestationKey;
  const tail = writeReportTail(subject, format);
  const head = writeReportHead(subject);
  const bodyBytes = head.length + REPORT_DATA_BYTES + tail.length;
  const beforeReportData = Buffer.concat([quoteHead(secrets, subject, bodyBytes), head]);
  const certification = certificationData(secrets, subject, attestationKey);
  const behindSignature = Buffer.concat([
    attestationKey.point,
    u16(CERTIFICATION_TYPE_QE_REPORT),
    u32(certification.length),
    certification,
  ]);
  const signatureDataLength = u32(SIGNATURE_BYTES + behindSignature.length);
  return (asked) => {
    const reportData = faults.reportData?.(asked) ?? asked;
    if (reportData.length !== REPORT_DATA_BYTES) throw new RangeError(`report data has 64 bytes, not ${reportData.length}`);
    const signedBytes = Buffer.concat([beforeReportData, reportData, tail]);
    const signature = signRaw(signer, signedBytes);
    const quote = Buffer.concat([signedBytes, signatureDataLength, faults.quoteSignature?.(signature) ?? signature, behindSignature]);
    return faults.quoteBytes ? Buffer.from(faults.quoteBytes(quote)) : quote;
  };
}

/** The header, and in version 5 what kind of body follows. */
function quoteHead(secrets: SecretSource, { format, faults }: QuoteSubject, bodyBytes: number): Buffer {
  const { version, bodyType } = QUOTE_FORMATS[format];
  const header = Buffer.concat([
    u16(version),
    u16(ATTESTATION_KEY_TYPE_P256),
    u32(TEE_TYPE_TDX),
    Buffer.alloc(4),
    INTEL_QE_VENDOR_ID,
    secrets("quoting enclave id", 16),
    Buffer.alloc(4),
  ]);
  return Buffer.concat([faults.quoteHeader?.(header) ?? header, ...(bodyType === undefined ? [] : [u16(bodyType), u32(bodyBytes)])]);
}

function certificationData(secrets: SecretSource, subject: QuoteSubject, attestationKey: SigningKeyPair): Buffer {
  const { pki, faults } = subject;
  const authenticationData = secrets("qe authentication data");
  const committed = faults.foreignAttestationKey ? createKeyPair(secrets, "foreign attestation key") : attestationKey;
  const pck = faults.foreignPck ? createKeyPair(secrets, "foreign pck") : pki.pck.key;
  const report = qeReport(subject, committed, authenticationData);
  const signature = signRaw(pck, report);
  // Intel's quoting enclaves end the chain with a NUL.
  const chain = Buffer.from(`${pki.pckChainPem}\0`);
  return Buffer.concat([
    report,
    faults.qeReportSignature?.(signature) ?? signature,
    u16(authenticationData.length),
    authenticationData,
    u16(CERTIFICATION_TYPE_PCK_CHAIN),
    u32(chain.length),
    chain,
  ]);
}

/** The quoting enclave's SGX report. @see Intel SGX SDK, sgx_report_body_t */
function qeReport({ machine, faults }: QuoteSubject, attestationKey: SigningKeyPair, authenticationData: Buffer): Buffer {
  const qe = machine.quotingEnclave;
  const report = Buffer.alloc(384);
  report.set(machine.componentSvns, 0);
  report.writeUInt32LE(faults.qeMiscSelect ?? 0, 16);
  report.set(faults.qeAttributes === undefined ? qe.attributes : hexBytes(faults.qeAttributes, 16), 48);
  if (faults.qeDebug) report.writeUInt8(report.readUInt8(48) | SGX_DEBUG, 48);
  report.set(qe.mrEnclave, 64);
  report.set(faults.qeMrSigner === undefined ? qe.mrSigner : hexBytes(faults.qeMrSigner, 32), 128);
  report.writeUInt16LE(faults.qeProductId ?? qe.isvProdId, 256);
  report.writeUInt16LE(faults.qeSvn ?? qe.isvSvn, 258);
  report.set(createHash("sha256").update(attestationKey.point).update(authenticationData).digest(), 320);
  if (faults.qeReportDataTail !== undefined) report.set(hexBytes(faults.qeReportDataTail, 32), 352);
  return report;
}
