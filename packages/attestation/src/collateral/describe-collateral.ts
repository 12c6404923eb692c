import type { Collateral } from "./collateral.ts";
import { CollateralError } from "./collateral-error.ts";
import type { PckCa } from "./collateral-need.ts";
import { chainEndMs, parseChain } from "./issuer-chain.ts";
import { parseCrlHead, readRevocationList } from "./revocation-list-text.ts";
import { parseDocumentHead } from "./signed-json.ts";

/** What a collateral set says about itself, read from its pieces; nothing here has been verified. */
export interface CollateralDescription {
  /** Lower-case hex. */
  readonly fmspc: string;
  readonly ca?: PckCa;
  readonly evaluationNumber: number;
  /** The TCB info's date of issue, by which sets are told old from new. */
  readonly tcbIssuedMs: number;
  /** From here on every piece is in force. */
  readonly validFromMs: number;
  /** The earliest end: next updates of documents and CRLs, and the ends of the certificates that signed them. */
  readonly expiresMs: number;
}

/**
 * Reads what a set is for and until when it holds.
 * @throws CollateralError (`collateral_malformed`) naming the member at fault
 */
export function describeCollateral(collateral: Collateral): CollateralDescription {
  const tcbInfo = parseDocumentHead(collateral.tcb_info, "tcb_info");
  if (tcbInfo.id !== "TDX" || tcbInfo.fmspc === undefined) {
    throw new CollateralError("collateral_malformed", "tcb_info", "is not TCB info for TDX");
  }
  const qeIdentity = parseDocumentHead(collateral.qe_identity, "qe_identity");
  if (qeIdentity.id !== "TD_QE") throw new CollateralError("collateral_malformed", "qe_identity", "is not the identity of TD_QE");
  const pckCrl = crlHead(collateral, "pck_crl");
  const rootCrl = crlHead(collateral, "root_ca_crl");
  const pieces = [tcbInfo, qeIdentity, pckCrl, rootCrl];
  const chains = (["tcb_info_issuer_chain", "qe_identity_issuer_chain", "pck_crl_issuer_chain"] as const).map((name) =>
    chainEndMs(parseChain(collateral[name], name)),
  );
  return {
    fmspc: tcbInfo.fmspc,
    ...(pckCrl.ca && { ca: pckCrl.ca }),
    evaluationNumber: tcbInfo.evaluationNumber,
    tcbIssuedMs: tcbInfo.issuedMs,
    validFromMs: Math.max(...pieces.map((piece) => piece.issuedMs)),
    expiresMs: Math.min(...pieces.map((piece) => piece.expiresMs), ...chains),
  };
}

function crlHead(collateral: Collateral, name: "pck_crl" | "root_ca_crl") {
  const der = readRevocationList(collateral[name]);
  if (!der) throw new CollateralError("collateral_malformed", name, "is not a CRL");
  return parseCrlHead(der, name);
}
