import { toHex } from "@bauta/protocol";
import { parseHeaderDump, parseHeadersJson, type RecordedHeaders } from "./answer-headers.ts";
import type { Collateral } from "./collateral.ts";
import { CollateralError } from "./collateral-error.ts";
import type { PckCa } from "./collateral-need.ts";
import { CHAIN_HEADERS, decodeChain, parseChain } from "./issuer-chain.ts";
import { parseCollateralText } from "./parse-collateral.ts";
import { parseCrlHead, readRevocationList } from "./revocation-list-text.ts";
import { decodeText, parseDocumentHead, parseSignedJson, type SignedMember } from "./signed-json.ts";
import { splitJsonObject } from "./split-json.ts";

/** Heads of HTTP answers before a body: those of interim answers and of proxies come before the last. */
const MAX_HEADS = 4;

/** One file, named as its reader wants it named in errors. */
export interface CollateralFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

interface Origin {
  /** The file. */
  readonly from: string;
}

interface Dated extends Origin {
  readonly issuedMs: number;
  readonly expiresMs: number;
  /** PEM, where the file or the one beside it has it. */
  readonly chain?: string | undefined;
}

export interface WholeSet extends Origin {
  readonly kind: "set";
  readonly collateral: Collateral;
}

export interface TcbInfoPiece extends Dated {
  readonly kind: "tcbInfo";
  readonly text: string;
  readonly signature: string;
  readonly fmspc: string;
}

export interface QeIdentityPiece extends Dated {
  readonly kind: "enclaveIdentity";
  readonly text: string;
  readonly signature: string;
}

export interface CrlPiece extends Dated {
  readonly kind: "crl";
  /** DER as hex. */
  readonly hex: string;
  /** Undefined for the root's. */
  readonly ca?: PckCa | undefined;
}

export interface ChainPiece extends Origin {
  readonly kind: "chain";
  readonly pem: string;
  /** Whose chain it is: the TCB signer's or a PCK CA's. */
  readonly signer: "tcb" | PckCa;
}

export interface HeadersPiece extends Origin {
  readonly kind: "headers";
  readonly headers: RecordedHeaders;
}

/** What a file holds; several, where one answer carries a chain of its own. */
export type Piece = WholeSet | TcbInfoPiece | QeIdentityPiece | CrlPiece | ChainPiece | HeadersPiece;

/**
 * Tells by a file's contents, not by its name, what collateral it holds: a set in the common JSON shape, an attestation
 * answer with `endorsements`, a store's entry, an answer of Intel's service for one piece (also with its headers in front, or with
 * the chain beside it in JSON), a CRL, a chain of certificates, or the recorded headers of another file's answer.
 * @returns undefined when it holds nothing of this
 * @throws CollateralError (`collateral_malformed`) naming the file, when it holds such a thing and it cannot be read
 */
export function readCollateralPiece({ name, bytes }: CollateralFile): Piece | undefined {
  return readPiece(name, bytes, MAX_HEADS);
}

function readPiece(name: string, bytes: Uint8Array, heads: number): Piece | undefined {
  const der = readRevocationList(bytes);
  if (der) return readCrl(name, der, undefined);
  const latin1 = new TextDecoder("latin1").decode(bytes);
  const dump = parseHeaderDump(latin1);
  if (dump) return heads > 0 ? readAnswer(name, bytes.subarray(dump.bodyAt), dump.headers, heads - 1) : undefined;
  const first = latin1.trimStart();
  if (first.startsWith("-----BEGIN CERTIFICATE-----") || first.startsWith("-----BEGIN%20")) return readChain(name, latin1);
  if (first.startsWith("{")) return readJson(name, decodeText(bytes, name));
  return undefined;
}

/** Gives a piece the chain that its recorded headers hold. */
export function withHeaders(piece: Piece, headers: RecordedHeaders): Piece {
  const chainNames =
    piece.kind === "tcbInfo" || piece.kind === "enclaveIdentity"
      ? CHAIN_HEADERS[piece.kind]
      : piece.kind === "crl" && piece.ca
        ? CHAIN_HEADERS.pckCrl
        : [];
  const value = chainNames.map((name) => headers.get(name.toLowerCase())).find((header) => header);
  return value ? ({ ...piece, chain: decodeChain(value, piece.from) } as Piece) : piece;
}

function readAnswer(name: string, body: Uint8Array, headers: RecordedHeaders, heads: number): Piece | undefined {
  if (body.every((byte) => byte === 0x0a || byte === 0x0d)) return { kind: "headers", from: name, headers };
  const piece = readPiece(name, body, heads);
  return piece && withHeaders(piece, headers);
}

function readJson(name: string, text: string): Piece | undefined {
  const members = splitJsonObject(text, name);
  const value = (member: string): unknown => JSON.parse(members.get(member) ?? "null");
  if (members.has("headers") && members.has("url")) {
    return { kind: "headers", from: name, headers: parseHeadersJson(value("headers"), name) };
  }
  if (members.has("tcb_info")) return readSet(name, text);
  // An attestation answer; an entry of a store.
  const inner = members.get("endorsements") ?? members.get("collateral");
  if (inner?.startsWith("{")) return readSet(name, inner);
  if (members.has("tcbInfo")) return readDocument(name, text, "tcbInfo", undefined);
  if (members.has("enclaveIdentity")) return readDocument(name, text, "enclaveIdentity", undefined);
  return readWithChain(
    name,
    { document: value("tcb_info_json") ?? value("enclave_identity_json"), crl: value("crl_data") },
    value("issuer_chain"),
  );
}

/** The form of a client library that keeps answer and chain together in one JSON file. */
function readWithChain(name: string, held: { document: unknown; crl: unknown }, issuerChain: unknown): Piece | undefined {
  const chain = typeof issuerChain === "string" ? issuerChain : undefined;
  if (typeof held.document === "string") {
    const isTcbInfo = splitJsonObject(held.document, name).has("tcbInfo");
    return readDocument(name, held.document, isTcbInfo ? "tcbInfo" : "enclaveIdentity", chain);
  }
  const der = typeof held.crl === "string" ? readRevocationList(held.crl) : undefined;
  return der && readCrl(name, der, chain);
}

function readSet(name: string, text: string): WholeSet {
  try {
    return { kind: "set", from: name, collateral: parseCollateralText(text) };
  } catch (cause) {
    if (!(cause instanceof CollateralError)) throw cause;
    const problem = cause.field === "(whole)" ? cause.problem : `${cause.field} ${cause.problem}`;
    throw new CollateralError("collateral_malformed", name, problem, { cause });
  }
}

/** @returns undefined for a document of SGX, which is not TDX's */
function readDocument(
  name: string,
  answer: string,
  member: SignedMember,
  chain: string | undefined,
): TcbInfoPiece | QeIdentityPiece | undefined {
  const signed = parseSignedJson(answer, member, name);
  const head = parseDocumentHead(signed.text, name);
  const piece = { from: name, ...signed, issuedMs: head.issuedMs, expiresMs: head.expiresMs, chain };
  if (member === "enclaveIdentity") return head.id === "TD_QE" ? { kind: "enclaveIdentity", ...piece } : undefined;
  return head.id === "TDX" && head.fmspc !== undefined ? { kind: "tcbInfo", fmspc: head.fmspc, ...piece } : undefined;
}

function readCrl(name: string, der: Uint8Array<ArrayBuffer>, chain: string | undefined): CrlPiece | undefined {
  try {
    return { kind: "crl", from: name, hex: toHex(der), ...parseCrlHead(der, name), chain };
  } catch (error) {
    // Some other DER, such as a certificate.
    if (error instanceof CollateralError) return undefined;
    throw error;
  }
}

/** @returns undefined for chains that sign no collateral */
function readChain(name: string, text: string): ChainPiece | undefined {
  const pem = decodeChain(text, name);
  const [{ commonName }] = parseChain(pem, name);
  const ca = /PCK (Platform|Processor) CA/.exec(commonName)?.[1]?.toLowerCase() as PckCa | undefined;
  const signer = ca ?? (commonName.includes("TCB Signing") ? "tcb" : undefined);
  return signer && { kind: "chain", from: name, pem, signer };
}
