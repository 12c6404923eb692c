import { CollateralError, type CollateralFile, type GpuEndorsements } from "@bauta/attestation";

/** An OCSP answer has less than 4 KiB. */
const MAX_OCSP_BYTES = 16 * 1024;
const NAMED_FOR = /\.(?:rim|swidtag|ocsp)$/i;

/** What a file holds of what NVIDIA says about GPUs; nothing in it has been verified. */
export type GpuPiece =
  | { readonly kind: "endorsements"; readonly endorsements: Omit<GpuEndorsements, "nras"> }
  | { readonly kind: "nras"; readonly token: unknown }
  | { readonly kind: "keySet"; readonly jwks: unknown };

/**
 * Tells by a file's contents what it holds: a manifest (XML, or the RIM service's JSON answer), an OCSP answer in DER, an
 * attestation answer with `gpu_endorsements`, an answer of NRAS or its key set, an entry of our own store.
 * @returns undefined when it holds nothing of this
 * @throws CollateralError naming the file, when it holds such a thing, or is named as if it did, and cannot be read
 */
export function readGpuPiece({ name, bytes }: CollateralFile): GpuPiece | undefined {
  if (isOcspAnswer(bytes)) return ofOcsp(name, bytes);
  const text = decode(bytes);
  const start = text?.trimStart()[0];
  if (text !== undefined && start === "<" && /<(?:\w+:)?SoftwareIdentity[\s>]/.test(text)) return ofRims(text);
  const piece = text !== undefined && (start === "{" || start === "[") ? readJson(name, text) : undefined;
  if (piece === undefined && NAMED_FOR.test(name)) throw malformed(name, "is neither a manifest (XML) nor an OCSP answer (DER)");
  return piece;
}

/** SEQUENCE { ENUMERATED responseStatus … }, which no certificate or list begins with. @see RFC 6960 §4.2.1 */
function isOcspAnswer(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0x30 || bytes[1] === undefined) return false;
  const lengthBytes = bytes[1] < 0x80 ? 0 : bytes[1] & 0x7f;
  return bytes[2 + lengthBytes] === 0x0a && bytes[3 + lengthBytes] === 1;
}

function readJson(name: string, text: string): GpuPiece | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Nothing tells what it was meant to be.
    return undefined;
  }
  if (Array.isArray(value)) return isNrasAnswer(value) ? { kind: "nras", token: value } : undefined;
  const { rim, id, gpu_endorsements: endorsements, keys, key, text: entry } = value as Readonly<Record<string, unknown>>;
  if (typeof rim === "string" && typeof id === "string") return ofRims(decodeRim(name, rim));
  if (typeof endorsements === "object" && endorsements !== null) return readEndorsements(name, endorsements);
  if (Array.isArray(keys) && keys.length > 0 && keys.every(isKey)) return { kind: "keySet", jwks: value };
  if (typeof key === "string" && typeof entry === "string") return readEntry(name, key, entry);
  return undefined;
}

/** What our own store keeps. */
function readEntry(name: string, key: string, text: string): GpuPiece | undefined {
  if (key.startsWith("rim/")) return ofRims(text);
  if (key.startsWith("ocsp/")) return ofOcsp(name, decodeBase64(text));
  return key.startsWith("jwks/") ? readJson(name, text) : undefined;
}

function readEndorsements(name: string, { rims = [], ocsp = [] }: { readonly rims?: unknown; readonly ocsp?: unknown }): GpuPiece {
  const [manifests, answers] = [asTexts(rims), asTexts(ocsp)];
  if (!manifests || !answers) throw malformed(name, "has gpu_endorsements whose rims and ocsp are not lists of texts");
  return { kind: "endorsements", endorsements: { rims: manifests, ocsp: answers.map((text) => checkOcsp(name, decodeBase64(text))) } };
}

function ofRims(xml: string): GpuPiece {
  return { kind: "endorsements", endorsements: { rims: [xml], ocsp: [] } };
}

function ofOcsp(name: string, der: Uint8Array | undefined): GpuPiece {
  return { kind: "endorsements", endorsements: { rims: [], ocsp: [checkOcsp(name, der)] } };
}

function checkOcsp(name: string, der: Uint8Array | undefined): Uint8Array {
  if (der === undefined || der.length === 0) throw malformed(name, "holds an OCSP answer that is not base64");
  if (der.length > MAX_OCSP_BYTES) throw malformed(name, `holds an OCSP answer of ${der.length} bytes, more than ${MAX_OCSP_BYTES}`);
  return der;
}

function decodeRim(name: string, base64: string): string {
  const bytes = decodeBase64(base64);
  const text = bytes && decode(bytes);
  if (text === undefined || text === "") throw malformed(name, 'is an answer of the RIM service whose "rim" is not base64 of a text');
  return text;
}

function decodeBase64(text: string): Uint8Array | undefined {
  const digits = text.replaceAll(/\s+/g, "");
  return /^[A-Za-z0-9+/]*={0,2}$/.test(digits) ? new Uint8Array(Buffer.from(digits, "base64")) : undefined;
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** `[["JWT", token], {"GPU-0": token, …}]` */
function isNrasAnswer([overall]: readonly unknown[]): boolean {
  return Array.isArray(overall) && overall[0] === "JWT";
}

function isKey(value: unknown): boolean {
  return typeof value === "object" && value !== null && "kid" in value && "kty" in value;
}

function asTexts(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((text) => typeof text === "string") ? value : undefined;
}

function malformed(name: string, problem: string): CollateralError {
  return new CollateralError("collateral_malformed", name, problem);
}
