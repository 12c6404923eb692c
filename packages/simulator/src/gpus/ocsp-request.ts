/** What an OCSP request asks for. */
export interface OcspRequest {
  /** The CertID, DER. */
  readonly certId: Buffer;
  /** What it says besides its hash algorithm, DER. */
  readonly certIdMembers: Buffer;
  readonly nonce?: Buffer;
}

const SEQUENCE = 0x30;
const OCTET_STRING = 0x04;
const EXTENSIONS = 0xa2;
/** 1.3.6.1.5.5.7.48.1.2 */
const NONCE_OID = Buffer.from("06092b0601050507300102", "hex");
const MAX_REQUEST_BYTES = 1024;

/**
 * Reads a request about one certificate.
 * @throws RangeError when it is none
 * @see RFC 6960 §4.1.1
 */
export function parseOcspRequest(der: Uint8Array): OcspRequest {
  if (der.length > MAX_REQUEST_BYTES) throw new RangeError(`an OCSP request is at most ${MAX_REQUEST_BYTES} bytes, not ${der.length}`);
  const [tbs] = elements(only(elements(der), SEQUENCE));
  if (tbs?.tag !== SEQUENCE) throw new RangeError("an OCSP request has no TBSRequest");
  const parts = elements(tbs.body);
  const request = only(elements(only(parts, SEQUENCE)), SEQUENCE);
  const [certId] = elements(request);
  if (certId?.tag !== SEQUENCE) throw new RangeError("an OCSP request has no CertID");
  const [, ...members] = elements(certId.body);
  const wrapped = parts.find(({ tag }) => tag === EXTENSIONS);
  const extensions = wrapped ? elements(only(elements(wrapped.body), SEQUENCE)) : [];
  const nonce = extensions.map(({ body }) => elements(body)).find(([id]) => id?.raw.equals(NONCE_OID));
  const certIdMembers = Buffer.concat(members.map(({ raw }) => raw));
  return { certId: certId.raw, certIdMembers, ...(nonce && { nonce: only(elements(only(nonce, OCTET_STRING)), OCTET_STRING) }) };
}

interface Element {
  readonly tag: number;
  readonly raw: Buffer;
  readonly body: Buffer;
}

function elements(der: Uint8Array): Element[] {
  const bytes = Buffer.from(der);
  const found: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = bytes.readUInt8(at);
    const first = bytes.readUInt8(at + 1);
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    if (lengthBytes > 2 || first === 0x80) throw new RangeError("an OCSP request has a length that is not DER");
    const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes);
    const start = at + 2 + lengthBytes;
    if (start + length > bytes.length) throw new RangeError("an OCSP request ends too early");
    found.push({ tag, raw: bytes.subarray(at, start + length), body: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return found;
}

function only(among: readonly Element[], tag: number): Buffer {
  const [found, ...others] = among.filter((element) => element.tag === tag);
  if (!found || others.length > 0) throw new RangeError("an OCSP request is about one certificate");
  return found.body;
}
