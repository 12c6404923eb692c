import type { Collateral } from "../collateral/collateral.ts";
import type { Allowances, TcbRules, TcbStatus } from "../policy/policy.ts";
import { failed, type Finding, passed } from "../result.ts";
import { orFault } from "../x509/issued.ts";
import { type CollateralCache, createCollateralCache } from "./collateral-cache.ts";
import { ENDORSEMENT_IDS, type Endorsements, verifyEndorsements } from "./endorsements.ts";
import { skip } from "./judged.ts";
import { judgePckChain, type PckChain, verifyPckChain } from "./pck-chain.ts";
import { appraiseTcb, type PlatformTcb, TCB_IDS } from "./platform-tcb.ts";
import { parseQuote, type Quote, QuoteError } from "./quote.ts";
import { verifyAttestationKeyBinding, verifyQeReportSignature, verifyQuoteSignature } from "./quote-signature.ts";
import { verifyQuotingEnclave } from "./quoting-enclave.ts";
import { verifyServiceTd } from "./service-td.ts";
import type { SgxExtension } from "./sgx-extension.ts";
import { verifyAttributes, verifyDebugOff } from "./td-attributes.ts";
import { verifySeamSigner } from "./tdx-module.ts";
import type { ReachedTcb } from "./tcb-status.ts";
import type { TrustRoots } from "./trust-roots.ts";
import { verifyXfam } from "./xfam.ts";

/** What the appraisal of a platform works on. Nothing is fetched, and no clock is read. */
export interface PlatformInput {
  readonly quote: Uint8Array;
  readonly endorsements?: Collateral | undefined;
  readonly tcb: TcbRules;
  readonly allow: Allowances;
  /** The moment to judge for, milliseconds since 1970, finite. */
  readonly nowMs: number;
  readonly roots: TrustRoots;
  /** The highest number seen so far: `tcb:<fmspc>`, `qe`, `crl:<issuer's common name>`, below a named root with its {@link scopeOf}. */
  readonly remembered?: ((key: string) => bigint | undefined) | undefined;
  /** Spares the verification of collateral that was verified before; the dates are judged each time. */
  readonly cache?: CollateralCache | undefined;
}

/** What is known of a platform. */
export interface Platform {
  /** One for each `tdx.*` and `td.*` check. */
  readonly findings: readonly Finding[];
  /** The quote, if it can be read; what it says is proven only without a doubt. */
  readonly quote?: Quote;
  /** The first check of the quote's origin that did not pass: nothing that the quote says is proven. */
  readonly doubt?: Finding | undefined;
  /** What the PCK certificate says of the machine. */
  readonly machine?: SgxExtension | undefined;
  /** The PCK certificate leads to a root that the caller named, not to Intel's. */
  readonly simulated: boolean;
  /** Intel's verdict, also one that the policy does not accept. Only of a proven quote and signed collateral. */
  readonly tcb?:
    | {
        readonly status: TcbStatus;
        /** RFC 3339. */
        readonly date: string;
        readonly advisories: readonly string[];
        /** The lower one of TCB info and QE identity. */
        readonly evaluationNumber: number;
      }
    | undefined;
  /** Of the pieces whose signatures held. */
  readonly collateral?:
    | {
        /** The earliest end of a piece or of its signer's certificate. */
        readonly expiresMs: number;
        /** Decimal, by the keys of `remembered`. */
        readonly numbers: Readonly<Record<string, string>>;
      }
    | undefined;
}

const ORIGIN_IDS = [
  "tdx.quote-signature",
  "tdx.attestation-key-bound",
  "tdx.qe-report-signature",
  "tdx.pck-chain",
  "tdx.qe-identity-match",
] as const;
const STATE_IDS = ["td.debug-off", "td.attributes", "td.xfam", "td.service-td", "td.seam-signer"] as const;
const NO_COLLATERAL = "no collateral came along: fetch it from Intel's PCS or a PCCS, or have the server send it";

/**
 * Appraises the machine behind a quote: who signed the quote, whether Intel still vouches for that machine, and whether
 * the TD is shut against its host. Every check is made and listed, also after one has failed. Bad evidence never throws.
 */
export async function appraisePlatform(input: PlatformInput): Promise<Platform> {
  const { tcb: rules, allow, nowMs, roots, cache = createCollateralCache() } = input;

  // 1. The quote's bytes.
  const quote = orFault(QuoteError, () => parseQuote(input.quote));
  if (typeof quote === "string") return skipAll(failed("tdx.parse", quote));
  const parsed = passed("tdx.parse", `a TDX quote of version ${quote.version}`);
  const { report, qeReport } = quote;

  // 2. Who signed it: quote ← attestation key ← quoting enclave ← PCK ← its CA ← root.
  const signing = [verifyQuoteSignature(quote), verifyAttestationKeyBinding(quote)] as const;
  const chain = await verifyPckChain(quote.pckChain, roots, cache);

  // 3. Whether Intel vouches for the collateral, and has withdrawn none of the certificates.
  const [quoteSignature, keyBinding, reportSignature, endorsements] = await Promise.all([
    ...signing,
    verifyQeReportSignature(quote, chain.leaf),
    endorse(input, chain, cache),
  ]);

  // 4. The enclave that made the quote.
  const enclave = verifyQuotingEnclave(qeReport, reportSignature, endorsements.qeIdentity);
  const origin = [quoteSignature, keyBinding, reportSignature, judgePckChain(chain, nowMs), enclave];
  const doubt = origin.find(({ status }) => status !== "pass") ?? endorsements.revocation;

  // 5. What the quote says, which means something only if nothing is doubtful: the platform's level, the TD's state.
  const { machine } = chain;
  const unproven = `nothing proves that an enclave said this: ${doubt?.id} did not pass`;
  const level: PlatformTcb = doubt || !machine ? { findings: skip(TCB_IDS, unproven) } : appraiseTcb(quote, machine, endorsements, rules);
  const state = doubt
    ? skip(STATE_IDS, unproven)
    : [
        verifyDebugOff(report),
        verifyAttributes(report, allow),
        verifyXfam(report),
        verifyServiceTd(report, allow),
        verifySeamSigner(report, level.seamSigner),
      ];

  return {
    findings: [parsed, ...origin, ...endorsements.findings, ...level.findings, ...state],
    quote,
    doubt,
    machine,
    simulated: chain.anchor?.named === true,
    tcb: level.tcb && describeTcb(level.tcb, endorsements),
    collateral: endorsements.proven,
  };
}

async function endorse(input: PlatformInput, chain: PckChain, cache: CollateralCache): Promise<Endorsements> {
  const { endorsements: collateral, tcb: rules, nowMs, remembered = () => undefined } = input;
  const { leaf, ca, caHolds, anchor } = chain;
  if (collateral && leaf && ca && anchor)
    return verifyEndorsements({ collateral, leaf, ca, anchor, caHolds, rules, nowMs, remembered, cache });
  const missing = collateral ? "no trusted root can vouch for it (tdx.pck-chain)" : NO_COLLATERAL;
  return { findings: skip(ENDORSEMENT_IDS, missing), missing };
}

function skipAll(parsed: Finding): Platform {
  const skipped = skip([...ORIGIN_IDS, ...ENDORSEMENT_IDS, ...TCB_IDS, ...STATE_IDS], "no quote was read (tdx.parse)");
  return { findings: [parsed, ...skipped], doubt: parsed, simulated: false };
}

function describeTcb({ status, dateMs, advisories }: ReachedTcb, { tcbInfo, qeIdentity }: Endorsements): Platform["tcb"] {
  const numbers = [tcbInfo, qeIdentity].map((piece) => Number(piece?.number));
  return { status, date: new Date(dateMs).toISOString(), advisories, evaluationNumber: Math.min(...numbers) };
}
