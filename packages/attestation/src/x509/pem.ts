import { parseBase64 } from "@bauta/protocol";
import { MAX_CERTIFICATE_BYTES } from "./x509.ts";

/** Intel's chains have three certificates and about 3,700 characters. */
const MAX_PEM_CHARACTERS = 64 * 1024;
const MAX_CERTIFICATES = 8;

/** A text that is not a plain list of PEM certificates. */
export class PemError extends Error {
  override readonly name = "PemError";
  readonly code = "pem_malformed";
  readonly action = "stop";
}

/**
 * Reads a chain of PEM certificates. Between them only white space may stand, and after the last one a NUL,
 * as quoting enclaves write it.
 * @returns each certificate's DER, in the order of the text; at least one
 * @throws PemError
 * @see RFC 7468 §5
 */
export function parsePemCertificates(text: string): Uint8Array<ArrayBuffer>[] {
  if (text.length > MAX_PEM_CHARACTERS)
    throw new PemError(`${text.length} characters are more than the ${MAX_PEM_CHARACTERS} that are read`);
  const begin = "-----BEGIN CERTIFICATE-----";
  const end = "-----END CERTIFICATE-----";
  const certificates: Uint8Array<ArrayBuffer>[] = [];
  let rest = text.replace(/\0$/, "").trim();
  while (rest.length > 0) {
    if (!rest.startsWith(begin)) throw new PemError(`certificate ${certificates.length + 1} does not begin with ${begin}`);
    const stop = rest.indexOf(end);
    if (stop < 0) throw new PemError(`certificate ${certificates.length + 1} has no end line`);
    if (certificates.length === MAX_CERTIFICATES) throw new PemError(`more than ${MAX_CERTIFICATES} certificates`);
    const body = rest.slice(begin.length, stop).replace(/[\r\n\t ]+/g, "");
    const der = /^[A-Za-z0-9+/]+={0,2}$/.test(body) ? parseBase64(body, MAX_CERTIFICATE_BYTES) : undefined;
    if (!der) throw new PemError(`certificate ${certificates.length + 1} is not base64 of at most ${MAX_CERTIFICATE_BYTES} bytes`);
    certificates.push(der);
    rest = rest.slice(stop + end.length).trim();
  }
  if (certificates.length === 0) throw new PemError("holds no certificate");
  return certificates;
}
