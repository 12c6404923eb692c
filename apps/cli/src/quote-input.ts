import { CommandError, EXIT } from "./exit.ts";

/** A quote's file: 64 KiB raw, twice that as hex, and white space. */
export const MAX_QUOTE_FILE_BYTES = 256 * 1024;
const HEADER_BYTES = 48;
const TEE_TYPES: Readonly<Record<number, string>> = { 0: "an SGX quote", 0x81: "a TDX quote" };

/** What people hand over by mistake, by its first bytes as hex. */
const FILE_KINDS: readonly (readonly [magic: string, kind: string])[] = [
  ["89504e47", "a PNG image"],
  ["ffd8ff", "a JPEG image"],
  ["1f8b", "a gzip file: unpack it first"],
  ["504b0304", "a ZIP file: unpack it first"],
  ["25504446", "a PDF file"],
  ["7f454c46", "a program (ELF)"],
  ["3082", "a DER certificate or list"],
];

/**
 * Finds the quote in a file: raw bytes, hex (also with `0x` and white space) or base64. A quote that is cut off or
 * changed is returned all the same, since saying what is wrong with it is the appraisal's matter.
 * @param name the file's, for messages
 * @throws {CommandError} naming what the file is instead, if it is no TDX quote at all; status 2
 * @see Intel TDX DCAP Quoting Library API, appendix A.3
 */
export function readQuoteInput(bytes: Uint8Array, name: string): Uint8Array<ArrayBuffer> {
  const marked = Buffer.from(bytes.subarray(0, 3)).toString("hex");
  if (marked.startsWith("fffe") || marked.startsWith("feff")) throw notQuote(name, "a text in UTF-16: save it as ASCII or UTF-8");
  // What Windows' tools put in front of UTF-8.
  const unmarked = marked === "efbbbf" ? bytes.subarray(3) : bytes;
  const quote = isText(unmarked) ? decodeText(Buffer.from(unmarked).toString("latin1").trim(), name) : new Uint8Array(bytes);
  const other = describeOther(quote);
  if (other !== undefined) throw notQuote(name, other);
  return quote;
}

function isText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => (byte >= 0x20 && byte < 0x7f) || (byte >= 0x09 && byte <= 0x0d));
}

function decodeText(text: string, name: string): Uint8Array<ArrayBuffer> {
  if (text === "") throw notQuote(name, "only white space");
  if (text.startsWith("{") || text.startsWith("["))
    throw notQuote(name, "JSON: give an attestation answer as --attestation, and collateral as --collateral");
  if (text.startsWith("-----BEGIN")) throw notQuote(name, "a PEM text");
  const digits = text.replaceAll(/\s+/g, "");
  const hex = digits.replace(/^0[xX]/, "");
  if (/^[0-9a-fA-F]+$/.test(hex)) {
    if (hex.length % 2 !== 0) throw notQuote(name, "hex with an odd number of digits: one is missing");
    return new Uint8Array(Buffer.from(hex, "hex"));
  }
  if (/^[A-Za-z0-9+/_-]+={0,2}$/.test(digits)) return new Uint8Array(Buffer.from(digits, "base64"));
  throw notQuote(name, "a text that is neither hex nor base64");
}

/** What bytes are that do not even begin as a TDX quote does; undefined when they do. */
function describeOther(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.subarray(0, 4)).toString("hex");
  const kind = FILE_KINDS.find(([magic]) => start.startsWith(magic))?.[1];
  if (kind !== undefined) return kind;
  if (bytes.length < HEADER_BYTES) return `${bytes.length} bytes, fewer than a quote's header of ${HEADER_BYTES}`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint16(0, true);
  const teeType = view.getUint32(4, true);
  // AMD's report has 1,184 bytes, a version from 2, and its signature algorithm (1: P-384) at 52.
  if (bytes.length >= 56 && [1184, 4000].includes(bytes.length) && view.getUint32(0, true) <= 16 && view.getUint32(52, true) === 1)
    return "an AMD SEV-SNP report: only Intel TDX can be verified";
  if (bytes.length === 1024 && bytes[0] === 0x81)
    return "a TDREPORT, which proves something on its own machine only: ask the machine for a quote";
  if (bytes.length === 432) return "an SGX report: only quotes of Intel TDX can be verified";
  if (version === 3) return "an SGX quote (version 3): only Intel TDX can be verified";
  if (version !== 4 && version !== 5) return `not one of version 4 or 5: it begins with ${start}`;
  if (teeType === 0x81) return undefined;
  return `${TEE_TYPES[teeType] ?? `a quote of TEE type 0x${teeType.toString(16)}`} (version ${version}): only Intel TDX can be verified`;
}

function notQuote(name: string, what: string): CommandError {
  return new CommandError(`${name}: not a TDX quote, but ${what}`, EXIT.usage);
}
