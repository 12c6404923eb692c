import type { Collateral } from "../collateral/collateral.ts";
import type { TcbRules } from "../policy/policy.ts";
import { type CheckId, type Finding, notChecked } from "../result.ts";
import { quotedName, validityFaults, validityOf } from "../x509/issued.ts";
import type { Certificate } from "../x509/x509.ts";
import type { CollateralCache } from "./collateral-cache.ts";
import { type NamedPiece, type Piece, rollbackFaults } from "./collateral-piece.ts";
import { faultsIn, faultsOf, judged } from "./judged.ts";
import { parseQeIdentity, type QeIdentity } from "./qe-identity.ts";
import { type IssuedList, verifyList, withdrawnAmong } from "./revocation.ts";
import { verifySignedText } from "./signed-collateral.ts";
import { parseTcbInfo, type TcbInfo } from "./tcb-info.ts";
import { scopeOf, type TrustAnchor } from "./trust-roots.ts";

/** The checks that the collateral itself has to stand. */
export const ENDORSEMENT_IDS = [
  "tdx.pck-crl",
  "tdx.root-crl",
  "tdx.tcb-info-signature",
  "tdx.qe-identity-signature",
  "tdx.collateral-current",
  "tdx.evaluation-number",
] as const;

/** What Intel's collateral proves, and what it does not. */
export interface Endorsements {
  /** One for each of {@link ENDORSEMENT_IDS}. */
  readonly findings: readonly Finding[];
  /** The signed pieces that can be relied on. */
  readonly tcbInfo?: TcbInfo | undefined;
  readonly qeIdentity?: QeIdentity | undefined;
  /** Why a check that needs a piece which cannot be relied on is not made. */
  readonly missing: string;
  /** A list names a certificate under which the quote was made: the quote proves nothing any more. */
  readonly revocation?: Finding | undefined;
  /** Of the pieces whose signatures held: the earliest end, and their numbers. */
  readonly proven?: { readonly expiresMs: number; readonly numbers: Readonly<Record<string, string>> } | undefined;
}

/** What the collateral is held against. */
export interface EndorsementInput {
  readonly collateral: Collateral;
  /** The quote's own chain, up to a trusted root. */
  readonly leaf: Certificate;
  readonly ca: Certificate;
  readonly anchor: TrustAnchor;
  /** Whether the root signed the CA, so that its list counts. */
  readonly caHolds: boolean;
  readonly rules: TcbRules;
  readonly nowMs: number;
  readonly remembered: (key: string) => bigint | undefined;
  readonly cache: CollateralCache;
}

/** Verifies the collateral: signatures all at once, then revocation, numbers and dates. */
export async function verifyEndorsements(input: EndorsementInput): Promise<Endorsements> {
  const { collateral: c, leaf, ca, anchor, caHolds, rules, nowMs, remembered, cache } = input;
  const { root } = anchor;

  // 1. Signatures and shapes.
  const [tcbInfo, qeIdentity, rootCrl, pckCrl] = await Promise.all([
    verifySignedText("tcb", [c.tcb_info, c.tcb_info_signature, c.tcb_info_issuer_chain], parseTcbInfo, root, cache),
    verifySignedText("qe", [c.qe_identity, c.qe_identity_signature, c.qe_identity_issuer_chain], parseQeIdentity, root, cache),
    verifyList(c.root_ca_crl, [root], cache),
    caHolds ? verifyList(c.pck_crl, [ca, root], cache, c.pck_crl_issuer_chain) : NO_LIST,
  ]);
  const signers = [tcbInfo, qeIdentity].flatMap(({ signer }) => signer ?? []);
  const lists = [describeList("tdx.pck-crl", ca, pckCrl), describeList("tdx.root-crl", root, rootCrl)] as const;
  const texts = [
    { id: "tdx.tcb-info-signature", what: "the TCB info", key: `tcb:${tcbInfo.value?.fmspc}`, ...tcbInfo },
    { id: "tdx.qe-identity-signature", what: "the QE identity", key: "qe", ...qeIdentity },
  ] as const;
  const pieces: readonly NamedPiece[] = [...lists, ...texts];
  const proven = pieces.flatMap(({ value, ...piece }) => (value ? [{ ...value, ...piece }] : []));
  const scope = await scopeOf(anchor);
  const old = (piece: NamedPiece) => rollbackFaults(piece, remembered(scope + piece.key));

  // 2. Revocation: the root's list covers everything right under it, the PCK CA's the machine's certificate.
  const [pckList, rootList] = lists;
  const underRoot = withdrawnAmong(rootCrl, [root, ca]);
  const byRoot = withdrawnAmong(rootCrl, [root, ...signers]);
  const byCa = withdrawnAmong(pckCrl, [leaf]);
  const pckFinding = caHolds
    ? judgePiece(pckList, [...byCa, ...old(pckList)])
    : notChecked(pckList.id, "its CA is not proven (tdx.pck-chain)");
  const rootFinding = judgePiece(rootList, [...new Set([...underRoot, ...byRoot]), ...old(rootList)]);
  const trusted = byRoot.length === 0;

  // 3. Numbers and dates.
  const { min_evaluation_number: minimum = 0 } = rules;
  const unsigned = unprovenAmong(texts);
  const numberFaults = texts.flatMap((piece) => {
    const number = Number(piece.value?.number);
    const low = faultsOf([number < minimum, `it has number ${number}, and the policy demands ${minimum}`]);
    return faultsIn(piece.what, [...old(piece), ...low]);
  });
  const spans = [...proven, ...signers.map(validityOf)];
  const dateFaults = new Set(spans.flatMap((span) => validityFaults(span, nowMs)));
  const counted = trusted ? proven : proven.filter(({ id }) => id.endsWith("-crl"));
  return {
    findings: [
      pckFinding,
      rootFinding,
      ...texts.map((piece) => judgePiece(piece, [])),
      settle("tdx.collateral-current", [...dateFaults], unprovenAmong(pieces), "all collateral is current"),
      settle("tdx.evaluation-number", numberFaults, unsigned, "no number is too low"),
    ],
    missing: `Intel's word is not proven: ${trusted ? unsigned.join(", ") : rootList.id} did not pass`,
    tcbInfo: trusted ? tcbInfo.value : undefined,
    qeIdentity: trusted ? qeIdentity.value : undefined,
    revocation: underRoot.length > 0 ? rootFinding : byCa.length > 0 ? pckFinding : undefined,
    proven:
      spans.length > 0
        ? {
            expiresMs: Math.min(...spans.map(({ untilMs }) => untilMs)),
            numbers: Object.fromEntries(counted.map(({ key, number }) => [scope + key, `${number}`])),
          }
        : undefined,
  };
}

const NO_LIST: Piece<IssuedList> = { faults: [] };

function describeList(id: CheckId, { commonName }: Certificate, piece: Piece<IssuedList>): NamedPiece {
  // A named root may have a name of any length; a rollback memory takes keys of up to 200 characters.
  return { id, what: `the CRL of ${quotedName(commonName)}`, key: `crl:${commonName.slice(0, 64)}`, ...piece };
}

function unprovenAmong(pieces: readonly NamedPiece[]): CheckId[] {
  return pieces.flatMap(({ id, value }) => (value ? [] : [id]));
}

/** Whether a piece is signed and can be read, and has no other faults. */
function judgePiece({ id, what, faults }: NamedPiece, others: readonly string[]): Finding {
  return judged(id, faultsIn(what, [...faults, ...others]), `${what} is duly signed`);
}

/** A check over several pieces, which is not made in full when some are not proven. */
function settle(id: CheckId, faults: readonly string[], unproven: readonly string[], reason: string): Finding {
  return faults.length === 0 && unproven.length > 0
    ? notChecked(id, `not all is proven: ${unproven.join(", ")} did not pass`)
    : judged(id, faults, reason);
}
