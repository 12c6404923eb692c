import { pem } from "./mutate-text.ts";
import { joined } from "./mutate-bytes.ts";

/** One element of DER, its length in the shortest form. */
function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = joined(...parts);
  return joined(header(tag, body.length), body);
}

function header(tag: number, length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(tag, length);
  if (length < 0x100) return Uint8Array.of(tag, 0x81, length);
  if (length < 0x1_0000) return Uint8Array.of(tag, 0x82, length >> 8, length & 0xff);
  return Uint8Array.of(tag, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff);
}

/** Elements inside one another. */
export function deepDer(tag: number, depth: number): Uint8Array {
  const headers: Uint8Array[] = [];
  let length = 0;
  for (let level = 0; level < depth; level++) {
    const outer = header(tag, length);
    headers.push(outer);
    length += outer.length;
  }
  return joined(...headers.toReversed());
}

const sequence = (...parts: readonly Uint8Array[]) => der(0x30, ...parts);
const oid = (...bytes: readonly number[]) => der(0x06, Uint8Array.from(bytes));
const algorithm = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
const signature = der(0x03, Uint8Array.of(0), sequence(der(0x02, Uint8Array.of(1)), der(0x02, Uint8Array.of(1))));
const time = (text: string) => der(0x17, new TextEncoder().encode(text));
const key = sequence(
  sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01), oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07)),
  der(0x03, Uint8Array.of(0, 4), new Uint8Array(64)),
);

/** A name of so many parts. */
export function nameOf(parts: number): Uint8Array {
  const part = der(0x31, sequence(oid(0x55, 0x04, 0x0a), der(0x0c, new TextEncoder().encode("x"))));
  return sequence(...Array.from({ length: parts }, () => part));
}

/** Extensions of so many different types. */
export function extensionsOf(count: number): Uint8Array {
  const each = Array.from({ length: count }, (_, index) =>
    sequence(oid(0x2a, 0x03, 0x81 + (index >> 7), index & 0x7f), der(0x04, Uint8Array.of(5, 0))),
  );
  return der(0xa3, sequence(...each));
}

/** A certificate of the right form, with parts of a bomb's choice. */
export function certificateWith({ subject = nameOf(1), extensions = extensionsOf(1), serial = Uint8Array.of(1) } = {}): Uint8Array {
  const validity = sequence(time("200101000000Z"), time("400101000000Z"));
  const version = der(0xa0, der(0x02, Uint8Array.of(2)));
  const tbs = sequence(version, der(0x02, serial), algorithm, nameOf(1), validity, subject, key, extensions);
  return sequence(tbs, algorithm, signature);
}

/** A revocation list of the right form with so many entries. */
export function revocationListOf(entries: number, entryExtensions: Uint8Array = new Uint8Array()): Uint8Array {
  const revoked = Array.from({ length: entries }, (_, index) =>
    sequence(der(0x02, Uint8Array.of(1, index >> 16, (index >> 8) & 0xff, index & 0xff)), time("200101000000Z"), entryExtensions),
  );
  const number = sequence(oid(0x55, 0x1d, 0x14), der(0x04, der(0x02, Uint8Array.of(1))));
  const tbs = sequence(
    der(0x02, Uint8Array.of(1)),
    algorithm,
    nameOf(1),
    time("200101000000Z"),
    time("400101000000Z"),
    ...(entries > 0 ? [sequence(...revoked)] : []),
    der(0xa0, sequence(number)),
  );
  return sequence(tbs, algorithm, signature);
}

/** Offsets of a quote of version 4, in bytes. */
const SIGNATURE_LENGTH_AT = 48 + 584;
const CERTIFICATION_LENGTH_AT = SIGNATURE_LENGTH_AT + 4 + 64 + 64 + 2;
const AUTHENTICATION_LENGTH_AT = CERTIFICATION_LENGTH_AT + 4 + 384 + 64;

/** A sound quote of version 4, with another chain in the place of its own. */
export function withChain(quote: Uint8Array, chain: Uint8Array): Uint8Array {
  const view = new DataView(quote.buffer, quote.byteOffset, quote.byteLength);
  const authenticationBytes = view.getUint16(AUTHENTICATION_LENGTH_AT, true);
  const chainLengthAt = AUTHENTICATION_LENGTH_AT + 2 + authenticationBytes + 2;
  const output = joined(quote.subarray(0, chainLengthAt + 4), chain);
  const lengths = new DataView(output.buffer);
  lengths.setUint32(chainLengthAt, chain.length, true);
  lengths.setUint32(CERTIFICATION_LENGTH_AT, output.length - CERTIFICATION_LENGTH_AT - 4, true);
  lengths.setUint32(SIGNATURE_LENGTH_AT, output.length - SIGNATURE_LENGTH_AT - 4, true);
  return output;
}

const text = (chain: string) => new TextEncoder().encode(chain);
const BEGIN = "-----BEGIN CERTIFICATE-----";
const END = "-----END CERTIFICATE-----";
const LONGEST_CHAIN = 58_000;

/** Quotes that would cost a careless verifier its time or memory; made from a sound one. */
export function quoteBombs(quote: Uint8Array): Readonly<Record<string, Uint8Array>> {
  const withLength = (at: number, bytes: 2 | 4) => {
    const output = new Uint8Array(quote);
    output.fill(0xff, at, at + bytes);
    return output;
  };
  const chainBombs: Readonly<Record<string, string>> = {
    "certificates of nothing": `${BEGIN}${END}\n`.repeat(1000),
    "1,000 begin lines": `${BEGIN}\n`.repeat(2000),
    "1,000 small certificates": `${pem(Uint8Array.of(0x30, 0))}\n`.repeat(900),
    "a certificate without an end": `${BEGIN}\n${"A".repeat(LONGEST_CHAIN)}`,
    "a certificate of white space": `${BEGIN}${" \n".repeat(LONGEST_CHAIN / 2 - 60)}${END}`,
    "a certificate of padding": `${BEGIN}${"=".repeat(LONGEST_CHAIN - 60)}${END}`,
    "white space before a certificate": `${" \t\r\n".repeat(LONGEST_CHAIN / 4)}x`,
    NULs: "\0".repeat(LONGEST_CHAIN),
    dashes: "-".repeat(LONGEST_CHAIN),
    "a deep certificate": pem(deepDer(0x30, 2600)).concat("\n").repeat(3),
    "a certificate of many extensions": `${pem(certificateWith({ extensions: extensionsOf(500) }))}\n`.repeat(3),
    "a certificate of many name parts": `${pem(certificateWith({ subject: nameOf(500) }))}\n`.repeat(3),
    "a certificate with a deep name": `${pem(certificateWith({ subject: sequence(deepDer(0x31, 2000)) }))}\n`.repeat(3),
    "a certificate with a serial number of 7,000 bytes": `${pem(certificateWith({ serial: new Uint8Array(7000).fill(0x7f) }))}\n`.repeat(3),
    "bytes that are not UTF-8": "\ufffd".repeat(LONGEST_CHAIN / 3),
  };
  return {
    "signature data of 4 GiB": withLength(SIGNATURE_LENGTH_AT, 4),
    "certification data of 4 GiB": withLength(CERTIFICATION_LENGTH_AT, 4),
    "authentication data of 64 KiB": withLength(AUTHENTICATION_LENGTH_AT, 2),
    "a million zeros behind it": joined(quote, new Uint8Array(1_000_000)),
    "zeros up to the limit": joined(quote, new Uint8Array(64 * 1024 - quote.length)),
    "64 MiB of zeros": new Uint8Array(64 * 1024 * 1024),
    "64 KiB of 0xff": new Uint8Array(64 * 1024).fill(0xff),
    nothing: new Uint8Array(),
    ...Object.fromEntries(Object.entries(chainBombs).map(([name, chain]) => [`a chain: ${name}`, withChain(quote, text(chain))])),
  };
}

/** A JSON text of lists in lists. */
export function deepJson(depth: number): string {
  return "[".repeat(depth) + "]".repeat(depth);
}
