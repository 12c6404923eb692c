import type { PlatformCase, PlatformFamily } from "../platform-case.ts";
import { FALSE_RAW_SIGNATURES, otherS } from "../signatures.ts";

/** Where a quote of version 4 has the length of its signature data. */
const SIGNATURE_LENGTH_OFFSET = 48 + 584;

function patched(offset: number, ...bytes: readonly number[]): (quote: Uint8Array) => Uint8Array {
  return (quote) => {
    const copy = Uint8Array.from(quote);
    copy.set(bytes, offset);
    return copy;
  };
}

function flipped(offset: number): (quote: Uint8Array) => Uint8Array {
  return (quote) => patched(offset, (quote[offset] ?? 0) ^ 1)(quote);
}

const unreadable: readonly (readonly [string, (quote: Uint8Array) => Uint8Array])[] = [
  ["no bytes", () => new Uint8Array()],
  ["a header and nothing more", (quote) => quote.subarray(0, 48)],
  ["its last byte cut off", (quote) => quote.subarray(0, -1)],
  ["a byte behind it that is not zero", (quote) => Buffer.concat([quote, Buffer.from("00000001", "hex")])],
  ["version 3", patched(0, 3)],
  ["version 6", patched(0, 6)],
  ["an attestation key on P-384", patched(2, 3)],
  ["an SGX quote's TEE type", patched(4, 0)],
  ["another maker's quoting enclave", patched(12, 0)],
  ["signature data that claims four gigabytes", patched(SIGNATURE_LENGTH_OFFSET, 0xff, 0xff, 0xff, 0xff)],
  ["signature data that claims nothing", patched(SIGNATURE_LENGTH_OFFSET, 0, 0, 0, 0)],
  ["certification data of an unknown type", patched(SIGNATURE_LENGTH_OFFSET + 4 + 128, 9)],
  ["a QE report without its certificates", patched(SIGNATURE_LENGTH_OFFSET + 4 + 128 + 6 + 384 + 64 + 2 + 32, 3)],
];

const signatures = (fault: "quoteSignature" | "qeReportSignature", fails: PlatformCase["fails"], what: string): PlatformCase[] => [
  ...Object.entries(FALSE_RAW_SIGNATURES).map(([name, rewrite]): PlatformCase => ({
    name: `${what} with ${name}`,
    ...(fails && { fails }),
    faults: { [fault]: rewrite },
  })),
  { name: `${what} with the other s, which is as valid`, faults: { [fault]: otherS } },
];

export const quoteCases: PlatformFamily = {
  family: "quote",
  cases: [
    { name: "a quote of version 4" },
    { name: "a quote of version 5 with a TD 1.0 report", simulator: { quoteFormat: "v5-td10" } },
    { name: "a quote of version 5 with a TD 1.5 report", simulator: { quoteFormat: "v5-td15" } },
    { name: "a quote padded with zeros to 8,000 bytes", faults: { quoteBytes: (quote) => Buffer.concat([quote], 8000) } },
    ...unreadable.map(([name, quoteBytes]): PlatformCase => ({ name: `a quote with ${name}`, fails: "tdx.parse", faults: { quoteBytes } })),
    {
      name: "a quote of version 5 with an SGX body",
      fails: "tdx.parse",
      simulator: { quoteFormat: "v5-td10" },
      faults: { quoteBytes: patched(48, 1) },
    },
    {
      name: "a TD 1.0 body that says it is of TD 1.5",
      fails: "tdx.parse",
      simulator: { quoteFormat: "v5-td10" },
      faults: { quoteBytes: patched(48, 3) },
    },
    {
      name: "a TD 1.5 body that claims another size",
      fails: "tdx.parse",
      simulator: { quoteFormat: "v5-td15" },
      faults: { quoteBytes: patched(50, 0x48, 2) },
    },
    { name: "a quote signed by another key", fails: "tdx.quote-signature", faults: { foreignQuoteSigner: true } },
    { name: "a quote with a bit of MRTD flipped", fails: "tdx.quote-signature", faults: { quoteBytes: flipped(48 + 136) } },
    { name: "a quote with a bit of its header's user data flipped", fails: "tdx.quote-signature", faults: { quoteBytes: flipped(30) } },
    {
      name: "a TD 1.5 quote with a bit of MRSERVICETD flipped",
      fails: "tdx.quote-signature",
      simulator: { quoteFormat: "v5-td15" },
      faults: { quoteBytes: flipped(48 + 6 + 584 + 16) },
    },
    ...signatures("quoteSignature", "tdx.quote-signature", "a quote's signature"),
    { name: "a QE report for another attestation key", fails: "tdx.attestation-key-bound", faults: { foreignAttestationKey: true } },
    {
      name: "a QE report whose report data does not end in zeros",
      fails: "tdx.attestation-key-bound",
      faults: { qeReportDataTail: `${"00".repeat(31)}01` },
    },
    { name: "a QE report signed by another key", fails: "tdx.qe-report-signature", faults: { foreignPck: true } },
    ...signatures("qeReportSignature", "tdx.qe-report-signature", "a QE report's signature"),
  ],
};
