import type { RevocationListChanges } from "../../../packages/simulator/src/index.ts";
import { extension } from "../../../packages/simulator/src/certificates.ts";
import { boolean, explicit, ia5, integer, octetString, sequence } from "../../../packages/simulator/src/der-writer.ts";
import { DAY_MS, NOW_MS, type PlatformCase, type PlatformFamily, SECOND_MS } from "../platform-case.ts";
import { FALSE_DER_SIGNATURES, otherDerS } from "../signatures.ts";

type List = "pckCrl" | "rootCrl";
const OWNER = { pckCrl: "tdx.pck-crl", rootCrl: "tdx.root-crl" } as const;
const NAME = { pckCrl: "PCK", rootCrl: "root" } as const;

const added = (...more: readonly Buffer[]): RevocationListChanges => ({ extensions: (extensions) => [...extensions, ...more] });
const distributionPoint = sequence(explicit(0, explicit(0, ia5(0x86, "https://simulator.invalid/part"))));

/** What makes either list one that cannot be relied on. */
const unreliable: readonly (readonly [string, RevocationListChanges])[] = [
  ["that is empty", { der: () => Buffer.alloc(0) }],
  ["that is garbage", { der: (der) => Buffer.alloc(der.length, 0xa5) }],
  ["cut short", { der: (der) => der.subarray(0, -1) }],
  ["with a byte behind it", { der: (der) => Buffer.concat([der, Buffer.of(0)]) }],
  ["whose date was changed by a second", { der: laterBySecond }],
  ["signed by nobody's key", { foreignSigner: true }],
  ["signed and issued by the TCB signer", { issuer: "tcb-signing" }],
  ["without a number", { number: null }],
  ["without a next update", { nextUpdateMs: null }],
  ["that is only a delta", added(extension("2.5.29.27", integer(1), true))],
  ["that is a part of a list", added(extension("2.5.29.28", distributionPoint, true))],
  ["with an unknown critical extension", added(extension("1.3.6.1.4.1.99999.1", octetString(Buffer.of(1)), true))],
  ["with an extension twice", { extensions: (all) => [...all, ...all.slice(0, 1)] }],
];

const lists = (list: List): PlatformCase[] => [
  ...unreliable.map(([how, changes]): PlatformCase => ({
    name: `a ${NAME[list]} list ${how}`,
    fails: OWNER[list],
    faults: { [list]: changes },
  })),
  ...Object.entries(FALSE_DER_SIGNATURES).map(([how, signature]): PlatformCase => ({
    name: `a ${NAME[list]} list's signature with ${how}`,
    fails: OWNER[list],
    faults: { [list]: { signature } },
  })),
  { name: `a ${NAME[list]} list whose signature has the other s`, faults: { [list]: { signature: otherDerS } } },
  { name: `a ${NAME[list]} list without entries`, faults: { [list]: { revoked: [] } } },
  { name: `a ${NAME[list]} list with a thousand entries of others`, faults: { [list]: { fillerEntries: 1000 } } },
  {
    name: `a ${NAME[list]} list with an unknown extension that is not critical`,
    faults: { [list]: added(extension("1.3.6.1.4.1.99999.1", octetString(Buffer.of(1)))) },
  },
  ...(
    [
      ["a second before it was issued", { thisUpdateMs: NOW_MS + SECOND_MS }, false],
      ["in the moment of its issue", { thisUpdateMs: NOW_MS }, true],
      ["in the moment of its next update", { nextUpdateMs: NOW_MS }, true],
      ["a second after its next update", { nextUpdateMs: NOW_MS - SECOND_MS }, false],
      ["that expired long ago", { thisUpdateMs: NOW_MS - 90 * DAY_MS, nextUpdateMs: NOW_MS - 60 * DAY_MS }, false],
    ] as const
  ).map(([when, changes, holds]): PlatformCase => ({
    name: `a ${NAME[list]} list ${when}`,
    ...(!holds && { fails: "tdx.collateral-current" as const }),
    faults: { [list]: changes },
  })),
];

/** A second later than it was signed for. */
function laterBySecond(der: Buffer): Buffer {
  const copy = Buffer.from(der);
  copy.write("01Z", copy.indexOf("00Z", 0, "latin1"), "latin1");
  return copy;
}

const indirect = extension("2.5.29.29", sequence(), true);

export const revocationCases: PlatformFamily = {
  family: "revocation",
  cases: [
    ...lists("pckCrl"),
    ...lists("rootCrl"),
    { name: "a withdrawn PCK certificate", fails: "tdx.pck-crl", faults: { pckCrl: { revoked: ["pck"] } } },
    {
      name: "a withdrawn PCK certificate among a thousand",
      fails: "tdx.pck-crl",
      faults: { pckCrl: { revoked: ["pck"], fillerEntries: 1000 } },
    },
    {
      name: "a withdrawn PCK certificate whose serial number has its top bit set",
      fails: "tdx.pck-crl",
      faults: { certificates: { pck: { serial: Buffer.from("ff".repeat(19), "hex") } }, pckCrl: { revoked: ["pck"] } },
    },
    {
      name: "a withdrawn PCK certificate under the Processor CA",
      fails: "tdx.pck-crl",
      simulator: { pckCa: "processor" },
      faults: { pckCrl: { revoked: ["pck"] } },
    },
    { name: "a withdrawn PCK CA", fails: "tdx.root-crl", faults: { rootCrl: { revoked: ["pck-ca"] } } },
    {
      name: "a withdrawn TCB signer",
      fails: "tdx.root-crl",
      faults: { rootCrl: { revoked: ["tcb-signing"] } },
    },
    { name: "a withdrawn root", fails: "tdx.root-crl", faults: { rootCrl: { revoked: ["root"] } } },
    { name: "the withdrawn CA of other machines", faults: { rootCrl: { revoked: ["other-pck-ca"] } } },
    { name: "the PCK's serial number on the root's list, which is not its CA's", faults: { rootCrl: { revoked: ["pck"] } } },
    { name: "the root's list in place of the PCK list", fails: "tdx.pck-crl", faults: { pckCrl: { issuer: "root" } } },
    {
      name: "the Processor CA's list for a machine under the Platform CA",
      fails: "tdx.pck-crl",
      faults: { pckCrl: { issuer: "other-pck-ca" }, pckCrlChain: ["other-pck-ca", "root"] },
    },
    {
      name: "the Platform CA's list for a machine under the Processor CA",
      fails: "tdx.pck-crl",
      simulator: { pckCa: "processor" },
      faults: { pckCrl: { issuer: "other-pck-ca" } },
    },
    { name: "the PCK list in place of the root's", fails: "tdx.root-crl", faults: { rootCrl: { issuer: "pck-ca" } } },
    {
      name: "both lists swapped",
      fails: "tdx.pck-crl",
      alsoFails: ["tdx.root-crl"],
      faults: { pckCrl: { issuer: "root", number: 1 }, rootCrl: { issuer: "pck-ca" } },
    },
    { name: "a PCK list beside another CA's chain", fails: "tdx.pck-crl", faults: { pckCrlChain: ["other-pck-ca", "root"] } },
    {
      name: "a PCK list with entries of another issuer",
      fails: "tdx.pck-crl",
      faults: { pckCrl: { entryExtensions: (all) => [...all, indirect] } },
    },
    {
      name: "a PCK list with entries that have an unknown critical extension",
      fails: "tdx.pck-crl",
      faults: { pckCrl: { entryExtensions: (all) => [...all, extension("1.3.6.1.4.1.99999.2", boolean(true), true)] } },
    },
    {
      name: "a CA that may sign certificates, but no lists",
      fails: "tdx.pck-crl",
      faults: { certificates: { "pck-ca": { usage: 0x04 } } },
    },
    ...rollback(),
  ],
};

/** Lists that are current, beside the newest one that was seen before. */
function rollback(): PlatformCase[] {
  const key = { pckCrl: "crl:Intel SGX PCK Platform CA", rootCrl: "crl:Intel SGX Root CA" } as const;
  const issued = (ms: number, entries: number) => BigInt(ms / SECOND_MS) * 2n ** 32n + BigInt(entries);
  return (["pckCrl", "rootCrl"] as const).flatMap((list): PlatformCase[] => {
    const name = `a ${NAME[list]} list`;
    const five = { [list]: { thisUpdateMs: NOW_MS - DAY_MS, fillerEntries: 5, revoked: [] } };
    const remembered = (ms: number, entries: number) => ({ [key[list]]: issued(ms, entries) });
    return [
      {
        name: `${name} older by a second than one that withdraws more`,
        fails: OWNER[list],
        faults: five,
        remembered: remembered(NOW_MS - DAY_MS + SECOND_MS, 6),
      },
      { name: `${name} older than one that withdraws less`, fails: OWNER[list], faults: five, remembered: remembered(NOW_MS, 4) },
      { name: `${name} older than one with as many entries`, faults: five, remembered: remembered(NOW_MS, 5) },
      { name: `${name} that was seen before`, faults: five, remembered: remembered(NOW_MS - DAY_MS, 5) },
      { name: `${name} newer than one with more entries`, faults: five, remembered: remembered(NOW_MS - 2 * DAY_MS, 600) },
      {
        name: `${name} with a lower number than another list has`,
        faults: { [list]: { number: 1 } },
        remembered: { "crl:another": 2n ** 64n },
      },
      { name: `${name} beside a number of earlier versions`, faults: five, remembered: { [key[list]]: 42n } },
    ];
  });
}
