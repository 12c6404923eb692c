import { equalBytes, parseHex, toHex, utf8 } from "@bauta/protocol";
import { verifyP256 } from "../x509/ecdsa.ts";
import { hasUsage, issuerFaults, orFault, quotedName, readChain } from "../x509/issued.ts";
import { type Certificate, KEY_USAGE } from "../x509/x509.ts";
import type { CollateralCache, Verified } from "./collateral-cache.ts";
import type { Piece } from "./collateral-piece.ts";
import { CollateralShapeError, MAX_COLLATERAL_CHARACTERS } from "./json-shape.ts";
import { faultsOf } from "./judged.ts";

const SIGNER_NAME = "Intel SGX TCB Signing";
const SIGNATURE_BYTES = 64;

/** A signed text, its signature (r ‖ s, hex) and its signer's chain (PEM), all exactly as they were received. */
export type SignedText = readonly [text: string, signature: string, issuerChain: string];

/** A signed text and its signer; both are there only without faults. */
export interface SignedPiece<T> extends Piece<T> {
  readonly signer?: Certificate;
}

interface Signer extends Verified {
  readonly signer?: Certificate;
}

/**
 * Verifies a signed text of Intel's: the signature over its exact characters, its signer's role and certificate under
 * this root, and the shape of what it says. Nothing that depends on the time.
 * @param kind tells texts of different kinds apart in the cache
 * @see Intel SGX and TDX Provisioning Certification Service API v4, "TCB-Info-Issuer-Chain"
 */
export function verifySignedText<T extends object>(
  kind: string,
  signed: SignedText,
  parse: (text: string) => T,
  root: Certificate,
  cache: CollateralCache,
): Promise<SignedPiece<T>> {
  const [text, signature, issuerChain] = signed;
  const rootKey = toHex(root.der);
  // With the lengths in it, no two sets of texts make the same key.
  const key = [kind, rootKey, ...signed.map(({ length }) => length), ...signed].join("|");
  return cache.remember(key, async () => {
    if (text.length > MAX_COLLATERAL_CHARACTERS) return { faults: ["it is too long"] };
    const { signer, faults } = await cache.remember(`signer|${rootKey}|${issuerChain}`, () => verifySigner(issuerChain, root));
    if (!signer) return { faults };
    const bytes = parseHex(signature, SIGNATURE_BYTES);
    const holds = bytes?.length === SIGNATURE_BYTES && (await verifyP256(signer.publicKey, bytes, utf8(text)));
    if (!holds) return { faults: [`its signature is not by the key of ${quotedName(signer.commonName)} over this very text`] };
    const value = orFault(CollateralShapeError, () => parse(text));
    return typeof value === "string" ? { faults: [value] } : { faults, value, signer };
  });
}

/** Reads and verifies the chain of a signer: himself, and the root. */
async function verifySigner(pem: string, root: Certificate): Promise<Signer> {
  const chain = readChain(pem, 2);
  if (typeof chain === "string") return { faults: [`its issuer chain ${chain}`] };
  const [signer = root, end] = chain;
  const name = quotedName(signer.commonName);
  const faults = [
    ...faultsOf(
      [!equalBytes(end?.der ?? signer.der, root.der), "its issuer chain ends in another root than the quote's"],
      [signer.commonName !== SIGNER_NAME, `its signer is ${name}, not "${SIGNER_NAME}"`],
      [signer.isCa, `${name} is marked as a CA`],
      [!hasUsage(signer, KEY_USAGE.digitalSignature), `${name} may not sign data`],
    ),
    ...(await issuerFaults(name, signer, root)),
  ];
  return faults.length > 0 ? { faults } : { faults, signer };
}
