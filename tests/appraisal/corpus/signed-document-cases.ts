import type { CertificateRole, SimulatorFaults } from "../../../packages/simulator/src/index.ts";
import { DAY_MS, isoSeconds, NOW_MS, type PlatformCase, type PlatformFamily, SECOND_MS } from "../platform-case.ts";
import { omit } from "../omit.ts";
import { FALSE_RAW_SIGNATURES, otherS } from "../signatures.ts";

type Document = "tcbInfo" | "qeIdentity";
const OWNER = { tcbInfo: "tdx.tcb-info-signature", qeIdentity: "tdx.qe-identity-signature" } as const;
const NAME = { tcbInfo: "TCB info", qeIdentity: "QE identity" } as const;
const MEMBER = { tcbInfo: "tcb_info", qeIdentity: "qe_identity" } as const;
/** Of both documents: they have one signer. */
const BOTH = [OWNER.tcbInfo, OWNER.qeIdentity] as const;

/** Another party signs, or another chain is served. */
const signers: readonly (readonly [string, CertificateRole | "stranger", readonly CertificateRole[] | undefined])[] = [
  ["by nobody's key, under the TCB signer's certificate", "stranger", undefined],
  ["by the machine's PCK", "pck", undefined],
  ["by the machine's PCK, with its whole chain", "pck", ["pck", "pck-ca", "root"]],
  ["by the PCK CA", "pck-ca", undefined],
  ["by the root itself", "root", ["root", "root"]],
  ["by the root itself, which stands alone", "root", ["root"]],
  ["by the TCB signer, with another certificate beside it", "tcb-signing", ["pck-ca", "root"]],
  ["by the TCB signer, without the root", "tcb-signing", ["tcb-signing"]],
  ["by the TCB signer, with the chain turned around", "tcb-signing", ["root", "tcb-signing"]],
  ["by the TCB signer, with a certificate too many", "tcb-signing", ["tcb-signing", "pck-ca", "root"]],
];

/** What the gateway may do to a text after it was signed. */
const rewritten: readonly (readonly [string, (json: string) => string])[] = [
  ["with one digit changed", (json) => json.replace("2026-11-19", "2026-11-18")],
  ["written anew with white space", (json) => JSON.stringify(JSON.parse(json), null, 1)],
  [
    "with its members in another order",
    (json) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(json) as object).toReversed())),
  ],
  ["with a member added", (json) => json.replace("{", '{"more":1,')],
  ["with a member twice", (json) => json.replace('"version":', '"version":9,"version":')],
  ["with a space behind it", (json) => `${json} `],
  ["with a byte order mark before it", (json) => `\ufeff${json}`],
  ["with a character written as an escape", (json) => json.replace('"id":"T', '"id":"\\u0054')],
  ["that is empty", () => ""],
];

/** Signed as it should be, and yet not what it should be. */
const misstated: readonly (readonly [string, (content: Record<string, unknown>) => unknown])[] = [
  ["of another id", (content) => ({ ...content, id: "SGX" })],
  ["of another version", (content) => ({ ...content, version: 4 })],
  ["without a version", (content) => omit(content, "version")],
  ["without dates", (content) => omit(content, "issueDate")],
  ["with a next update that is no time", (content) => ({ ...content, nextUpdate: "tomorrow" })],
  ["with a next update on 30 February", (content) => ({ ...content, nextUpdate: "2027-02-30T00:00:00Z" })],
  ["without levels", (content) => omit(content, "tcbLevels")],
  ["without an evaluation number", (content) => omit(content, "tcbEvaluationDataNumber")],
  ["with an evaluation number in quotes", (content) => ({ ...content, tcbEvaluationDataNumber: "17" })],
  ["with a negative evaluation number", (content) => ({ ...content, tcbEvaluationDataNumber: -1 })],
  ["that is a list", (content) => [content]],
  ["that is null", () => null],
];

const documents = (document: Document): PlatformCase[] => {
  const fails = OWNER[document];
  const name = NAME[document];
  const fault = (faults: object): SimulatorFaults => ({ [document]: faults });
  return [
    ...signers.map(([how, signer, chain]): PlatformCase => ({
      name: `${name} signed ${how}`,
      fails,
      faults: fault({ signer, ...(chain && { chain }) }),
    })),
    ...rewritten.map(([how, rewrite]): PlatformCase => ({
      name: `${name} ${how}`,
      fails,
      faults: { collateral: (all) => ({ ...all, [MEMBER[document]]: rewrite(all[MEMBER[document]]) }) },
    })),
    ...misstated.map(([how, content]): PlatformCase => ({ name: `signed ${name} ${how}`, fails, faults: fault({ content }) })),
    { name: `signed ${name} with a member twice`, fails, faults: fault({ text: (json: string) => json.replace("{", '{"version":9,') }) },
    { name: `signed ${name} that is no JSON`, fails, faults: fault({ text: (json: string) => json.slice(0, -1) }) },
    ...Object.entries(FALSE_RAW_SIGNATURES).map(([how, signature]): PlatformCase => ({
      name: `${name}'s signature with ${how}`,
      fails,
      faults: fault({ signature }),
    })),
    ...(
      [
        ["cut to 63 bytes", (signature: Buffer) => signature.subarray(0, 63)],
        ["with a byte too many", (signature: Buffer) => Buffer.concat([signature, Buffer.of(0)])],
        ["of no bytes", () => Buffer.alloc(0)],
      ] as const
    ).map(([how, signature]): PlatformCase => ({ name: `${name}'s signature ${how}`, fails, faults: fault({ signature }) })),
    { name: `${name}'s signature with the other s, which is as valid`, faults: fault({ signature: otherS }) },
    { name: `${name} with members that this version does not know`, faults: fault({ content: (all: object) => ({ ...all, more: [1] }) }) },
    {
      name: `${name} written with white space before it was signed`,
      faults: fault({ text: (json: string) => JSON.stringify(JSON.parse(json), null, 2) }),
    },
    ...windows(document),
  ];
};

/** Each end of a document's time, a second before and after. */
function windows(document: Document): PlatformCase[] {
  const name = NAME[document];
  const dated = (dates: object): SimulatorFaults => ({ [document]: { content: (content: object) => ({ ...content, ...dates }) } });
  const fails = "tdx.collateral-current";
  return [
    { name: `${name} a second before its issue`, fails, faults: dated({ issueDate: isoSeconds(NOW_MS + SECOND_MS) }) },
    { name: `${name} in the moment of its issue`, faults: dated({ issueDate: isoSeconds(NOW_MS) }) },
    { name: `${name} in the moment of its next update`, faults: dated({ nextUpdate: isoSeconds(NOW_MS) }) },
    { name: `${name} a second after its next update`, fails, faults: dated({ nextUpdate: isoSeconds(NOW_MS - SECOND_MS) }) },
  ];
}

/** What concerns the signer of both. */
const signer: readonly (readonly [string, SimulatorFaults])[] = [
  ["a TCB signer under another name", { certificates: { "tcb-signing": { commonName: "Intel SGX TCB Signer" } } }],
  ["a TCB signer called like a PCK certificate", { certificates: { "tcb-signing": { commonName: "Intel SGX PCK Certificate" } } }],
  ["a TCB signer marked as a CA", { certificates: { "tcb-signing": { pathLength: 0 } } }],
  ["a TCB signer that may not sign data", { certificates: { "tcb-signing": { usage: 0x06 } } }],
  ["a TCB signer without a key usage", { certificates: { "tcb-signing": { usage: null } } }],
  ["a TCB signer whose certificate nobody's key signed", { certificates: { "tcb-signing": { foreignSigner: true } } }],
  ["a TCB signer issued by the PCK CA", { certificates: { "tcb-signing": { issuer: "pck-ca" } } }],
  [
    "a TCB signer issued by the PCK CA, with that in its chain",
    {
      certificates: { "tcb-signing": { issuer: "pck-ca" } },
      tcbInfo: { chain: ["tcb-signing", "pck-ca"] },
      qeIdentity: { chain: ["tcb-signing", "pck-ca"] },
    },
  ],
];

export const signedDocumentCases: PlatformFamily = {
  family: "signed documents",
  cases: [
    ...documents("tcbInfo"),
    ...documents("qeIdentity"),
    ...signer.map(([name, faults]): PlatformCase => ({ name, fails: BOTH[0], alsoFails: [BOTH[1]], faults })),
    {
      name: "TCB info of SGX, signed as it should be",
      fails: OWNER.tcbInfo,
      faults: { tcbInfo: { content: (info) => ({ ...info, id: "SGX", tcbType: 0 }) } },
    },
    {
      name: "TCB info of an unknown TCB type",
      fails: OWNER.tcbInfo,
      faults: { tcbInfo: { content: (info) => ({ ...info, tcbType: 1 }) } },
    },
    {
      name: "the QE identity of SGX's quoting enclave",
      fails: OWNER.qeIdentity,
      faults: { qeIdentity: { content: (identity) => ({ ...identity, id: "QE" }) } },
    },
    {
      name: "TCB info and QE identity in each other's place",
      fails: OWNER.tcbInfo,
      alsoFails: [OWNER.qeIdentity],
      faults: {
        collateral: (all) => ({
          ...all,
          tcb_info: all.qe_identity,
          tcb_info_signature: all.qe_identity_signature,
          qe_identity: all.tcb_info,
          qe_identity_signature: all.tcb_info_signature,
        }),
      },
    },
    ...(
      [
        ["a second before it begins", { notBeforeMs: NOW_MS + SECOND_MS }, false],
        ["in its first moment", { notBeforeMs: NOW_MS }, true],
        ["in its last moment", { notAfterMs: NOW_MS }, true],
        ["a second after its end", { notAfterMs: NOW_MS - SECOND_MS }, false],
      ] as const
    ).map(([when, changes, holds]): PlatformCase => ({
      name: `the TCB signer's certificate ${when}`,
      ...(!holds && { fails: "tdx.collateral-current" as const }),
      faults: { certificates: { "tcb-signing": changes } },
    })),
    { name: "everything a month later", fails: "tdx.collateral-current", atMs: NOW_MS + 31 * DAY_MS },
    { name: "everything two days too early", fails: "tdx.collateral-current", atMs: NOW_MS - 2 * DAY_MS },
    { name: "everything in 1970", fails: "tdx.collateral-current", alsoFails: ["tdx.pck-chain"], atMs: 0 },
    {
      name: "collateral of which no piece holds",
      fails: OWNER.tcbInfo,
      alsoFails: [OWNER.qeIdentity, "tdx.pck-crl", "tdx.root-crl"],
      faults: { collateral: (all) => Object.fromEntries(Object.keys(all).map((member) => [member, ""])) as unknown as typeof all },
    },
    ...evaluation(),
  ],
};

function evaluation(): PlatformCase[] {
  const fails = "tdx.evaluation-number";
  const tcb = (min_evaluation_number: number) => ({ tcb: { min_evaluation_number } });
  const number = (document: Document, tcbEvaluationDataNumber: number): SimulatorFaults => ({
    [document]: { content: (content: object) => ({ ...content, tcbEvaluationDataNumber }) },
  });
  return [
    { name: "an evaluation number as high as the policy demands", ...tcb(17) },
    { name: "an evaluation number one below the policy's", fails, ...tcb(18) },
    { name: "a QE identity whose evaluation number alone is too low", fails, ...tcb(17), faults: number("qeIdentity", 16) },
    { name: "TCB info whose evaluation number alone is too low", fails, ...tcb(17), faults: number("tcbInfo", 16) },
    { name: "TCB info older than some seen before", fails, remembered: { "tcb:53494d000000": 18n } },
    { name: "TCB info as new as some seen before", remembered: { "tcb:53494d000000": 17n } },
    { name: "newer TCB info of another platform seen before", remembered: { "tcb:00806f050000": 30n } },
    { name: "a QE identity older than one seen before", fails, remembered: { qe: 18n } },
    { name: "a QE identity as new as one seen before", remembered: { qe: 17n } },
  ];
}
