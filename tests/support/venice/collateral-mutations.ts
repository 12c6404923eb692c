import type { Collateral } from "../../../packages/attestation/src/collateral/collateral.ts";
import type { CheckId } from "../../../packages/attestation/src/result.ts";
import { readOtherCollateral } from "../venice-capture.ts";
import { at, collateral, mutation, type Mutation, otherDigit, strictPolicy } from "./mutation.ts";
import { flipInPem } from "./quote-certificates.ts";

const edit = (name: string, owner: CheckId, changes: (now: Collateral) => Partial<Collateral>, more: Partial<Mutation> = {}): Mutation =>
  mutation(name, owner, collateral(changes), more);

/** The same machines' of February 2026, whose TCB info, QE identity and revocation lists ended before the capture. */
const FEBRUARY = "2026-02-phala-90c06f";
/** Another family's, of October 2025. */
const OTHER_FAMILY = "2025-10-mixed-50806f";
const SIGNED = [
  ["tcb_info", "tdx.tcb-info-signature", "TCB info"],
  ["qe_identity", "tdx.qe-identity-signature", "QE identity"],
] as const;

const TEXTS: readonly Mutation[] = SIGNED.flatMap(([member, owner, name]) => {
  const [signature, chain] = [`${member}_signature`, `${member}_issuer_chain`] as const;
  return [
    edit(`${name} edited: its number raised`, owner, (now) => ({ [member]: now[member].replace('DataNumber":18', 'DataNumber":99') })),
    edit(`${name} edited: a space that changes no meaning`, owner, (now) => ({
      [member]: now[member].replace('"version":', '"version": '),
    })),
    edit(`${name}: a bit of its signature`, owner, (now) => ({ [signature]: otherDigit(now[signature]) })),
    edit(`${name}: no signature`, owner, () => ({ [signature]: "" })),
    edit(`${name} under the chain of the revocation list`, owner, (now) => ({ [chain]: now.pck_crl_issuer_chain })),
    edit(`${name}: a bit of its signer's certificate`, owner, (now) => ({ [chain]: flipInPem(now[chain], 0, "serial") })),
    edit(`${name}: a bit of the root in its chain`, owner, (now) => ({ [chain]: flipInPem(now[chain], 1, "signature") })),
    edit(`${name}: no chain`, owner, () => ({ [chain]: "" })),
  ];
});

const CONFUSED: readonly Mutation[] = [
  edit("the QE identity in place of the TCB info", "tdx.tcb-info-signature", (now) => ({
    tcb_info: now.qe_identity,
    tcb_info_signature: now.qe_identity_signature,
  })),
  edit("the TCB info in place of the QE identity", "tdx.qe-identity-signature", (now) => ({
    qe_identity: now.tcb_info,
    qe_identity_signature: now.tcb_info_signature,
  })),
  edit(
    "TCB info of another FMSPC",
    "tdx.tcb-status",
    () => {
      const { tcb_info, tcb_info_signature, tcb_info_issuer_chain } = readOtherCollateral(OTHER_FAMILY);
      return { tcb_info, tcb_info_signature, tcb_info_issuer_chain };
    },
    {
      also: ["tdx.collateral-current", "tdx.evaluation-number"],
      why: "what was recorded of other families is older than the capture, in its dates and in its number",
    },
  ),
];

const LISTS: readonly Mutation[] = [
  edit("the root's list as the PCK CA's", "tdx.pck-crl", (now) => ({ pck_crl: now.root_ca_crl })),
  edit("the PCK CA's list as the root's", "tdx.root-crl", (now) => ({ root_ca_crl: now.pck_crl })),
  edit("the two lists swapped", "tdx.pck-crl", (now) => ({ pck_crl: now.root_ca_crl, root_ca_crl: now.pck_crl }), {
    also: ["tdx.root-crl"],
    why: "each list stands in the other's place",
  }),
  ...(
    [
      ["pck_crl", "tdx.pck-crl", "the PCK CA's list"],
      ["root_ca_crl", "tdx.root-crl", "the root's list"],
    ] as const
  ).flatMap(([member, owner, name]) => [
    edit(`${name} emptied`, owner, () => ({ [member]: "" })),
    edit(`${name} edited: a digit of a date`, owner, (now) => ({ [member]: now[member].replace("170d32", "170d33") })),
    edit(`${name}: a bit of its signature`, owner, (now) => ({ [member]: otherDigit(now[member]) })),
    edit(`${name} cut short`, owner, (now) => ({ [member]: now[member].slice(0, -20) })),
    edit(`${name} in base64`, owner, (now) => ({ [member]: Buffer.from(now[member], "hex").toString("base64") })),
  ]),
  edit("the PCK CA's list under the TCB signer's chain", "tdx.pck-crl", (now) => ({ pck_crl_issuer_chain: now.tcb_info_issuer_chain })),
  edit("the PCK CA's list: a bit of its chain", "tdx.pck-crl", (now) => ({
    pck_crl_issuer_chain: flipInPem(now.pck_crl_issuer_chain, 0, "key"),
  })),
];

const aged = (name: string, members: readonly (keyof Collateral)[], says: RegExp): Mutation =>
  edit(
    `${name} of February, still signed`,
    "tdx.collateral-current",
    () => {
      const old = readOtherCollateral(FEBRUARY);
      return Object.fromEntries(members.map((member) => [member, old[member]]));
    },
    { says },
  );
const PIECES = { tcb: "the TCB info", qe: "the QE identity", pck: "Intel SGX PCK Platform CA", root: "Intel SGX Root CA" } as const;
/** These pieces are named, and no others. */
const only = (...pieces: readonly (keyof typeof PIECES)[]) =>
  new RegExp(
    `^${Object.entries(PIECES)
      .map(([piece, name]) => `(?${(pieces as readonly string[]).includes(piece) ? "=" : "!"}.*${name})`)
      .join("")}`,
  );
const clock = (name: string, time: string, says: RegExp, more: Partial<Mutation> = {}): Mutation =>
  mutation(name, "tdx.collateral-current", at(time), { says, ...more });

const TIME: readonly Mutation[] = [
  aged("TCB info", ["tcb_info", "tcb_info_signature", "tcb_info_issuer_chain"], only("tcb")),
  aged("QE identity", ["qe_identity", "qe_identity_signature", "qe_identity_issuer_chain"], only("qe")),
  aged("the PCK CA's list", ["pck_crl"], only("pck")),
  aged("the root's list", ["root_ca_crl"], only("root")),
  clock("a second before the TCB info", "2026-04-24T01:35:25Z", only("tcb")),
  clock("a second before the QE identity", "2026-04-24T00:58:16Z", only("tcb", "qe")),
  clock("a second before the PCK CA's list", "2026-04-24T00:57:27Z", only("tcb", "qe", "pck")),
  clock("a second before the root's list", "2026-02-26T13:03:59Z", only("tcb", "qe", "pck", "root")),
  clock("a second after the PCK CA's list", "2026-05-24T00:57:29Z", only("pck")),
  clock("a second after the QE identity", "2026-05-24T00:58:18Z", only("pck", "qe")),
  clock("a second after the TCB info", "2026-05-24T01:35:27Z", only("pck", "qe", "tcb")),
  clock("a second after the root's list", "2027-02-26T13:04:01Z", only("pck", "qe", "tcb", "root")),
  mutation("a clock before the PCK certificate", "tdx.pck-chain", at("2026-01-13T17:19:14Z"), {
    also: ["tdx.collateral-current"],
    why: "no piece of the collateral had been issued either",
    says: /PCK Certificate/,
  }),
  mutation("a clock in 1970", "tdx.pck-chain", at("1970-01-01T00:00:00Z"), {
    also: ["tdx.collateral-current"],
    why: "no piece of the collateral had been issued either",
    says: /clock/,
  }),
];

/** A list of the first of May with 99 entries, as it is remembered. */
const LATER_LIST = BigInt(Date.parse("2026-05-01T00:00:00Z") / 1000) * 2n ** 32n + 99n;

const numbered = (name: string, owner: CheckId, key: string, seen = 19n): Mutation =>
  mutation(`${name} rolled back`, owner, () => ({ remembered: (asked) => (asked === key ? seen : undefined) }), { says: /seen before/ });

const NUMBERS: readonly Mutation[] = [
  numbered("TCB info", "tdx.evaluation-number", "tcb:90c06f000000"),
  numbered("QE identity", "tdx.evaluation-number", "qe"),
  numbered("the PCK CA's list", "tdx.pck-crl", "crl:Intel SGX PCK Platform CA", LATER_LIST),
  numbered("the root's list", "tdx.root-crl", "crl:Intel SGX Root CA", LATER_LIST),
  mutation("a policy that demands the next number", "tdx.evaluation-number", () => ({
    policy: strictPolicy({}, { tcb: { accept: ["UpToDate"], min_evaluation_number: 19, refuse_advisories: [] } }),
  })),
  mutation("a policy that wants another status", "tdx.tcb-status", () => ({
    policy: strictPolicy({}, { tcb: { accept: ["SWHardeningNeeded"], refuse_advisories: [] } }),
  })),
];

/** Intel's collateral edited, confused, aged and rolled back. */
export const COLLATERAL_MUTATIONS: readonly Mutation[] = [...TEXTS, ...CONFUSED, ...LISTS, ...TIME, ...NUMBERS];
