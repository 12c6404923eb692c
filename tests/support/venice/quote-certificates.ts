import { parseCertificate } from "../../../packages/attestation/src/x509/x509.ts";
import { flipped, type Mutation, quote } from "./mutation.ts";
import { PEM_BYTES_OFFSET } from "./quote-offsets.ts";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/g;
/** In front of the FMSPC in Intel's extension: its OID, and the head of an OCTET STRING of six bytes. */
const FMSPC_HEAD = "060a2a864886f84d010d01040406";

type Part = "serial" | "key" | "fmspc" | "signature";

/** The certificates of a chain in PEM, as DER. */
export function readPem(pem: string): Buffer[] {
  return [...pem.matchAll(CERTIFICATE)].map(([, base64 = ""]) => Buffer.from(base64, "base64"));
}

/** Writes certificates as Intel does: lines of 64 characters. */
export function writePem(ders: readonly Uint8Array[]): string {
  return ders
    .map((der) => {
      const lines =
        Buffer.from(der)
          .toString("base64")
          .match(/.{1,64}/g) ?? [];
      return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
    })
    .join("");
}

/** Flips a bit in one part of a certificate in PEM: 0 is the first. */
export function flipInPem(pem: string, index: number, part: Part): string {
  let seen = -1;
  return pem.replace(CERTIFICATE, (whole, base64: string) => {
    seen++;
    if (seen !== index) return whole;
    const der = Buffer.from(base64, "base64");
    const changed = Buffer.from(flipped(der, offsetOf(der, part))).toString("base64");
    return whole.replace(base64, base64.replace(/[^\n]+/g, linesOf(changed)));
  });
}

/** Flips a bit of a certificate in the quote. */
export function flipCertificate(index: number, part: Part): Mutation["change"] {
  return quote((bytes) => {
    const copy = Buffer.from(bytes);
    const end = copy.indexOf(0, PEM_BYTES_OFFSET);
    const pem = copy.toString("latin1", PEM_BYTES_OFFSET, end);
    copy.set(Buffer.from(flipInPem(pem, index, part), "latin1"), PEM_BYTES_OFFSET);
    return new Uint8Array(copy);
  });
}

/** Hands out a text in pieces as long as the lines that they replace. */
function linesOf(text: string): (line: string) => string {
  let at = 0;
  return (line) => text.slice(at, (at += line.length));
}

/** The offset of the last byte of a part. */
function offsetOf(der: Buffer, part: Part): number {
  const certificate = parseCertificate(der);
  if (part === "signature") return der.length - 1;
  if (part === "fmspc") return der.indexOf(Buffer.from(FMSPC_HEAD, "hex")) + FMSPC_HEAD.length / 2 + 5;
  const bytes = part === "key" ? Buffer.from(certificate.publicKey) : Buffer.from(certificate.serial, "hex");
  return der.indexOf(bytes) + bytes.length - 1;
}
