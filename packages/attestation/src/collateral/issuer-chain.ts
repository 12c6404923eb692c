import { parsePemCertificates, PemError } from "../x509/pem.ts";
import { type Certificate, CertificateError, parseCertificate } from "../x509/x509.ts";
import { CollateralError } from "./collateral-error.ts";

/** Characters of a chain, URL-encoded or not; Intel's have about 2,500. */
const MAX_CHAIN_CHARACTERS = 64 * 1024;

/** The issuer chains' response headers, which differ by endpoint and version of the service. */
export const CHAIN_HEADERS = {
  tcbInfo: ["TCB-Info-Issuer-Chain", "SGX-TCB-Info-Issuer-Chain"],
  enclaveIdentity: ["SGX-Enclave-Identity-Issuer-Chain"],
  pckCrl: ["SGX-PCK-CRL-Issuer-Chain"],
} as const;

/** Takes URL-encoding off a chain, where there is any. PEM itself has no percent sign. */
export function decodeChain(text: string, what: string): string {
  if (text.length > MAX_CHAIN_CHARACTERS) {
    throw new CollateralError("collateral_malformed", what, `has ${text.length} characters, more than ${MAX_CHAIN_CHARACTERS}`);
  }
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new CollateralError("collateral_malformed", what, "is not URL-encoded PEM", { cause });
  }
}

/**
 * Reads a chain's certificates, the signer's first.
 * @throws CollateralError (`collateral_malformed`)
 */
export function parseChain(pem: string, what: string): readonly [Certificate, ...Certificate[]] {
  try {
    const [signer, ...issuers] = parsePemCertificates(pem).map(parseCertificate);
    if (!signer) throw new PemError("holds no certificate");
    return [signer, ...issuers];
  } catch (cause) {
    if (!(cause instanceof PemError) && !(cause instanceof CertificateError)) throw cause;
    throw new CollateralError("collateral_malformed", what, `is not a chain of certificates: ${cause.message}`, { cause });
  }
}

/** The moment at which the first certificate of a chain ends, milliseconds since 1970. */
export function chainEndMs(chain: readonly Certificate[]): number {
  return Math.min(...chain.map((certificate) => certificate.notAfterMs));
}
