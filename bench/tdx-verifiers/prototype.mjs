import { webcrypto } from "prototype/backends.ts";
import { verifyQuote } from "prototype/tdx.ts";
import { parseCert } from "prototype/x509.ts";
import { intelSgxRootCa } from "../../packages/attestation/src/tdx/intel-root.ts";

/** The measuring prototype, which stops at the first fault, on WebCrypto. */
export async function create({ quote, collateral, nowMs }) {
  const root = parseCert(intelSgxRootCa());
  return async () => {
    const { status } = await verifyQuote(quote, collateral, nowMs, root, webcrypto);
    if (status !== "UpToDate") throw new Error(status);
  };
}
