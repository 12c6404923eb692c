import { parseBase64, parseHex } from "@bauta/protocol";
import { MAX_CRL_BYTES, parseCrl } from "../x509/crl.ts";
import { DerError } from "../x509/der.ts";
import type { PckCa } from "./collateral-need.ts";
import { CollateralError } from "./collateral-error.ts";

const SEQUENCE = 0x30;
const BEGIN = "-----BEGIN X509 CRL-----";
const END = "-----END X509 CRL-----";

/** What a CRL says about itself; nothing here has been verified. */
export interface CrlHead {
  /** Whose certificates it revokes; undefined for any issuer that is not one of Intel's PCK CAs, such as the root. */
  readonly ca?: PckCa;
  readonly issuedMs: number;
  readonly expiresMs: number;
}

/**
 * Reads a CRL in any form in which servers and files hold one: DER, or a text with hex, base64 or PEM of it.
 * @returns the DER, or undefined when it is none of these; a SEQUENCE, but not further parsed
 */
export function readRevocationList(input: Uint8Array | string): Uint8Array<ArrayBuffer> | undefined {
  // DER begins with "0". Its hex begins with "3", base64 of it with "M", PEM with "-".
  const der = typeof input === "string" ? readText(input) : isDer(input) ? new Uint8Array(input) : readText(latin1(input));
  return der && isDer(der) ? der : undefined;
}

/**
 * Reads a CRL's issuer and dates.
 * @throws CollateralError (`collateral_malformed`)
 * @see RFC 5280 §5.1
 */
export function parseCrlHead(der: Uint8Array<ArrayBuffer>, what: string): CrlHead {
  try {
    const list = parseCrl(der);
    const ca = /PCK (Platform|Processor) CA/.exec(list.issuerName)?.[1]?.toLowerCase() as PckCa | undefined;
    return { ...(ca && { ca }), issuedMs: list.thisUpdateMs, expiresMs: list.nextUpdateMs };
  } catch (cause) {
    if (cause instanceof DerError) throw new CollateralError("collateral_malformed", what, `is not a CRL: ${cause.message}`, { cause });
    throw cause;
  }
}

function readText(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length > 3 * MAX_CRL_BYTES) return undefined;
  const trimmed = text.replace(/\0$/, "").trim();
  const pem = trimmed.startsWith(BEGIN) && trimmed.endsWith(END) ? trimmed.slice(BEGIN.length, -END.length) : trimmed;
  const body = pem.replaceAll(/[\r\n\t ]+/g, "");
  return parseHex(body, MAX_CRL_BYTES) ?? parseBase64(body, MAX_CRL_BYTES);
}

function isDer(bytes: Uint8Array): boolean {
  return bytes[0] === SEQUENCE && bytes.length <= MAX_CRL_BYTES;
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}
