import { toHex } from "@bauta/protocol";
import { MAX_CRL_BYTES } from "../x509/crl.ts";
import type { Collateral } from "./collateral.ts";
import { CollateralError } from "./collateral-error.ts";
import type { CollateralNeed } from "./collateral-need.ts";
import { type CollateralDescription, describeCollateral } from "./describe-collateral.ts";
import { CHAIN_HEADERS, decodeChain } from "./issuer-chain.ts";
import { readRevocationList } from "./revocation-list-text.ts";
import { type Answer, requestPiece, type RequestLimits } from "./request-piece.ts";
import type { ServiceAddresses } from "./service-address.ts";
import { decodeText, parseSignedJson } from "./signed-json.ts";

/** Intel's answers have 1 to 20 kB. */
const MAX_DOCUMENT_BYTES = 256 * 1024;
/** A PCCS may answer with hex, two characters a byte. */
const MAX_CRL_ANSWER_BYTES = 2 * MAX_CRL_BYTES + 2;

/** A set as a service gave it; nothing in it has been verified. */
export interface RequestedCollateral {
  readonly collateral: Collateral;
  readonly description: CollateralDescription;
}

/**
 * Requests the four pieces of a set at once, and checks that they are what was asked for.
 * @throws CollateralError naming the member at fault; the signal's reason when it is aborted
 * @see Intel SGX and TDX Provisioning Certification Service API v4
 */
export async function requestCollateral(
  addresses: ServiceAddresses,
  need: CollateralNeed,
  limits: RequestLimits,
  signal: AbortSignal,
): Promise<RequestedCollateral> {
  // One failure is the end of the others.
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal.reason);
  if (signal.aborted) throw signal.reason;
  signal.addEventListener("abort", onAbort, { once: true });
  const request = (what: keyof Collateral, url: string, maxBytes: number) => requestPiece(what, url, maxBytes, limits, stop.signal);
  try {
    const [tcbInfo, qeIdentity, pckCrl, rootCrl] = await Promise.all([
      request("tcb_info", addresses.tcbInfo(need), MAX_DOCUMENT_BYTES),
      request("qe_identity", addresses.qeIdentity, MAX_DOCUMENT_BYTES),
      request("pck_crl", addresses.pckCrl(need), MAX_CRL_ANSWER_BYTES),
      request("root_ca_crl", addresses.rootCrl, MAX_CRL_ANSWER_BYTES),
    ]);
    const collateral = assembleCollateral(tcbInfo, qeIdentity, pckCrl, rootCrl);
    return { collateral, description: checkAnswersNeed(collateral, need) };
  } finally {
    signal.removeEventListener("abort", onAbort);
    stop.abort();
  }
}

function assembleCollateral(tcbInfo: Answer, qeIdentity: Answer, pckCrl: Answer, rootCrl: Answer): Collateral {
  const tcb = parseSignedJson(decodeText(tcbInfo.body, "tcb_info"), "tcbInfo", "tcb_info");
  const qe = parseSignedJson(decodeText(qeIdentity.body, "qe_identity"), "enclaveIdentity", "qe_identity");
  return {
    tcb_info: tcb.text,
    tcb_info_signature: tcb.signature,
    tcb_info_issuer_chain: readChainHeader(tcbInfo.headers, CHAIN_HEADERS.tcbInfo, "tcb_info_issuer_chain"),
    qe_identity: qe.text,
    qe_identity_signature: qe.signature,
    qe_identity_issuer_chain: readChainHeader(qeIdentity.headers, CHAIN_HEADERS.enclaveIdentity, "qe_identity_issuer_chain"),
    pck_crl: readCrlBody(pckCrl.body, "pck_crl"),
    pck_crl_issuer_chain: readChainHeader(pckCrl.headers, CHAIN_HEADERS.pckCrl, "pck_crl_issuer_chain"),
    root_ca_crl: readCrlBody(rootCrl.body, "root_ca_crl"),
  };
}

/** @throws CollateralError: what cannot be read at all is not worth keeping, whatever its signatures are */
function checkAnswersNeed(collateral: Collateral, need: CollateralNeed): CollateralDescription {
  const description = describeCollateral(collateral);
  if (description.fmspc !== need.fmspc) {
    throw new CollateralError("collateral_mismatch", "tcb_info", `is for FMSPC ${description.fmspc}, and ${need.fmspc} was asked for`);
  }
  if (description.ca !== need.ca) {
    throw new CollateralError("collateral_mismatch", "pck_crl", `is not by the PCK ${need.ca} CA, which was asked for`);
  }
  return description;
}

function readChainHeader(headers: Headers, names: readonly string[], what: string): string {
  const value = names.map((name) => headers.get(name)).find((header) => header);
  if (!value) throw new CollateralError("collateral_malformed", what, `is missing: the answer has no header ${names.join(" or ")}`);
  return decodeChain(value, what);
}

function readCrlBody(body: Uint8Array, what: string): string {
  const der = readRevocationList(body);
  if (!der) throw new CollateralError("collateral_malformed", what, "is not a CRL in DER, hex, base64 or PEM");
  return toHex(der);
}
