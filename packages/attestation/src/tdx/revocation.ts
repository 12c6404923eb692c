import { parseHex, toHex } from "@bauta/protocol";
import { MAX_CRL_BYTES, parseCrl, type RevocationList } from "../x509/crl.ts";
import { DerError } from "../x509/der.ts";
import { hasUsage, issuerFaults, orFault, quotedName, readChain } from "../x509/issued.ts";
import { type Certificate, KEY_USAGE } from "../x509/x509.ts";
import type { CollateralCache } from "./collateral-cache.ts";
import type { Issue, Piece } from "./collateral-piece.ts";
import { faultsOf } from "./judged.ts";

/** A revocation list as a piece of collateral. */
export type IssuedList = RevocationList & Issue;

/**
 * Reads a revocation list and verifies that this issuer signed it. Nothing that depends on the time.
 * @param hex the list's DER as hex
 * @param chain the issuer and what is above it, from where it was verified
 * @param pem the chain that came beside the list, which has to be the same
 */
export function verifyList(
  hex: string,
  chain: readonly [issuer: Certificate, ...Certificate[]],
  cache: CollateralCache,
  pem?: string,
): Promise<Piece<IssuedList>> {
  const [issuer] = chain;
  const chainKey = keyOf(chain);
  return cache.remember(`crl|${chainKey}|${hex}|${pem}`, async () => {
    const beside = pem === undefined ? chain : readChain(pem, chain.length);
    const faults = faultsOf(
      [
        typeof beside === "string" || keyOf(beside) !== chainKey,
        `the chain beside it ${typeof beside === "string" ? beside : "is not the quote's CA and root"}`,
      ],
      [!hasUsage(issuer, KEY_USAGE.crlSign), `${quotedName(issuer.commonName)} may not sign CRLs`],
    );
    const list = readList(hex);
    const unsigned = typeof list === "string" ? [list] : await issuerFaults("it", list, issuer);
    if (typeof list === "string" || unsigned.length > 0) return { faults: [...faults, ...unsigned] };
    const { thisUpdateMs: fromMs, nextUpdateMs: untilMs, revoked } = list;
    const number = (BigInt(Math.max(fromMs, 0) / 1000) << 32n) + BigInt(revoked.size);
    return { faults, value: { ...list, fromMs, untilMs, number } };
  });
}

/** Says which of these certificates a list withdraws. */
export function withdrawnAmong({ value }: Piece<IssuedList>, certificates: readonly Certificate[]): string[] {
  return certificates.flatMap(({ commonName, serial }) =>
    faultsOf([value?.revoked.has(serial) === true, `it withdraws ${quotedName(commonName)}, serial number ${serial}`]),
  );
}

function keyOf(chain: readonly Certificate[]): string {
  return chain.map(({ der }) => toHex(der)).join("|");
}

function readList(hex: string): RevocationList | string {
  const der = parseHex(hex, MAX_CRL_BYTES);
  return der ? orFault(DerError, () => parseCrl(der)) : `it is not hex of at most ${MAX_CRL_BYTES} bytes`;
}
