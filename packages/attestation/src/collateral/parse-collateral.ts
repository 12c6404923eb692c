import { toHex } from "@bauta/protocol";
import type { Collateral } from "./collateral.ts";
import { CollateralError } from "./collateral-error.ts";
import { decodeChain } from "./issuer-chain.ts";
import { readRevocationList } from "./revocation-list-text.ts";
import { parseSignedJson, type SignedMember } from "./signed-json.ts";
import { splitJsonObject } from "./split-json.ts";

/** Characters of one member; recorded ones stay below 16,000. */
const MAX_COLLATERAL_MEMBER_CHARACTERS = 2 * 1024 * 1024;

const DOCUMENTS = { tcb_info: "tcbInfo", qe_identity: "enclaveIdentity" } as const satisfies Record<string, SignedMember>;

type Members = ReadonlyMap<string, unknown>;

/**
 * Reads collateral in the common JSON shape, and brings what tools write in different ways into one form: CRLs in
 * PEM, base64 or lists of bytes become hex, URL-encoded chains plain, and a document that is still wrapped with its
 * signature (`{"tcbInfo":…,"signature":…}`) is cut out. A text that is none of these is kept as it is, since judging it
 * is the appraisal's work.
 * @param value parsed JSON; null and undefined mean that there is none
 * @returns undefined when there is none
 * @throws CollateralError (`collateral_malformed`) naming the member at fault
 */
export function parseCollateral(value: unknown): Collateral | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "object" || Array.isArray(value)) throw malformed("(whole)", "must be a JSON object");
  return readMembers(new Map(Object.entries(value)));
}

/**
 * Reads a file's text in the same shape. Here the documents may also be JSON objects in place of texts: their exact
 * characters are taken from the file.
 * @param text bounded by its reader
 * @throws CollateralError (`collateral_malformed`) naming the member at fault
 */
export function parseCollateralText(text: string): Collateral {
  const members = [...splitJsonObject(text, "(whole)")].map(([name, raw]): [string, unknown] => [
    name,
    name in DOCUMENTS && raw.startsWith("{") ? raw : JSON.parse(raw),
  ]);
  return readMembers(new Map(members));
}

function readMembers(members: Members): Collateral {
  const tcbInfo = readDocument(members, "tcb_info");
  const qeIdentity = readDocument(members, "qe_identity");
  return {
    ...tcbInfo,
    tcb_info_issuer_chain: readChain(members, "tcb_info_issuer_chain"),
    ...qeIdentity,
    qe_identity_issuer_chain: readChain(members, "qe_identity_issuer_chain"),
    pck_crl: readCrl(members, "pck_crl"),
    pck_crl_issuer_chain: readChain(members, "pck_crl_issuer_chain"),
    root_ca_crl: readCrl(members, "root_ca_crl"),
  } as Collateral;
}

/** @returns the document's text and its signature, under their members' names */
function readDocument(members: Members, name: keyof typeof DOCUMENTS): Readonly<Record<string, string>> {
  const signatureName = `${name}_signature` as const;
  const text = readText(members, name).replace(/\0$/, "");
  if (!isWrapped(text)) return { [name]: text, [signatureName]: readBytesText(members, signatureName) };
  const signed = parseSignedJson(text, DOCUMENTS[name], name);
  const beside = members.get(signatureName);
  if (beside !== undefined && beside !== null && readBytesText(members, signatureName).toLowerCase() !== signed.signature) {
    throw malformed(signatureName, `is not the signature that ${name} itself carries`);
  }
  return { [name]: signed.text, [signatureName]: signed.signature };
}

/** Whether this is a whole answer of the service, not the document in it. A document's own first member is `id`. */
function isWrapped(text: string): boolean {
  return /^\s*\{\s*"(?:tcbInfo|enclaveIdentity|signature)"/.test(text);
}

function readChain(members: Members, name: keyof Collateral): string {
  const text = readText(members, name);
  return text.startsWith("-----BEGIN%20") ? decodeChain(text, name) : text;
}

function readCrl(members: Members, name: keyof Collateral): string {
  const text = readBytesText(members, name);
  const der = readRevocationList(text);
  return der ? toHex(der) : text;
}

/** Reads bytes written as a text of any kind, or as a list of numbers, which becomes hex. */
function readBytesText(members: Members, name: keyof Collateral): string {
  const value = members.get(name);
  if (!Array.isArray(value)) return readText(members, name);
  if (value.length > MAX_COLLATERAL_MEMBER_CHARACTERS / 2) throw malformed(name, `has ${value.length} bytes, too many`);
  if (!value.every((byte: unknown) => typeof byte === "number" && Number.isInteger(byte) && byte >= 0 && byte <= 255)) {
    throw malformed(name, "is a list, but not of bytes");
  }
  return toHex(Uint8Array.from(value as number[]));
}

function readText(members: Members, name: keyof Collateral): string {
  const value = members.get(name);
  if (value === undefined || value === null) throw malformed(name, "is missing");
  if (typeof value === "object" && name in DOCUMENTS) {
    throw malformed(name, "must be the text exactly as it was signed, not a JSON object");
  }
  if (typeof value !== "string") throw malformed(name, "must be a string");
  if (value.length > MAX_COLLATERAL_MEMBER_CHARACTERS) {
    throw malformed(name, `has ${value.length} characters, more than ${MAX_COLLATERAL_MEMBER_CHARACTERS}`);
  }
  return value;
}

function malformed(field: string, problem: string): CollateralError {
  return new CollateralError("collateral_malformed", field, problem);
}
