import type { Collateral } from "./collateral.ts";
import { CollateralError } from "./collateral-error.ts";
import type { CollateralNeed, PckCa } from "./collateral-need.ts";
import {
  type ChainPiece,
  type CollateralFile,
  type CrlPiece,
  type HeadersPiece,
  type Piece,
  type QeIdentityPiece,
  readCollateralPiece,
  type TcbInfoPiece,
  type WholeSet,
  withHeaders,
} from "./collateral-piece.ts";
import { type CollateralDescription, describeCollateral } from "./describe-collateral.ts";

const MAX_FILES = 4096;

/** Collateral from files; nothing in it has been verified. */
export interface CollateralLibrary {
  /** The FMSPCs that there is TCB info for, lower-case hex. */
  readonly fmspcs: readonly string[];
  /** Files that could not be read though they hold collateral. */
  readonly problems: readonly CollateralError[];
  /**
   * Picks what a quote needs: in force at that time where there is such, else the newest before it. Where only one set
   * (or one TCB info) is there at all, it is that one, since the appraisal says best how it does not fit.
   * @param need undefined when the quote does not say; then there must be only one set
   * @throws CollateralError saying what is missing, and where it comes from
   */
  select(need: CollateralNeed | undefined, atMs: number): Collateral;
}

interface Candidate {
  readonly collateral: Collateral;
  readonly validFromMs: number;
  readonly expiresMs: number;
  readonly issuedMs: number;
}

type Pieces = { readonly [K in Piece["kind"]]: readonly Extract<Piece, { kind: K }>[] };

/**
 * Reads collateral out of files in any of the forms of {@link readCollateralPiece}. Files whose names differ only
 * in what follows the last dot belong together, such as `0002_tcb.body` and `0002_tcb.json` with its headers.
 * @param where names the whole in errors: a file or a folder
 * @throws CollateralError when there is no collateral in any of them
 */
export function createCollateralLibrary(files: readonly CollateralFile[], where: string): CollateralLibrary {
  if (files.length > MAX_FILES) {
    throw new CollateralError("collateral_malformed", where, `holds ${files.length} files, more than the ${MAX_FILES} that are read`);
  }
  const problems: CollateralError[] = [];
  const pieces = sortPieces(joinHeaders(files.flatMap((file) => readFile(file, problems))));
  const sets = pieces.set.map((set) => ({ set, description: tryDescribe(set) }));
  if (sets.length + pieces.tcbInfo.length + pieces.enclaveIdentity.length + pieces.crl.length === 0) {
    const [first] = problems;
    if (first) throw first;
    throw new CollateralError("collateral_malformed", where, `holds no TDX collateral: ${EXPECTED}`);
  }
  const fmspcs = [
    ...new Set([...sets.flatMap(({ description }) => description?.fmspc ?? []), ...pieces.tcbInfo.map((piece) => piece.fmspc)]),
  ];

  return {
    fmspcs,
    problems,
    select(need, atMs) {
      const [only, ...more] = sets;
      if (only && more.length + pieces.tcbInfo.length === 0) return only.set.collateral;
      if (!need) throw new CollateralError("collateral_mismatch", where, "holds several sets, and the quote does not say which it needs");
      const fits = sets.flatMap(({ set, description }) =>
        description?.fmspc === need.fmspc && (description.ca ?? need.ca) === need.ca ? [candidateOf(set, description)] : [],
      );
      if (pieces.tcbInfo.some((piece) => piece.fmspc === need.fmspc) || (sets.length === 0 && fmspcs.length <= 1)) {
        // Where whole sets fit, loose pieces that lack something are no fault.
        const assembled = fits.length > 0 ? tryAssemble(pieces, need, atMs, where) : assemble(pieces, need, atMs, where);
        if (assembled) fits.push(assembled);
      }
      const best = pickBest(fits, atMs, (candidate) => candidate.validFromMs);
      if (!best) throw noneFits(where, need, fmspcs, problems);
      return best.collateral;
    },
  };
}

const EXPECTED =
  "give a JSON file with tcb_info, qe_identity, pck_crl and root_ca_crl, or a folder with the service's answers and their headers";

function readFile(file: CollateralFile, problems: CollateralError[]): Piece[] {
  try {
    const piece = readCollateralPiece(file);
    return piece ? [piece] : [];
  } catch (error) {
    if (!(error instanceof CollateralError)) throw error;
    problems.push(error);
    return [];
  }
}

function joinHeaders(pieces: readonly Piece[]): Piece[] {
  const headers = new Map(
    pieces.filter((piece): piece is HeadersPiece => piece.kind === "headers").map((piece) => [stem(piece.from), piece.headers]),
  );
  return pieces.map((piece) => {
    const beside = headers.get(stem(piece.from)) ?? headers.get(piece.from);
    return beside ? withHeaders(piece, beside) : piece;
  });
}

function stem(name: string): string {
  return name.replace(/\.[^./\\]*$/, "");
}

function sortPieces(pieces: readonly Piece[]): Pieces {
  const ofKind = <K extends Piece["kind"]>(kind: K) => pieces.filter((piece): piece is Extract<Piece, { kind: K }> => piece.kind === kind);
  return {
    set: ofKind("set"),
    tcbInfo: ofKind("tcbInfo"),
    enclaveIdentity: ofKind("enclaveIdentity"),
    crl: ofKind("crl"),
    chain: ofKind("chain"),
    headers: ofKind("headers"),
  };
}

function tryDescribe({ collateral }: WholeSet): CollateralDescription | undefined {
  try {
    return describeCollateral(collateral);
  } catch (error) {
    // Its faults are the appraisal's to name, where it is the one that is used.
    if (error instanceof CollateralError) return undefined;
    throw error;
  }
}

function candidateOf({ collateral }: WholeSet, { validFromMs, expiresMs, tcbIssuedMs }: CollateralDescription): Candidate {
  return { collateral, validFromMs, expiresMs, issuedMs: tcbIssuedMs };
}

/** @returns what is in force at a time, else the newest from before it, else the newest */
function pickBest<T extends { readonly issuedMs: number; readonly expiresMs: number }>(
  from: readonly T[],
  atMs: number,
  validFromMs: (item: T) => number = (item) => item.issuedMs,
): T | undefined {
  const rank = (item: T) => (validFromMs(item) > atMs ? 0 : item.expiresMs < atMs ? 1 : 2);
  return [...from].sort((a, b) => rank(b) - rank(a) || b.issuedMs - a.issuedMs)[0];
}

function tryAssemble(pieces: Pieces, need: CollateralNeed, atMs: number, where: string): Candidate | undefined {
  try {
    return assemble(pieces, need, atMs, where);
  } catch (error) {
    if (error instanceof CollateralError) return undefined;
    throw error;
  }
}

function assemble(pieces: Pieces, need: CollateralNeed, atMs: number, where: string): Candidate {
  const exact = pieces.tcbInfo.filter((piece) => piece.fmspc === need.fmspc);
  const tcbInfo = pickBest(exact.length > 0 ? exact : pieces.tcbInfo, atMs);
  const qeIdentity = pickBest(pieces.enclaveIdentity, atMs);
  const crls = (ca: PckCa | undefined) => pieces.crl.filter((piece) => piece.ca === ca);
  const pckCrl = pickBest(crls(need.ca), atMs);
  const rootCrl = pickBest(crls(undefined), atMs);
  if (!tcbInfo || !qeIdentity || !pckCrl || !rootCrl) {
    const missing = [
      tcbInfo ? [] : [`the TCB info (/tdx/certification/v4/tcb?fmspc=${need.fmspc})`],
      qeIdentity ? [] : ["the QE identity (/tdx/certification/v4/qe/identity)"],
      pckCrl ? [] : [`the CRL of the PCK ${need.ca} CA (/sgx/certification/v4/pckcrl?ca=${need.ca}&encoding=der)`],
      rootCrl ? [] : ["the root CA's CRL (IntelSGXRootCA.der)"],
    ].flat();
    throw new CollateralError("collateral_malformed", where, `lacks ${missing.join(", ")}`);
  }
  const dated = [tcbInfo, qeIdentity, pckCrl, rootCrl];
  return {
    collateral: {
      tcb_info: tcbInfo.text,
      tcb_info_signature: tcbInfo.signature,
      tcb_info_issuer_chain: chainOf(tcbInfo, "tcb", pieces),
      qe_identity: qeIdentity.text,
      qe_identity_signature: qeIdentity.signature,
      qe_identity_issuer_chain: chainOf(qeIdentity, "tcb", pieces),
      pck_crl: pckCrl.hex,
      pck_crl_issuer_chain: chainOf(pckCrl, need.ca, pieces),
      root_ca_crl: rootCrl.hex,
    },
    validFromMs: Math.max(...dated.map((piece) => piece.issuedMs)),
    expiresMs: Math.min(...dated.map((piece) => piece.expiresMs)),
    issuedMs: tcbInfo.issuedMs,
  };
}

/** The chain that came with a piece, or else the only one of its signer. */
function chainOf(piece: TcbInfoPiece | QeIdentityPiece | CrlPiece, signer: ChainPiece["signer"], pieces: Pieces): string {
  if (piece.chain !== undefined) return piece.chain;
  const [chain, ...others] = new Set(pieces.chain.filter((candidate) => candidate.signer === signer).map(({ pem }) => pem));
  if (chain === undefined) {
    const problem = "came without its issuer chain: keep the answer's headers beside it, or the chain as a PEM file";
    throw new CollateralError("collateral_malformed", piece.from, problem);
  }
  if (others.length > 0) {
    const problem = "came without its issuer chain, and there are several: keep the answer's headers beside it";
    throw new CollateralError("collateral_malformed", piece.from, problem);
  }
  return chain;
}

function noneFits(where: string, need: CollateralNeed, fmspcs: readonly string[], problems: readonly CollateralError[]): CollateralError {
  const there = fmspcs.length > 0 ? `, only for ${fmspcs.slice(0, 16).join(", ")}` : "";
  const unread =
    problems.length > 0
      ? `; not read: ${problems
          .slice(0, 4)
          .map(({ field, problem }) => `${field} (${problem})`)
          .join(", ")}`
      : "";
  const problem = `has no collateral for FMSPC ${need.fmspc} by the PCK ${need.ca} CA${there}${unread}`;
  return new CollateralError("collateral_mismatch", where, problem);
}
