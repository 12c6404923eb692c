/** Intel's chains have three certificates and about 3,700 characters. */
const MAX_PEM_CHARACTERS = 64 * 1024;
const MAX_CERTIFICATES = 8;
/** Every certificate begins with M in base64. Each part begins with what the one before cannot hold: linear in the length. */
const CERTIFICATE = /-----BEGIN CERTIFICATE-----(\s*M[A-Za-z0-9+/\s]+(?:={1,2}\s*)?)-----END CERTIFICATE-----\s*/g;
const CHAIN = new RegExp(`^\\s*(?:${CERTIFICATE.source}){1,${MAX_CERTIFICATES}}\\0*$`);

/** A text that is not a plain list of PEM certificates. */
export class PemError extends Error {
  override readonly name = "PemError";
  readonly code = "pem_malformed";
  readonly action = "stop";
}

/**
 * Reads a chain of PEM certificates. Between them only white space may stand, and after the last one NULs,
 * as quoting enclaves write them.
 * @returns each certificate's DER, in the order of the text; at least one
 * @throws PemError
 * @see RFC 7468 §5
 */
export function parsePemCertificates(text: string): Uint8Array<ArrayBuffer>[] {
  if (text.length > MAX_PEM_CHARACTERS || !CHAIN.test(text)) throw new PemError(`not 1 to ${MAX_CERTIFICATES} PEM certificates`);
  return Array.from(text.matchAll(CERTIFICATE), ([, body = ""]) => decodeBase64(body.replace(/\s+/g, "")));
}

/** Standard base64 with its padding. A plain loop: every quote brings three certificates. */
function decodeBase64(body: string): Uint8Array<ArrayBuffer> {
  let binary: string;
  try {
    binary = atob(body);
  } catch (cause) {
    throw new PemError("a certificate that is not base64", { cause });
  }
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
