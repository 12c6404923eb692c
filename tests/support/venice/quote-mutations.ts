import { PEM_BYTES_OFFSET, QE_REPORT, REPORT } from "./quote-offsets.ts";
import { flipCertificate } from "./quote-certificates.ts";
import { flipped, mutation, type Mutation, quote } from "./mutation.ts";

const bit = (offset: number, mask?: number) => quote((bytes) => flipped(bytes, offset, mask));
const report = (what: string, offset: number): Mutation =>
  mutation(`a bit of the report: ${what}`, "tdx.quote-signature", bit(REPORT + offset));
const enclave = (what: string, offset: number): Mutation =>
  mutation(`a bit of the QE report: ${what}`, "tdx.qe-report-signature", bit(QE_REPORT + offset));

const HEADER: readonly Mutation[] = [
  mutation("a bit of the header: version", "tdx.parse", bit(0, 2)),
  mutation("a bit of the header: attestation key type", "tdx.parse", bit(2)),
  mutation("a bit of the header: TEE type", "tdx.parse", bit(4)),
  mutation("a bit of the header: reserved bytes", "tdx.quote-signature", bit(8)),
  mutation("a bit of the header: vendor", "tdx.parse", bit(12)),
  mutation("a bit of the header: user data", "tdx.quote-signature", bit(28)),
];

const TD_REPORT: readonly Mutation[] = [
  report("TEE TCB SVN", 0),
  report("MRSEAM", 16),
  report("MRSIGNERSEAM", 64),
  report("SEAM attributes", 112),
  report("TD attributes, debug", 120),
  report("TD attributes, SEPT_VE_DISABLE", 123),
  report("XFAM", 128),
  report("MRTD", 136),
  report("MRCONFIGID", 184),
  report("MROWNER", 232),
  report("MROWNERCONFIG", 280),
  report("RTMR0", 328),
  report("RTMR1", 376),
  report("RTMR2", 424),
  report("RTMR3", 472),
  report("REPORTDATA, the address", 520),
  report("REPORTDATA, the zeros", 551),
  report("REPORTDATA, the nonce", 583),
];

const SIGNATURES: readonly Mutation[] = [
  mutation("a bit of the length of the signature data", "tdx.parse", bit(632)),
  mutation("a bit of the quote's signature: r", "tdx.quote-signature", bit(636)),
  mutation("a bit of the quote's signature: s", "tdx.quote-signature", bit(699)),
  mutation("a bit of the attestation key", "tdx.attestation-key-bound", bit(700), {
    also: ["tdx.quote-signature"],
    why: "the signature is to be verified with this key, and the QE's report commits to it",
  }),
  mutation("a bit of the type of the certification data", "tdx.parse", bit(764)),
  enclave("CPUSVN", 0),
  enclave("MISCSELECT", 16),
  enclave("attributes, debug", 48),
  enclave("MRENCLAVE", 64),
  enclave("MRSIGNER", 128),
  enclave("ISVPRODID", 256),
  enclave("ISVSVN", 258),
  mutation("a bit of the QE report: report data, the key's hash", "tdx.attestation-key-bound", bit(QE_REPORT + 320), {
    also: ["tdx.qe-report-signature"],
    why: "the PCK signed these bytes, and they are the commitment to the attestation key",
  }),
  mutation("a bit of the QE report: report data, the zeros", "tdx.attestation-key-bound", bit(QE_REPORT + 383), {
    also: ["tdx.qe-report-signature"],
    why: "the PCK signed these bytes, and the commitment is the whole field",
  }),
  mutation("a bit of the QE report's signature: r", "tdx.qe-report-signature", bit(QE_REPORT + 384)),
  mutation("a bit of the QE report's signature: s", "tdx.qe-report-signature", bit(QE_REPORT + 447)),
  mutation("a bit of the QE authentication data", "tdx.attestation-key-bound", bit(QE_REPORT + 450)),
  mutation("a bit of the type of the certificates", "tdx.parse", bit(PEM_BYTES_OFFSET - 6)),
];

const CERTIFICATES: readonly Mutation[] = [
  mutation("a bit of the PCK certificate: FMSPC", "tdx.pck-chain", flipCertificate(0, "fmspc")),
  mutation("a bit of the PCK certificate: serial number", "tdx.pck-chain", flipCertificate(0, "serial")),
  mutation("a bit of the PCK certificate: public key", "tdx.pck-chain", flipCertificate(0, "key"), {
    also: ["tdx.qe-report-signature"],
    why: "the CA signed this key, and the QE report's signature is to be verified with it",
  }),
  mutation("a bit of the PCK certificate: signature", "tdx.pck-chain", flipCertificate(0, "signature")),
  mutation("a bit of the PCK CA: serial number", "tdx.pck-chain", flipCertificate(1, "serial")),
  mutation("a bit of the PCK CA: public key", "tdx.pck-chain", flipCertificate(1, "key")),
  mutation("a bit of the PCK CA: signature", "tdx.pck-chain", flipCertificate(1, "signature")),
  mutation("a bit of the root: serial number", "tdx.pck-chain", flipCertificate(2, "serial")),
  mutation("a bit of the root: public key", "tdx.pck-chain", flipCertificate(2, "key")),
  mutation("a bit of the root: signature", "tdx.pck-chain", flipCertificate(2, "signature")),
  mutation("a bit of the chain's PEM armour", "tdx.pck-chain", bit(PEM_BYTES_OFFSET + 5)),
];

const LENGTHS: readonly Mutation[] = [
  mutation(
    "the quote cut short",
    "tdx.parse",
    quote((bytes) => bytes.slice(0, 4900)),
  ),
  mutation("a byte in the padding behind the quote", "tdx.parse", bit(5009)),
  mutation(
    "no quote at all",
    "tdx.parse",
    quote(() => new Uint8Array()),
  ),
];

/** A bit in each region of the quote, signed or not, and the quote cut short. */
export const QUOTE_MUTATIONS: readonly Mutation[] = [...HEADER, ...TD_REPORT, ...SIGNATURES, ...CERTIFICATES, ...LENGTHS];
