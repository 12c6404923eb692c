import { CollateralError } from "./collateral-error.ts";
import { splitJsonObject } from "./split-json.ts";

const SIGNATURE = /^[0-9a-fA-F]{128}$/;
const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** Which of Intel's two signed documents. */
export type SignedMember = "tcbInfo" | "enclaveIdentity";

/** A document exactly as it was signed, and the signature over it. */
export interface SignedJson {
  readonly text: string;
  /** r ‖ s, 128 lower-case hex digits. */
  readonly signature: string;
}

/** What a document says about itself; nothing here has been verified. */
export interface DocumentHead {
  /** `TDX` or `SGX`; `TD_QE`, `QE` or `QVE`. */
  readonly id: string;
  readonly issuedMs: number;
  readonly expiresMs: number;
  readonly evaluationNumber: number;
  /** Lower-case hex; TCB info only. */
  readonly fmspc?: string;
}

/** Decodes UTF-8 that must encode back to the same bytes: faulty sequences and a byte order mark are refused. */
export function decodeText(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new CollateralError("collateral_malformed", what, "is not UTF-8", { cause });
  }
}

/**
 * Cuts the signed document out of an answer such as `{"tcbInfo":{…},"signature":"…"}`, character for character.
 * @throws CollateralError (`collateral_malformed`)
 * @see Intel SGX and TDX Provisioning Certification Service API v4, "Get TDX TCB Info", "Get TDX QE Identity"
 */
export function parseSignedJson(answer: string, member: SignedMember, what: string): SignedJson {
  const members = splitJsonObject(answer, what);
  const text = members.get(member);
  if (!text?.startsWith("{")) throw new CollateralError("collateral_malformed", what, `has no object "${member}"`);
  const signature = readString(members.get("signature"));
  if (!signature || !SIGNATURE.test(signature)) {
    throw new CollateralError("collateral_malformed", what, 'has no "signature" of 128 hex digits');
  }
  return { text, signature: signature.toLowerCase() };
}

/**
 * Reads the head of a signed document: enough to know for what and until when it is.
 * @throws CollateralError (`collateral_malformed`)
 */
export function parseDocumentHead(text: string, what: string): DocumentHead {
  const members = splitJsonObject(text, what);
  const id = readString(members.get("id"));
  if (id === undefined) throw new CollateralError("collateral_malformed", what, 'has no "id"');
  const number = Number(members.get("tcbEvaluationDataNumber"));
  const fmspc = readString(members.get("fmspc"));
  if (!Number.isSafeInteger(number)) throw new CollateralError("collateral_malformed", what, 'has no whole "tcbEvaluationDataNumber"');
  if (fmspc !== undefined && !/^[0-9a-fA-F]{12}$/.test(fmspc)) {
    throw new CollateralError("collateral_malformed", what, 'has an "fmspc" that is not 12 hex digits');
  }
  return {
    id,
    issuedMs: readDate(members, "issueDate", what),
    expiresMs: readDate(members, "nextUpdate", what),
    evaluationNumber: number,
    ...(fmspc !== undefined && { fmspc: fmspc.toLowerCase() }),
  };
}

function readDate(members: ReadonlyMap<string, string>, name: string, what: string): number {
  const text = readString(members.get(name));
  const ms = text !== undefined && DATE.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw new CollateralError("collateral_malformed", what, `has no "${name}" such as 2026-01-31T00:00:00Z`);
  return ms;
}

/** @param raw a JSON value's text that has been scanned */
function readString(raw: string | undefined): string | undefined {
  return raw?.startsWith('"') ? (JSON.parse(raw) as string) : undefined;
}
