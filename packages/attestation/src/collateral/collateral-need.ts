import { parsePemCertificates, PemError } from "../x509/pem.ts";
import { CertificateError, parseCertificate } from "../x509/x509.ts";
import { parseQuote, QuoteError } from "../tdx/quote.ts";
import { parseSgxExtension } from "../tdx/sgx-extension.ts";
import { CollateralError } from "./collateral-error.ts";

/** Which of Intel's two PCK CAs issued a machine's certificate. */
export type PckCa = "platform" | "processor";

/** What a machine's collateral is filed under. */
export interface CollateralNeed {
  /** 12 lower-case hex digits. */
  readonly fmspc: string;
  readonly ca: PckCa;
}

/**
 * Says which collateral a quote needs, from the PCK certificate that it carries. Nothing is verified: it only says
 * what to look for.
 * @returns undefined when the quote or its certificate cannot be read
 */
export function collateralNeed(quote: Uint8Array): CollateralNeed | undefined {
  try {
    const [leaf] = parsePemCertificates(new TextDecoder().decode(parseQuote(quote).pckChain)).map(parseCertificate);
    if (!leaf) return undefined;
    const { fmspc } = parseSgxExtension(leaf);
    const issuer = new TextDecoder("latin1").decode(leaf.issuer);
    return { fmspc, ca: issuer.includes("PCK Platform CA") ? "platform" : "processor" };
  } catch (error) {
    if (error instanceof QuoteError || error instanceof PemError || error instanceof CertificateError) return undefined;
    throw error;
  }
}

/** @throws CollateralError (`collateral_settings`) when it cannot be asked for */
export function checkNeed({ fmspc, ca }: CollateralNeed): CollateralNeed {
  if (!/^[0-9a-fA-F]{12}$/.test(fmspc)) throw new CollateralError("collateral_settings", "fmspc", "must be 12 hex digits");
  if (ca !== "platform" && ca !== "processor") throw new CollateralError("collateral_settings", "ca", "must be platform or processor");
  return { fmspc: fmspc.toLowerCase(), ca };
}
