import { assertShape, parseJsonObject, readHex, readNumber } from "./json-shape.ts";
import { type Issue, readIssue } from "./collateral-piece.ts";
import { type IsvLevel, readIsvLevels } from "./tcb-level.ts";

/** Intel's description of the TD quoting enclave; bytes as lower-case hex, in the order in which a report holds them. */
export interface QeIdentity extends Issue {
  readonly miscSelect: string;
  readonly miscSelectMask: string;
  readonly attributes: string;
  readonly attributesMask: string;
  readonly mrSigner: string;
  readonly isvProdId: number;
  /** The highest first. */
  readonly levels: readonly IsvLevel[];
}

/**
 * Reads the identity of the TD quoting enclave, version 2.
 * @throws CollateralShapeError
 * @see Intel SGX and TDX Provisioning Certification Service API v4, "Get TDX QE Identity"
 */
export function parseQeIdentity(text: string): QeIdentity {
  const body = parseJsonObject(text);
  assertShape(body["id"] === "TD_QE" && body["version"] === 2, "id or version (TD_QE, 2)");
  return {
    ...readIssue(body),
    miscSelect: readHex(body, "miscselect", 4),
    miscSelectMask: readHex(body, "miscselectMask", 4),
    attributes: readHex(body, "attributes", 16),
    attributesMask: readHex(body, "attributesMask", 16),
    mrSigner: readHex(body, "mrsigner", 32),
    isvProdId: readNumber(body, "isvprodid", 0xffff),
    levels: readIsvLevels(body, 0xffff),
  };
}
